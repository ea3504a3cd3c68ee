"""What is fuzzed: readers of untrusted files, the seeds of each, and what must hold of what they accept."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing import made
from trus.data.annotations import brush_rle, rle
from trus.data.images import image_size, read_frame, read_mask
from trus.data.intake.open import open_source
from trus.errors import TrusError
from trus.inference.metadata import parse_metadata
from trus.inference.postprocessing import decide
from trus.inference.predictor import open_predictor

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Real files, used as further seeds where they are there."""

FRAMES = 3
"""How many frames of an accepted file are decoded."""

_LARGEST_SEED = 600_000


@dataclass(frozen=True)
class Target:
    """`read` returns for an accepted file and raises TrusError for a refused one; `real` are globs of seeds."""

    made: tuple[Callable[[], Iterator[bytes]], ...]
    read: Callable[[Path], None]
    real: tuple[str, ...] = ()

    def seeds(self, real: bool = True) -> list[bytes]:
        """The made files and, of each glob, up to eight real ones that are not large."""
        found = [seed for make in self.made for seed in make()]
        for pattern in self.real if real else ():
            small = [path for path in sorted(REAL.glob(pattern)) if path.is_file() and _fits(path)]
            found += [path.read_bytes() for path in small[:: max(1, len(small) // 8)][:8]]
        return found


def _fits(path: Path) -> bool:
    return path.stat().st_size <= _LARGEST_SEED


def _require(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def read_source(path: Path) -> None:
    """Raw files as the intake and the service read them: by content, the first frames decoded."""
    source = open_source(path)
    for _, frame in source.frames(range(min(source.header.frames or FRAMES, FRAMES))):
        _check_frame(frame)
        _require(frame.shape[:2] == source.header.size, "a frame of another size than the header's")
    for region in source.header.regions or ():
        x0, y0, x1, y1 = region.box
        _require(0 <= x0 < x1 <= source.header.size[1], "a region beyond the frame")
        _require(0 <= y0 < y1 <= source.header.size[0], "a region beyond the frame")
        _require(region.spacing is None or min(region.spacing) > 0, "a spacing of nothing")


def read_image(path: Path) -> None:
    """Pictures as intake and service, manifest and command read them; the last refusal counts."""
    refused = None
    for read in (read_source, lambda p: _check_frame(read_frame(p)), lambda p: _check_mask(read_mask(p)), image_size):
        try:
            read(path)
        except TrusError as error:
            refused = error
    if refused is not None:
        raise refused


def _check_frame(frame: np.ndarray) -> None:
    _require(frame.dtype in (np.uint8, np.uint16), f"a frame of {frame.dtype}")
    _require(frame.size and (frame.ndim == 2 or frame.shape[2:] == (3,)), f"a frame of {frame.shape}")


def _check_mask(mask: np.ndarray) -> None:
    _require(mask.dtype == np.uint8 and mask.ndim == 2, f"a mask of {mask.dtype} {mask.shape}")


def read_metadata(path: Path) -> None:
    """A model file's document: what is accepted can be used on a small frame."""
    metadata = parse_metadata(path.read_bytes().decode("utf-8", "surrogateescape"), "model.onnx")
    planes = np.full((len(metadata.thresholds), 8, 9), 0.6, np.float32)
    labels = decide(planes, metadata.class_set, metadata.thresholds, metadata.postprocessing, (0.2, 0.2))
    _require(labels.dtype == np.uint8 and labels.shape == (8, 9), "a mask of another form")
    array, geometry = metadata.preprocessor(made.frame(1))
    _require(array.shape == metadata.input_shape and np.isfinite(array).all(), "an input of another form")
    geometry.inverse_probabilities(array[:1])


def read_model(path: Path) -> None:
    """A whole model file: opened, and refused or ready; its answer must be a mask of the frame."""
    predictor = open_predictor(path.rename(path.with_suffix(".onnx")), 1)
    prediction = predictor.predict(made.frame(1))
    _require(prediction.labels.shape == made.SIZE, "a mask of another size")


def read_run_lengths(path: Path) -> None:
    """Run lengths of any JSON: what is accepted is a plane of its size, and comes back from the encoder."""
    document = _json(path)
    size = document.get("size")
    if "brush" in document:
        rle.checked_size(size)
        plane = brush_rle.decode(brush_rle.packed(document["brush"], (size[0], size[1])), (size[0], size[1]))
    else:
        plane = rle.decode(document.get("counts"), size)
    _require(plane.shape == tuple(size) and plane.dtype == bool, "a mask of another form")
    _require(np.array_equal(rle.decode(rle.compress(rle.encode(plane)), size), plane), "does not come back")


def _json(path: Path) -> dict[str, Any]:
    """The document, or an empty one: JSON itself is not what is tested."""
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


_PICTURES = ("usgra/images/*.png", "busi_subset/**/*.png", "hc18_subset/**/*.png", "annotation_exports/**/*.jpg")
TARGETS = {
    "image": Target((made.images,), read_image, _PICTURES),
    "dicom": Target((made.dicoms,), read_source, ("dicom_us/*",)),
    "metadata": Target((made.metadata,), read_metadata),
    "model": Target((made.model_files,), read_model),
    "rle": Target((made.run_lengths,), read_run_lengths),
}
