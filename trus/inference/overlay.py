"""Colours and contours: how masks are shown over a frame, everywhere the same."""

import cv2
import numpy as np

PALETTE = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0), (0, 114, 178))
"""RGB colours of the targets in order, told apart by colour-blind eyes too (Okabe & Ito 2008)."""


def class_colour(index: int) -> tuple[int, int, int]:
    """RGB of the target at `index`."""
    return PALETTE[index % len(PALETTE)]


def display(image: np.ndarray) -> np.ndarray:
    """Any frame as uint8 RGB (H, W, 3); 16 bit are stretched over the frame's own range."""
    if image.dtype != np.uint8:
        low, high = int(image.min()), int(image.max())
        image = ((image.astype(np.float32) - low) * (255 / max(high - low, 1))).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def draw_overlay(image: np.ndarray, planes: np.ndarray, opacity: float = 0.25) -> np.ndarray:
    """Frame (H, W[, 3]) with 0/1 planes (K, H, W) filled faintly and contoured -> uint8 RGB (H, W, 3)."""
    shown = display(image).copy()
    width = max(1, round(min(shown.shape[:2]) / 300))
    for k, plane in enumerate(planes.astype(np.uint8)):
        colour = class_colour(k)
        _tint(shown, plane.astype(bool), colour, opacity)
        contours, _ = cv2.findContours(plane, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, contours, -1, colour, width, cv2.LINE_AA)
    return shown


def _tint(shown: np.ndarray, inside: np.ndarray, colour: tuple[int, int, int], opacity: float) -> None:
    """Mix `colour` into the pixels of `inside`, by a table: there are only 256 grey levels."""
    levels = np.arange(256)
    for channel, value in enumerate(colour):
        table = ((1 - opacity) * levels + opacity * value).astype(np.uint8)
        plane = shown[..., channel]
        plane[inside] = table[plane[inside]]
