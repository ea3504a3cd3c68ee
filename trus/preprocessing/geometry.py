"""Where a frame's region lies in the network's input, and the way back for masks, probabilities, points and spacing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from operator import index
from typing import Any, Literal

import numpy as np

from trus.errors import ConfigError, ImageError
from trus.preprocessing.resample import resize, resize_nearest

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Geometry:
    """The map between an original frame and the network's input, exact in both directions.

    source: (H, W) of the frame. region: (x0, y0, x1, y1), half-open px box of the frame that was kept.
    size: (h, w) of the network's input. content: (y0, x0, h, w), where the region lies in that input; the rest is
    padding. The scale of each axis is content over region, so rounding to whole pixels is part of the map.
    Points are (x, y) with pixel centres at whole numbers, as in cv2.resize: x' = (x + 0.5) * scale - 0.5.

    Raises ImageError when the region leaves the frame or is empty, or the content leaves the input.
    """

    source: tuple[int, int]
    region: Box
    size: tuple[int, int]
    content: Box

    def __post_init__(self) -> None:
        """Refuse boxes that are empty or outside."""
        check_region(self.region, self.source)
        y0, x0, height, width = self.content
        inside = y0 >= 0 and x0 >= 0 and y0 + height <= self.size[0] and x0 + width <= self.size[1]
        if not (inside and height > 0 and width > 0):
            raise ImageError(f"content {self.content} (y0, x0, h, w) is empty or outside the input (h, w) {self.size}")

    @classmethod
    def fit(
        cls,
        source: tuple[int, int],
        size: tuple[int, int],
        region: Sequence[float] | None = None,
        mode: Literal["letterbox", "stretch"] = "letterbox",
    ) -> "Geometry":
        """Fit a region of a (H, W) frame, by default all of it, into a (h, w) input. Raises ImageError.

        letterbox keeps the aspect ratio within the rounding to whole pixels and centres the region; stretch fills.
        """
        box = whole_box(region) if region is not None else (0, 0, source[1], source[0])
        check_region(box, source)
        if mode == "stretch":
            return cls(source, box, size, (0, 0, *size))
        height, width = box[3] - box[1], box[2] - box[0]
        scale = min(size[0] / height, size[1] / width)
        inner = (_scaled(height, scale, size[0]), _scaled(width, scale, size[1]))
        return cls(source, box, size, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2, *inner))

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels per frame pixel, (x, y)."""
        return self.content[3] / self._region_size[1], self.content[2] / self._region_size[0]

    def forward_planes(self, planes: np.ndarray) -> np.ndarray:
        """One binary mask a class, (K, H, W) bool or uint8 (0 or not) -> (K, h, w) uint8 0 or 1; padding is 0.

        A pixel is 1 where at least half of it is covered (area-averaged; linear along an axis that grows).
        """
        # Averages of whole pixels miss an exact half by a rounding error.
        return (self.forward_probabilities(planes != 0) >= 0.5 - 1e-6).astype(np.uint8)

    def forward_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Shares or probabilities (K, H, W) of any type -> (K, h, w) float32, averaged or linear; padding is 0."""
        _check_shape("planes", probabilities.shape[1:], self.source)
        result = np.zeros((len(probabilities), *self.size), np.float32)
        for plane, target in zip(probabilities, result, strict=True):
            target[self.content_slices] = resize(plane[self._region_slices].astype(np.float32), self.content[2:])
        return result

    def forward_mask(self, labels: np.ndarray) -> np.ndarray:
        """Label values (H, W) -> (h, w) of the same type, nearest pixel centre; padding is 0."""
        _check_shape("labels", labels.shape, self.source)
        result = np.zeros(self.size, labels.dtype)
        result[self.content_slices] = resize_nearest(labels[self._region_slices], self.content[2:])
        return result

    def inverse_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (K, h, w) float32 -> (K, H, W) float32, averaged or linear; 0 outside the region."""
        _check_shape("probabilities", probabilities.shape[1:], self.size)
        result = np.zeros((len(probabilities), *self.source), np.float32)
        for plane, target in zip(probabilities, result, strict=True):
            content = np.ascontiguousarray(plane[self.content_slices], np.float32)
            target[self._region_slices] = resize(content, self._region_size)
        return result

    def inverse_mask(self, labels: np.ndarray) -> np.ndarray:
        """Label values (h, w) -> (H, W) of the same type, nearest pixel centre; 0 outside the region."""
        _check_shape("labels", labels.shape, self.size)
        result = np.zeros(self.source, labels.dtype)
        result[self._region_slices] = resize_nearest(labels[self.content_slices], self._region_size)
        return result

    def forward_points(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) float64 (x, y) in the frame, px -> (N, 2) in the input, px."""
        return (_as_points(points) - self.region[:2] + 0.5) * self.scale - 0.5 + self.content[1::-1]

    def inverse_points(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) float64 (x, y) in the input, px -> (N, 2) in the frame, px."""
        return (_as_points(points) - self.content[1::-1] + 0.5) / self.scale - 0.5 + self.region[:2]

    def forward_spacing(self, spacing: tuple[float, float]) -> tuple[float, float]:
        """(row_mm, col_mm) of a frame pixel -> of an input pixel."""
        return spacing[0] / self.scale[1], spacing[1] / self.scale[0]

    def inverse_spacing(self, spacing: tuple[float, float]) -> tuple[float, float]:
        """(row_mm, col_mm) of an input pixel -> of a frame pixel."""
        return spacing[0] * self.scale[1], spacing[1] * self.scale[0]

    def to_dict(self) -> dict[str, list[int]]:
        """Plain JSON types; `Geometry.from_dict` gives an equal object back."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Geometry":
        """Build from `to_dict`'s result. Raises ConfigError for missing, unknown or malformed keys."""
        lengths = {"source": 2, "region": 4, "size": 2, "content": 4}
        names = [field.name for field in fields(cls)]
        if set(document) != set(names):
            raise ConfigError(f"geometry has keys {sorted(document)}; it needs exactly {names}")
        values: dict[str, Any] = {name: _whole_numbers(name, document[name], lengths[name]) for name in names}
        return cls(**values)

    @property
    def content_slices(self) -> tuple[slice, slice]:
        """Rows and columns of the input that hold the region; the rest is padding."""
        y0, x0, height, width = self.content
        return slice(y0, y0 + height), slice(x0, x0 + width)

    @property
    def _region_slices(self) -> tuple[slice, slice]:
        x0, y0, x1, y1 = self.region
        return slice(y0, y1), slice(x0, x1)

    @property
    def _region_size(self) -> tuple[int, int]:
        x0, y0, x1, y1 = self.region
        return y1 - y0, x1 - x0


