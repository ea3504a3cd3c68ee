"""Resizing with the axes kept apart, and with pixel centres at x' = (x + 0.5) * scale - 0.5 as in cv2.resize."""

from typing import Literal

import cv2
import numpy as np

Interpolation = Literal["linear", "cubic", "nearest"]

_FLAGS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


def resize(plane: np.ndarray, size: tuple[int, int], enlarge: Interpolation = "linear") -> np.ndarray:
    """Resize one plane; an axis that shrinks is averaged over pixel areas, one that grows is interpolated.

    plane: (H, W) float32. size: (h, w). Returns float32 (h, w); only cubic can leave the range of the input.
    cv2.INTER_AREA silently becomes bilinear when one of the axes grows, hence two steps.
    """
    height, width = size
    shrunk = (min(height, plane.shape[0]), min(width, plane.shape[1]))
    if shrunk != plane.shape:
        plane = cv2.resize(plane, shrunk[::-1], interpolation=cv2.INTER_AREA)
    if enlarge == "nearest":
        return resize_nearest(plane, size)
    if size != plane.shape:
        plane = cv2.resize(plane, (width, height), interpolation=_FLAGS[enlarge])
    return plane


def resize_nearest(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pick for each pixel the nearest pixel centre: (H, W) of any type to (h, w) of the same type.

    cv2.INTER_NEAREST picks by the pixel's corner instead, a shift of up to half a pixel.
    """
    rows, columns = (_nearest(old, new) for old, new in zip(plane.shape, size, strict=True))
    return plane[rows][:, columns]


def _nearest(old: int, new: int) -> np.ndarray:
    # Whole-number arithmetic: a floating-point scale can put an exact centre into the neighbouring pixel.
    return (2 * np.arange(new) + 1) * old // (2 * new)
