"""Model files on this computer that the application can offer: looked for in few places, not deep and not long."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trus.errors import TrusError
from trus.inference.metadata import ModelMetadata
from trus.inference.predictor import read_model_file

MOST_FOUND = 50
MOST_SECONDS = 2.0
DEEPEST = 5
"""Folders below `outputs`; a multirun of several folds has its model files at the fourth."""
MOST_FOLDERS = 5000
PASSED_OVER = ("mlartifacts", "mlruns", "checkpoints", "predictions", "panels")
"""Folders of a training that hold none, or copies."""


@dataclass(frozen=True)
class FoundModel:
    """A model file that can be loaded: `id` names it to the page."""

    id: str
    path: Path
    bytes: int
    metadata: ModelMetadata

    def is_copy_of(self, other: "FoundModel") -> bool:
        """It says and weighs the same."""
        return (self.bytes, self.metadata) == (other.bytes, other.metadata)


class FoundModels:
    """Model files in `folders` (flat) and below `trees`, newest first. Broken files are left out.

    What a file says of itself is read once for each state of it.
    """

    def __init__(self, folders: tuple[Path, ...] = (), trees: tuple[Path, ...] = ()):
        self._folders, self._trees = folders, trees
        self._known: dict[tuple[Path, int, int], FoundModel | None] = {}
        self._lock = threading.Lock()

    def look(self) -> list[FoundModel]:
        """Look again. Takes up to two seconds the first time."""
        with self._lock:
            ends = time.monotonic() + MOST_SECONDS
            files = sorted(self._files(ends), key=lambda found: -found[1])
            found: dict[str, FoundModel] = {}
            for key in files:
                if len(found) >= MOST_FOUND or time.monotonic() > ends:
                    break
                if key not in self._known:
                    self._known[key] = _read(key[0], key[2])
                model = self._known[key]
                if model is not None and not any(model.is_copy_of(other) for other in found.values()):
                    found[model.id] = model
            return [*found.values()]

    def find(self, model_id: str) -> FoundModel | None:
        """The one with that id, among those that are there now."""
        return next((model for model in self.look() if model.id == model_id), None)

    def _files(self, ends: float) -> Iterator[tuple[Path, int, int]]:
        """Path, time of change and size of each."""
        for folder in self._folders:
            yield from _models_in(folder, every=True)
        for tree in self._trees:
            for number, folder in enumerate(_folders_below(tree)):
                if number >= MOST_FOLDERS or time.monotonic() > ends:
                    return
                yield from _models_in(folder, every=False)


def usual_places() -> FoundModels:
    """The current folder, `outputs` in it, and the user's own folder for models (XDG_DATA_HOME)."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return FoundModels((Path.cwd(), home / "trus" / "models"), (Path.cwd() / "outputs",))


def is_synthetic(metadata: ModelMetadata) -> bool:
    """Whether it was trained on the phantom, not on pictures of people."""
    return any("phantom" in source.lower() for source in metadata.data.sources)


def _models_in(folder: Path, every: bool) -> Iterator[tuple[Path, int, int]]:
    """Its .onnx files; unless `every`, those named model.onnx, as trainings write them."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name == "model.onnx" or (every and entry.name.endswith(".onnx")):
            try:
                about = entry.stat()
            except OSError:
                continue
            if entry.is_file():
                yield Path(entry.path), about.st_mtime_ns, about.st_size


def _folders_below(tree: Path) -> Iterator[Path]:
    """Breadth first, the newest of each level first; links are not followed."""
    level = [tree]
    for _ in range(DEEPEST + 1):
        yield from level
        below = [found for folder in level for found in _subfolders(folder)]
        level = [path for _, path in sorted(below, reverse=True)]


def _subfolders(folder: Path) -> Iterator[tuple[int, Path]]:
    try:
        for entry in os.scandir(folder):
            if entry.name.startswith(".") or entry.name in PASSED_OVER:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield entry.stat().st_mtime_ns, Path(entry.path)
    except OSError:
        return


def _read(path: Path, size: int) -> FoundModel | None:
    try:
        metadata, _ = read_model_file(path)
    except (TrusError, OSError):
        return None
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return FoundModel(digest, path, size, metadata)
