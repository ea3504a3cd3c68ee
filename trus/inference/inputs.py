"""Which frames `trus predict` was asked for: files, folders, globs and manifests become a list of inputs."""

import glob
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from trus.data.images import FRAME_SUFFIXES, frame_files
from trus.errors import ImageError
from trus.files import hash_bytes


@dataclass(frozen=True)
class Input:
    """A frame to segment. `name` is where its results go below the output folder, unique within a batch."""

    path: Path
    name: str
    region: tuple[int, int, int, int] | None = None
    spacing: tuple[float, float] | None = None


def collect_inputs(
    arguments: list[str], spacing: tuple[float, float] | None = None, out: Path | None = None
) -> list[Input]:
    """Expand files, folders (searched at any depth), globs and manifests (.csv) in the order given, each file once.

    `spacing` in mm is used for frames whose manifest does not know theirs. What an earlier run wrote below `out` is
    no input. Raises ImageError for an argument that leads to no frame, ManifestError for a broken manifest.
    """
    results = {(out / folder).resolve() for folder in ("masks", "overlays")} if out else set()
    found: dict[Path, Input] = {}
    for argument in arguments:
        for item in _expand(argument):
            path = item.path.resolve()
            if results.isdisjoint(path.parents):
                found.setdefault(path, item if item.spacing else replace(item, spacing=spacing))
    return _unique_names([*found.values()])


def _expand(argument: str) -> list[Input]:
    path = Path(argument)
    if path.is_dir():
        files = frame_files(path)
        if not files:
            raise ImageError(f"{argument}: no frame in this folder ({', '.join(FRAME_SUFFIXES)})")
        return [Input(file, file.relative_to(path).with_suffix("").as_posix()) for file in files]
    if path.suffix.lower() == ".csv":
        return _from_manifest(path)
    if path.exists() or not glob.has_magic(argument):
        return [Input(path, path.stem)]  # a missing file is reported with the frame, so that the rest goes on
    matches = sorted(Path(match) for match in glob.iglob(argument, recursive=True))  # noqa: PTH207 - absolute patterns too
    if not matches:
        raise ImageError(f"{argument}: matches no file")
    return [item for match in matches for item in _expand(str(match))]


def _from_manifest(path: Path) -> list[Input]:
    from trus.data.manifest import Manifest

    return [Input(f.image, f.image_id, f.region, f.spacing) for f in Manifest.load(path).frames]


def _unique_names(inputs: list[Input]) -> list[Input]:
    """Frames that share a name are told apart by their suffix, and if need be by a hash of their path."""
    for longer in (
        lambda item: f"{item.name}_{item.path.suffix[1:].lower()}",
        lambda item: f"{item.name}_{hash_bytes(str(item.path.resolve()).encode())[:8]}",
    ):
        count = Counter(item.name for item in inputs)
        inputs = [replace(item, name=longer(item)) if count[item.name] > 1 else item for item in inputs]
    return inputs
