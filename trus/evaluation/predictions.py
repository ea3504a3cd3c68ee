"""Predicted probabilities kept on disk, so that thresholds, ensembles and calibration never need the network again."""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from trus.errors import ModelFileError
from trus.files import atomic_path

LEVELS = 256
"""Probabilities are kept as floor(p * 256): `p >= t` is decided as before for every threshold t = n / 256."""


def write_predictions(path: Path, targets: tuple[str, ...], items: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write (image_id, probabilities float32 (K, H, W) in 0..1) one after the other, atomically; one byte a pixel."""
    with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        frames: list[dict[str, object]] = []
        for image_id, probabilities in items:
            levels = np.minimum(np.floor(probabilities * LEVELS), LEVELS - 1).astype(np.uint8)
            archive.writestr(str(len(frames)), levels.tobytes())
            frames.append({"image_id": image_id, "shape": levels.shape})
        archive.writestr("index.json", json.dumps({"targets": targets, "frames": frames}))


class Predictions(Mapping[str, np.ndarray]):
    """image_id -> probabilities float32 (K, H, W) in the frame's own size, read when asked for. Raises ModelFileError.

    A probability is the middle of its 1/256 step, the lowest step 0, as outside the region: it is at most 1/512 from
    what the network said, below 1/256 at most 1/256.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                index = json.loads(archive.read("index.json"))
            self.targets: tuple[str, ...] = tuple(index["targets"])
            self._place = {frame["image_id"]: (str(n), frame["shape"]) for n, frame in enumerate(index["frames"])}
        except FileNotFoundError as error:
            raise ModelFileError(f"{path}: no such predictions; train with callbacks.export.keep=true") from error
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ModelFileError(f"{path}: no predictions of trus, or damaged ({error!r})") from error

    def __getitem__(self, image_id: str) -> np.ndarray:
        """Probabilities of one frame; KeyError for one that is not there."""
        levels = self.levels(image_id)
        return np.where(levels > 0, (levels + np.float32(0.5)) / LEVELS, 0).astype(np.float32)

    def __iter__(self) -> Iterator[str]:
        """The image_ids, in the order of writing."""
        return iter(self._place)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._place)

    def levels(self, image_id: str) -> np.ndarray:
        """The steps as kept, uint8 (K, H, W)."""
        name, shape = self._place[image_id]
        try:
            with zipfile.ZipFile(self.path) as archive:
                return np.frombuffer(archive.read(name), np.uint8).reshape(shape)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelFileError(f"{self.path}: the prediction of {image_id} is damaged ({error!r})") from error
