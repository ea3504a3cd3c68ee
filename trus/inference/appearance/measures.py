"""A frame in a few numbers."""

import itertools

import cv2
import numpy as np

from trus.data.intake.sector import find_sector

Box = tuple[int, int, int, int]
Measures = dict[str, float]
"""Values by the names of `NAMES`."""

WORKING_SIDE = 256
"""Longer side, in pixels, of the thinned-out picture that is measured; a smaller one is taken as it is."""
SCALES = (1, 2, 4, 8)
"""Standard deviations, in pixels, of the blurs between which texture is looked at."""
NAMES = (
    *("side", "aspect", "colour", "field", "brightness", "contrast", "black", "even", "grain"),
    *(f"texture_{scale}" for scale in SCALES),
)
_BLACK, _COLOURED, _EVEN = 4 / 255, 0.15, 3 / 255
_LEAST = 1e-4
"""Added to what a logarithm is taken of."""


def measure_frame(image: np.ndarray, region: Box | None = None) -> Measures:
    """The measures of a frame, uint8 or uint16, (H, W) or (H, W, 3), within `region`: x0, y0, x1, y1. Some 15 ms.

    `side` is log2 of the longer side in px, `aspect` of width through height, `grain` of the change along columns
    through that along rows, `texture_S` of the mean change between two blurs where it is not black. The others are
    shares: coloured, black and evenly grey pixels, the part that is certainly ultrasound (`field`), of full scale
    (`brightness`, the mean; `contrast`, the deviation).
    """
    if region is not None:
        x0, y0, x1, y1 = region
        image = image[y0:y1, x0:x1]
    height, width = image.shape[:2]
    picture = _thinned(image)
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    measures = {
        "side": float(np.log2(max(height, width))),
        "aspect": float(np.log2(width / height)),
        "colour": 0.0 if picture.ndim == 2 else float((np.ptp(picture, axis=2) > _COLOURED).mean()),
        "field": _field(image),
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "black": float((grey < _BLACK).mean()),
        "even": float(((_spread(grey) < _EVEN) & (grey > 4 * _BLACK)).mean()),
        "grain": float(np.log2((_change(grey, 0) + _LEAST) / (_change(grey, 1) + _LEAST))),
    }
    return measures | _textures(grey)


def write(name: str, value: float) -> str:
    """A measure as people read it: `523 px`, `14%`, `0.0213` of full scale."""
    if name == "side":
        return f"{2**value:.0f} px"
    if name in ("aspect", "grain"):
        return f"{2**value:.2f}"
    return f"{2**value:.4f}" if name.startswith("texture") else f"{value:.0%}"


def _thinned(image: np.ndarray) -> np.ndarray:
    """float32 in 0..1, the longer side at most `WORKING_SIDE`."""
    longer = max(image.shape[:2])
    if longer > WORKING_SIDE:
        height, width = (max(1, round(side * WORKING_SIDE / longer)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return image.astype(np.float32) / (255 if image.dtype == np.uint8 else 65535)


def _field(image: np.ndarray) -> float:
    """Share of the picture that is certainly ultrasound; 0 where that is not certain of any part."""
    sector = find_sector(image)
    return 0.0 if sector is None else float(cv2.contourArea(sector.outline) / (image.shape[0] * image.shape[1]))


def _spread(grey: np.ndarray) -> np.ndarray:
    """Largest minus smallest value of each 5 x 5 neighbourhood."""
    kernel = np.ones((5, 5), np.uint8)
    return cv2.dilate(grey, kernel) - cv2.erode(grey, kernel)


def _change(grey: np.ndarray, axis: int) -> float:
    return float(np.abs(np.diff(grey, axis=axis)).mean()) if grey.shape[axis] > 1 else 0.0


def _textures(grey: np.ndarray) -> Measures:
    blurred = [grey, *(cv2.GaussianBlur(grey, (0, 0), scale) for scale in SCALES)]
    lit = grey >= _BLACK
    pairs = itertools.pairwise(blurred)
    changes = [float(np.abs(fine - coarse)[lit].mean()) if lit.any() else 0.0 for fine, coarse in pairs]
    return {f"texture_{s}": float(np.log2(change + _LEAST)) for s, change in zip(SCALES, changes, strict=True)}
