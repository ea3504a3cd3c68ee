"""One import at a time, and earlier states of a data set: OUT/earlier/<UTC time>/, each a data set that loads."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trus.data.manifest import write_manifest
from trus.data.schema import COLUMNS, read_table
from trus.errors import ManifestError
from trus.files import atomic_path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


UNFINISHED = ".unfinished-"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the lock ends with it, however it ends. Raises ManifestError where it is held.

    Where the system locks no folders (Windows), nothing is held.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ManifestError(f"-o {folder}: another import is writing into it; wait for its end") from error
        yield
    finally:
        os.close(handle)


def keep_earlier(out: Path, further: Iterable[Path] = ()) -> Path:
    """Copy manifest.csv, classes.json and all masks of `out`, and `further` files below it, to out/earlier/<UTC time>.

    The copy's manifest refers to the copied masks, and to the frames where they are. It appears under its name only
    when it is complete.
    """
    parent = out / "earlier"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
    try:
        if (out / "manifest.csv").exists():
            _copy_data_set(out, folder)
        for path in further:
            _copy(path, folder / "replaced" / os.path.relpath(path, out).replace(f"..{os.sep}", ""))
        folder.chmod(0o755)
        return folder.rename(_free_name(parent))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_data_set(out: Path, folder: Path) -> None:
    table = read_table(out / "manifest.csv").to_dict("records")
    rows = [{str(key): str(text) for key, text in row.items()} for row in table]
    for row in rows:
        row["image"] = Path(os.path.relpath(out / row["image"], folder)).as_posix()
        if row.get("mask"):
            there, row["mask"] = out / row["mask"], f"masks/{row['image_id']}.png"
            if there.exists():
                _copy(there, folder / row["mask"])
    write_manifest(folder / "manifest.csv", rows, [key for key in rows[0] if key not in COLUMNS])
    _copy(out / "classes.json", folder / "classes.json")


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _free_name(parent: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    names = [stamp, *(f"{stamp}-{number}" for number in range(2, 1000))]
    return next(parent / name for name in names if not (parent / name).exists())
