"""A tool's download as it came: a .zip is unpacked to a temporary folder, safely and bounded."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from trus.data.annotations.names import TOOL_FOLDERS
from trus.errors import AnnotationError

MAX_BYTES = 10 * 2**30
MAX_RATIO = 200
MAX_MEMBERS = 200_000
_LITTLE = 64 * 2**20  # a plane of one value compresses a thousandfold; below this size no bomb is worth the name
_ENCRYPTED = 0x1
_UTF8 = 0x800


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """Yield `source` itself, or the folder that a .zip was unpacked to, which is gone afterwards.

    A single folder that wraps the archive's content is stepped into, unless its name means something to a format
    (train, images, ...). Names that Windows or macOS wrote without saying their encoding are read as UTF-8 or CP866.
    Raises AnnotationError for a missing source, a damaged or encrypted archive, members that lead out of the folder,
    links, and more than MAX_BYTES, MAX_MEMBERS or a ratio over MAX_RATIO; nothing is left behind then.
    """
    if not source.exists():
        raise AnnotationError(f"{source}: no such file or folder")
    if source.is_dir() or source.suffix.lower() != ".zip":
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="trus-archive-") as folder:
        _unpack(source, Path(folder).resolve())
        yield _stepped_into(Path(folder).resolve())


def _unpack(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            for member, name in _checked(archive, source):
                _extract(archive, member, folder / name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
        raise AnnotationError(f"{source}: cannot be unpacked ({error}); download it again") from error
    except (NotADirectoryError, FileExistsError, IsADirectoryError) as error:
        raise AnnotationError(f"{source}: two of its members share a name; unpack it by hand") from error


def _checked(archive: zipfile.ZipFile, source: Path) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise AnnotationError(f"{source}: holds {len(infos)} members; at most {MAX_MEMBERS} are unpacked")
    size = sum(info.file_size for info in infos)
    if size > MAX_BYTES or size > max(_LITTLE, MAX_RATIO * source.stat().st_size):
        raise AnnotationError(
            f"{source}: would unpack to {size / 2**20:.0f} MiB from {source.stat().st_size / 2**20:.1f} MiB; "
            f"at most {MAX_BYTES / 2**30:.0f} GiB and {MAX_RATIO} times its size are unpacked"
        )
    members = [(info, _safe_name(info, source)) for info in infos if not info.is_dir()]
    return [(info, name) for info, name in members if not _is_clutter(name)]


def _safe_name(info: zipfile.ZipInfo, source: Path) -> PurePosixPath:
    text = _decoded(info).replace("\\", "/")
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or not name.parts or text[1:2] == ":":
        raise AnnotationError(f"{source}: its member {text!r} leads out of the folder; nothing was unpacked")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise AnnotationError(f"{source}: its member {text!r} is a link; nothing was unpacked")
    if info.flag_bits & _ENCRYPTED:
        raise AnnotationError(f"{source}: is encrypted; unpack it yourself")
    return name


def _decoded(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _UTF8 or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437")  # what zipfile took it for
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp866")


def _is_clutter(name: PurePosixPath) -> bool:
    return name.parts[0] == "__MACOSX" or name.name in (".DS_Store", "Thumbs.db", "desktop.ini")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Unpack one member; zipfile reads no more than the size in its header, which is what was counted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, target.open("xb") as file:
        shutil.copyfileobj(packed, file, 2**20)


def _stepped_into(folder: Path) -> Path:
    entries = [*folder.iterdir()]
    if len(entries) == 1 and entries[0].is_dir() and entries[0].name.lower() not in TOOL_FOLDERS:
        return entries[0]
    return folder