def whole_box(region: Sequence[float]) -> Box:
    """A box as whole numbers; 10.0, as a table with gaps stores it, counts as 10. Raises ImageError otherwise."""
    try:
        values = [float(value) for value in region]
    except OverflowError:
        values = []
    if len(values) != 4 or not all(value.is_integer() for value in values):
        raise ImageError(f"region {list(region)}: give four whole numbers x0, y0, x1, y1 in px")
    x0, y0, x1, y1 = (int(value) for value in values)
    return x0, y0, x1, y1


def check_region(region: Box, source: tuple[int, int]) -> None:
    """Raise ImageError unless the half-open box lies inside the (H, W) frame and holds a pixel."""
    x0, y0, x1, y1 = region
    if not (0 <= x0 < x1 <= source[1] and 0 <= y0 < y1 <= source[0]):
        raise ImageError(
            f"region {list(region)} (x0, y0, x1, y1) is empty or outside the frame of {source[1]}x{source[0]} px "
            f"(width x height); it needs 0 <= x0 < x1 <= {source[1]} and 0 <= y0 < y1 <= {source[0]}"
        )


def _scaled(length: int, scale: float, limit: int) -> int:
    return min(max(1, round(length * scale)), limit)


def _as_points(points: np.ndarray) -> np.ndarray:
    array = np.asarray(points, np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ImageError(f"points have shape {array.shape}; give (N, 2) rows of x, y")
    return array


def _whole_numbers(name: str, values: Any, length: int) -> tuple[int, ...]:
    try:
        numbers = tuple(index(value) for value in values)
    except TypeError:
        numbers = ()
    if len(numbers) != length:
        raise ConfigError(f"geometry.{name}: {values!r} is not a list of {length} whole numbers")
    return numbers


def _check_shape(name: str, shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    if tuple(shape) != tuple(expected):
        raise ImageError(f"{name}: the last two axes are {tuple(shape)}, but this geometry needs {tuple(expected)}")
