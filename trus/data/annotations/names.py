"""Names on the way to an annotation tool and back: which frame a picture's name means."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trus.data.annotations.roboflow import original_name
from trus.errors import AnnotationError
from trus.files import hash_bytes

TOOL_FOLDERS = {"train", "valid", "validation", "val", "test", "images", "masks", "labels", "annotations", "data"}
"""Folders, lower-case, that tools sort files into, and that say nothing of whose they are."""
_LONGEST = 200  # bytes; file systems take 255, tools put hashes and suffixes behind


@dataclass(frozen=True)
class Known:
    """A frame that a picture may belong to: its id, and its file relative to the data set."""

    image_id: str
    image: PurePosixPath


def export_names(frames: Iterable[Known], suffixes: Mapping[str, str]) -> dict[str, str]:
    """image_id -> flat file name under which a tool will know the frame; the same for the same manifest.

    Folders in the id become `__`. Two frames that would share a name, or names too long for a file system, get a hash
    of their id behind. `suffixes` maps an image_id to the suffix of its picture in the export.
    """
    flat = {frame.image_id: frame.image_id.replace("\\", "/").replace("/", "__") for frame in frames}
    holders = defaultdict(list)
    for image_id, name in flat.items():
        holders[name.lower()].append(image_id)
    for image_id, name in flat.items():
        if len(holders[name.lower()]) > 1 or len(name.encode()) > _LONGEST:
            short = name.encode()[: _LONGEST - 40].decode(errors="ignore")
            flat[image_id] = f"{short}_{hash_bytes(image_id.encode())[:8]}"
    return {image_id: name + suffixes.get(image_id, ".png") for image_id, name in flat.items()}


class NameIndex:
    """Finds the frame that a picture's name in an export means; the more exact reading of a name goes first."""

    def __init__(self, frames: Iterable[Known]):
        frames = [*frames]
        exported = export_names(frames, {})
        self._levels: list[dict[str, list[Known]]] = [defaultdict(list) for _ in range(4)]
        for frame in frames:
            file, flat = frame.image, exported[frame.image_id].removesuffix(".png")
            keys = (
                {frame.image_id, file.as_posix(), file.with_suffix("").as_posix()},
                {flat, file.name},
                {file.stem, PurePosixPath(frame.image_id).name},
                {_loose(text) for text in (frame.image_id, flat, file.stem)},
            )
            for level, names in zip(self._levels, keys, strict=True):
                for name in names:
                    level[name].append(frame)

    def find(self, name: str) -> Known:
        """The frame that `name` (sub-folders and suffix included) means. Raises AnnotationError: none, or several."""
        for level, wordings in zip(self._levels, _wordings(name), strict=True):
            for wording in wordings:
                if found := level.get(wording):
                    return _only(found)
        raise AnnotationError("no frame of the manifest has this name")

    def find_unseen(self, name: str) -> Known:
        """As `find`, for a name whose picture is not at hand to prove it: its folders must not contradict the frame's.

        Raises AnnotationError.
        """
        found = self.find(name)
        stated, known = _folders(name), _folders(found.image_id)
        depth = min(len(stated), len(known))
        if depth and stated[-depth:] != known[-depth:]:
            raise AnnotationError(
                f"has only its file name in common with {found.image_id}; name it so, or put the export's pictures "
                "beside its annotations"
            )
        return found


def _only(found: list[Known]) -> Known:
    if len(found) > 1:
        names = ", ".join(frame.image_id for frame in found[:5]) + (", ..." if len(found) > 5 else "")
        raise AnnotationError(f"may be any of {len(found)} frames of the manifest: {names}; rename it to the image_id")
    return found[0]


def _wordings(name: str) -> tuple[list[str], ...]:
    """What to look up in each level of the index, the most exact wording first."""
    path = PurePosixPath(name.replace("\\", "/"))
    original = PurePosixPath(original_name(path.name))
    whole = [path.as_posix(), path.with_suffix("").as_posix()] if path.name else []
    file = [path.name, path.stem, original.name, original.stem]
    return [*whole, *file], file, file, [_loose(text) for text in (path.stem, original.stem, *whole[1:]) if text]


def _folders(name: str) -> list[str]:
    """The folders in a name, those aside that tools sort files into."""
    parts = PurePosixPath(name.replace("\\", "/")).parts[:-1]
    return [_loose(part) for part in parts if part.lower() not in TOOL_FOLDERS]


def _loose(text: str) -> str:
    """What is left of a name when a tool has replaced its spaces, brackets and dots."""
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_") or text


def known_files(folder: Path, files: Iterable[Path]) -> list[Known]:
    """Files below a folder, each named by its path without suffix."""
    relative = [PurePosixPath(file.relative_to(folder).as_posix()) for file in files]
    return [Known(path.with_suffix("").as_posix(), path) for path in relative]
