"""The one deterministic path from a frame to the network's input, for training, evaluation and deployment alike."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import Field, ValidationError, ValidationInfo, field_validator

from trus.errors import ConfigError, ImageError
from trus.preprocessing.geometry import Box, Geometry, whole_box
from trus.preprocessing.resample import Interpolation, resize
from trus.preprocessing.settings import (
    DenoiseMethod,
    FixedNormalise,
    NoDenoise,
    NormaliseMethod,
    PeronaMalik,
    Settings,
    Srad,
    describe,
    drop_leftovers,
)

_STRIDE = 32


class Preprocessor(Settings):
    """Greyscale -> region crop -> denoise at native resolution -> resize -> normalise -> channels.

    size: [H, W] of the network's input, multiples of 32.
    region: "manifest" (the box given with the frame, else all of it), null (always all of it) or
        [x0, y0, x1, y1], a half-open px box of the frame that is always used.
    denoise: {name: none | isotropic_diffusion | perona_malik | srad, ...}, on grey values 0..1, so that `kappa`
        is on that scale (0.1 = 25 grey levels of 255).
    resize: letterbox (keeps the aspect ratio, pads with black) or stretch.
    interpolation: linear, cubic (clipped to 0..1) or nearest, for an axis that grows; one that shrinks is averaged
        over pixel areas.
    normalise: {name: unit | fixed | zscore | percentile, ...}; statistics are those of the region. Padding is black
        (0) before it, hence 0 after unit and percentile, and -mean / std after fixed and zscore.
    channels: grey; grey3 (grey repeated); filtered3 (raw, denoised with `denoise` or Perona-Malik where that is
        none, and SRAD, or Perona-Malik where `denoise` is SRAD; the methods not configured have their defaults).
    """

    size: tuple[int, int]
    region: Literal["manifest"] | Box | None = "manifest"
    denoise: Annotated[DenoiseMethod, Field(discriminator="name")] = NoDenoise()
    resize: Literal["letterbox", "stretch"] = "letterbox"
    interpolation: Interpolation = "linear"
    normalise: Annotated[NormaliseMethod, Field(discriminator="name")] = FixedNormalise()
    channels: Literal["grey", "grey3", "filtered3"] = Field("grey3", validate_default=True)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Preprocessor":
        """Build from plain settings, as in conf/preprocessing/. Raises ConfigError that lists every problem."""
        if not isinstance(document, Mapping):
            raise ConfigError(
                f"preprocessing: {document!r} is not a mapping; valid keys: {', '.join(cls.model_fields)}"
            )
        try:
            return cls.model_validate(dict(document))
        except ValidationError as error:
            raise ConfigError(f"preprocessing has problems:\n{describe(error, cls.model_fields)}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, every default written out; `from_dict` gives an equal object back."""
        return self.model_dump(mode="json")

    @property
    def in_channels(self) -> int:
        """Channels of the network's input: 1 or 3."""
        return 1 if self.channels == "grey" else 3

    def geometry(self, source: tuple[int, int], region: Sequence[float] | None = None) -> Geometry:
        """The map for a (H, W) frame and the box of its manifest row, without touching pixels.

        Raises ConfigError when the configured region does not fit the frame, ImageError when `region` does not.
        """
        if not isinstance(self.region, tuple):
            return Geometry.fit(source, self.size, region if self.region else None, self.resize)
        try:
            return Geometry.fit(source, self.size, self.region, self.resize)
        except ImageError as error:
            raise ConfigError(f"preprocessing.{error}; or use region: manifest") from error

    def __call__(self, image: np.ndarray, region: Sequence[float] | None = None) -> tuple[np.ndarray, Geometry]:
        """Prepare one frame for the network.

        image: (H, W) grey or (H, W, 3) RGB; uint8, uint16, or float in 0..1; never modified.
        region: (x0, y0, x1, y1), half-open px, the box of the manifest row if it has one.
        Returns (C, h, w) float32, contiguous, and the Geometry that leads back.
        Raises ImageError for an image of another form or a box outside it, ConfigError for a configured box outside.
        """
        grey = to_grey(image)
        geometry = self.geometry(grey.shape, region)
        x0, y0, x1, y1 = geometry.region
        planes = self._denoised(grey[y0:y1, x0:x1])
        padded = np.zeros((len(planes), *self.size), np.float32)
        for plane, target in zip(planes, padded, strict=True):
            target[geometry.content_slices] = self._resized(plane, geometry.content[2:])
        return self._normalised(padded, geometry), geometry

    def _denoised(self, grey: np.ndarray) -> list[np.ndarray]:
        if self.channels != "filtered3":
            return [self.denoise.apply(grey)]
        first = PeronaMalik() if isinstance(self.denoise, NoDenoise) else self.denoise
        second = PeronaMalik() if isinstance(self.denoise, Srad) else Srad()
        return [grey, first.apply(grey), second.apply(grey)]

    def _resized(self, plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        resized = resize(plane, size, self.interpolation)
        return np.clip(resized, 0, 1) if self.interpolation == "cubic" else resized

    def _normalised(self, padded: np.ndarray, geometry: Geometry) -> np.ndarray:
        offset, divisor = self.normalise.statistics(padded[:, *geometry.content_slices])
        result = np.empty((self.in_channels, *self.size), np.float32)
        np.subtract(padded, offset[:, None, None], out=result)
        np.divide(result, divisor[:, None, None], out=result)
        return np.clip(result, 0, 1, out=result) if self.normalise.name == "percentile" else result

    @field_validator("denoise", "normalise", mode="before")
    @classmethod
    def _without_leftovers(cls, value: Any, info: ValidationInfo) -> Any:
        return drop_leftovers(str(info.field_name), value)

    @field_validator("size", mode="before")
    @classmethod
    def _multiples(cls, size: Any) -> Any:
        if not isinstance(size, Sequence) or len(size) != 2 or not all(isinstance(length, int) for length in size):
            raise ValueError(f"give [height, width], two multiples of {_STRIDE}")
        if any(length < _STRIDE or length % _STRIDE for length in size):
            choices = ", width ".join(_nearest_sizes(length) for length in size)
            raise ValueError(f"has to hold multiples of {_STRIDE}; nearest valid: height {choices}")
        return size

    @field_validator("region", mode="before")
    @classmethod
    def _region_form(cls, region: Any) -> Any:
        if region is None or region == "manifest":
            return region
        try:
            box = whole_box(region)
        except (ImageError, TypeError, ValueError):
            box = (0, 0, 0, 0)
        if not (0 <= box[0] < box[2] and 0 <= box[1] < box[3]):
            raise ValueError("use manifest, null or [x0, y0, x1, y1] in px with 0 <= x0 < x1 and 0 <= y0 < y1")
        return box

    @field_validator("channels")
    @classmethod
    def _statistics_fit(cls, channels: str, info: ValidationInfo) -> str:
        normalise, count = info.data.get("normalise"), 1 if channels == "grey" else 3
        if isinstance(normalise, FixedNormalise):
            for key, values in (("mean", normalise.mean), ("std", normalise.std)):
                if len(values) not in (1, count):
                    raise ValueError(f"normalise.{key} has {len(values)} numbers; give 1{' or 3' * (count == 3)}")
        return channels


def to_grey(image: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) RGB of uint8, uint16 or float 0..1 -> (H, W) float32 in 0..1 (BT.601 luma).

    Raises ImageError for another shape or type, an empty image, and floats that are not finite or leave 0..1.
    """
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3) or image.size == 0:
        raise ImageError(f"image has shape {image.shape}; give a grey (H, W) or an RGB (H, W, 3) array with pixels")
    if image.dtype not in (np.uint8, np.uint16) and not np.issubdtype(image.dtype, np.floating):
        raise ImageError(f"image has type {image.dtype}; give uint8, uint16, or float in 0..1")
    scale = 1 if np.issubdtype(image.dtype, np.floating) else np.iinfo(image.dtype).max
    native = image.astype(np.float32) if scale == 1 else image
    # Converted before scaling: OpenCV's whole-number luma maps equal channels to exactly that grey.
    grey = cv2.cvtColor(np.ascontiguousarray(native), cv2.COLOR_RGB2GRAY) if image.ndim == 3 else native
    grey = grey.astype(np.float32) / np.float32(scale)
    if scale == 1 and not (grey.min() >= 0 and grey.max() <= 1 + 1e-6):
        raise ImageError(f"float image has values from {grey.min()} to {grey.max()}; scale them to 0..1, without NaN")
    return grey


def _nearest_sizes(length: int) -> str:
    below = max(_STRIDE, length // _STRIDE * _STRIDE)
    above = max(_STRIDE, -(-length // _STRIDE) * _STRIDE)
    return f"{below}" if below == above else f"{below} or {above}"
