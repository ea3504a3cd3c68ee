"""The files of an export, read with bounds: documents, names, and pictures that stay inside the export."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from trus.data.annotations.exchange import AnnotatedFrame, ReadOptions
from trus.data.classes import Classes
from trus.data.images import FRAME_SUFFIXES, MAX_PIXELS, frame_files
from trus.errors import AnnotationError

MAX_BYTES = 256 * 2**20
"""A single document (JSON, XML) above this size is refused before it is read."""
MAX_ENTRIES = 20_000_000
"""A document with more brackets and commas than this is refused: a Python object each, some 100 bytes."""
BACKGROUND = ("background", "_background_", "__ignore__")
"""Names, lower-case, under which tools list what is no class."""
MOST_LINES = 1000
_SHOWN = 5


def document(path: Path) -> bytes:
    """The bytes of a document. Raises AnnotationError: missing, unreadable, or above MAX_BYTES."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AnnotationError(f"{path}: is {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are read")
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error


def read_json(path: Path) -> Any:
    """A JSON document. Raises AnnotationError, which names the file: not JSON, nested too deeply, or too large."""
    content = document(path)
    if sum(content.count(mark) for mark in b"[{,") > MAX_ENTRIES:
        raise AnnotationError(f"{path}: holds more than {MAX_ENTRIES} entries; export it in parts")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise AnnotationError(f"{path}: is nested too deeply to be an annotation file") from error
    except ValueError as error:
        raise AnnotationError(f"{path}: is not valid JSON ({error}); export it again") from error


def documents_in(folder: Path, suffix: str) -> list[Path]:
    """Files of this suffix at any depth, sorted; hidden ones and links that lead out of the folder are left out."""
    root = folder.resolve()
    files = (file for file in folder.rglob(f"*{suffix}") if not file.name.startswith("."))
    return sorted(file for file in files if file.is_file() and file.resolve().is_relative_to(root))


def read_text(path: Path) -> str:
    """A text file, UTF-8. Raises AnnotationError."""
    try:
        return document(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: is not UTF-8 text") from error


def picture_size(height: Any, width: Any) -> tuple[int, int]:
    """(height, width) as a document states it. Raises AnnotationError where these are no size of a picture."""
    for value in (height, width):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise AnnotationError(f"states a size of {some_text(width)} x {some_text(height)} px")
    if height * width > MAX_PIXELS:
        raise AnnotationError(f"states a size of {width}x{height} px; at most {MAX_PIXELS} pixels are read")
    return height, width


def some_text(value: Any) -> str:
    """A value of a document for a message: short, on one line."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply; an integer of too many digits
        return type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(lines: Iterable[str]) -> str:
    """The first lines joined by semicolons, and how many more there are."""
    every = list(lines)
    more = f"; and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return "; ".join(every[:_SHOWN]) + more


def shortened(lines: list[str], most: int = MOST_LINES) -> list[str]:
    """The first lines, and how many more there were: a damaged document can hold millions of wrong entries."""
    return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more lines like these"]


def nothing_read(source: Path, what: str, refused: list[str]) -> AnnotationError:
    """The error of a source that holds nothing of a format, with what was wrong in its files."""
    return AnnotationError("\n  ".join([f"{source}: {what}", *shortened(refused, 20)]))


def classes_named(names: Iterable[str], options: ReadOptions, source: Path) -> Classes:
    """Classes numbered from 1 in the order of `names`; without any, those of the data set.

    Raises AnnotationError: no class is known, or there are too many.
    """
    found = [name for name in dict.fromkeys(names) if name.strip() and name.lower() not in BACKGROUND]
    if not found and options.classes is not None:
        return options.classes
    if not found:
        raise AnnotationError(f"{source}: nothing is drawn in it, so that no class is known; name them by --classes")
    if len(found) > 255:
        raise AnnotationError(f"{source}: {len(found)} different labels; a mask holds at most 255")
    return Classes.from_dict({"labels": {"0": "background", **{str(k): n for k, n in enumerate(found, 1)}}})


def without_repeats(frames: list[AnnotatedFrame]) -> tuple[list[AnnotatedFrame], list[str]]:
    """The frames whose name (and annotator) stands there once, and a line for each of the others."""
    count = Counter((frame.name, frame.annotator) for frame in frames)
    refused = [
        f"{name}: is annotated {times} times{f' by {annotator}' if annotator else ''}; keep one of them in the tool"
        for (name, annotator), times in count.items()
        if times > 1
    ]
    return [frame for frame in frames if count[frame.name, frame.annotator] == 1], refused


def not_annotated(pictures: "Pictures", folder: Path, frames: Iterable[AnnotatedFrame]) -> list[AnnotatedFrame]:
    """The pictures of an export's own folder that none of its `frames` is about."""
    known = {frame.image for frame in frames}
    return [
        AnnotatedFrame(name=name.removeprefix("images/"), draw=None, image=file)
        for name, file in pictures.files.items()
        if file not in known and file.is_relative_to(folder)
    ]


class Pictures:
    """Image files of an export and of the user's folder of pictures, by name. Links that lead out are not followed.

    `deep` looks into sub-folders too.
    """

    def __init__(self, *folders: Path | None, deep: bool = True):
        self.deep = deep
        self.folders = [folder for folder in folders if folder is not None and folder.is_dir()]

    @cached_property
    def files(self) -> dict[str, Path]:
        """Path below its folder -> file; the export's own go before the user's."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            root = folder.resolve()
            for file in self._listed(folder):
                if file.resolve().is_relative_to(root):
                    found.setdefault(file.relative_to(folder).as_posix(), file)
        return found

    def _listed(self, folder: Path) -> list[Path]:
        if self.deep:
            return frame_files(folder)
        files = (file for file in sorted(folder.iterdir()) if file.suffix.lower() in FRAME_SUFFIXES)
        return [file for file in files if file.is_file() and not file.name.startswith(".")]

    @cached_property
    def _by_ending(self) -> dict[str, list[str]]:
        """Every ending of a path, with suffix and without -> the paths that end so."""
        endings = defaultdict(list)
        for path in self.files:
            parts = PurePosixPath(path).parts
            for start in range(len(parts)):
                ending = PurePosixPath(*parts[start:])
                endings[ending.as_posix()].append(path)
                endings[ending.with_suffix("").as_posix()].append(path)
        return endings

    def at(self, name: str) -> str | None:
        """The path in `files` that is `name`, or the only one that differs from it by its suffix."""
        if name in self.files or not PurePosixPath(name).name:
            return name if name in self.files else None
        stem = PurePosixPath(name).with_suffix("")
        paths = [path for path in self._by_ending.get(str(stem), []) if PurePosixPath(path).with_suffix("") == stem]
        return paths[0] if len(paths) == 1 else None

    def find(self, name: str) -> str | None:
        """The path in `files` that is `name`, or the only one that ends so; its suffix may be missing or another."""
        if name in self.files:
            return name
        stem = str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name
        for ending in (name, stem):
            paths = self._by_ending.get(ending, [])
            if len(paths) == 1:
                return paths[0]
        return None


def safe_name(text: Any) -> str:
    """A picture's name in a document as a relative path; what leads out of the export is cut down to the file name.

    Raises AnnotationError where no name is left.
    """
    if not isinstance(text, str):
        raise AnnotationError(f"names its picture {some_text(text)}")
    path = PurePosixPath(text.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in path.parts[0] if path.parts else True
    name = path.name if outside else path.as_posix()
    if not path.name or path.name == ".." or "\0" in name or not name.isprintable():
        raise AnnotationError(f"names its picture {some_text(text)}")
    return name
