"""Where the ultrasound picture lies in a screen dump, told from its pixels alone; None when that is not certain."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from trus.data.intake.source import Box

THRESHOLDS = (1, 3, 6, 12, 20)
"""Levels of 255 above the background from which a pixel is lit; the lowest that gives a sure sector is taken."""
WORKING_SIDE = 512
MIN_AREA = 0.1
"""Fraction of the frame. Smaller ones are thumbnails, or the lit near field of a dark sector."""
MIN_SOLIDITY = 0.9
"""Fraction of the convex outline that is tissue; text or a bar joined to it makes an outline with empty corners."""
MAX_SECOND = 0.15
"""A second lit piece this large, relative to the first: two pictures side by side, or a trace beside one."""
MAX_SPILL = 0.12
"""Fraction of the strip around the outline that is lit: the edge of a real sector is sharp."""
MAX_COLOURED = 0.5
"""Fraction of the sector in strong colour: a colour box covers less, a photograph more."""
MIN_RECTANGLE = 0.97
"""Fraction of its box that a rectangle fills."""


@dataclass(frozen=True)
class Sector:
    """The ultrasound picture: its box (x1 and y1 exclusive), its kind, and its outline, float32 (n, 2) of x, y."""

    box: Box
    shape: Literal["fan", "rectangle"]
    outline: np.ndarray

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """The pixels inside, bool (H, W), for a frame of `size` (H, W)."""
        inside = np.zeros(size, np.uint8)
        cv2.fillPoly(inside, [np.rint(self.outline).astype(np.int32)], 1)
        return inside.astype(bool)


def find_sector(frame: np.ndarray, moving: np.ndarray | None = None) -> Sector | None:
    """Find the ultrasound picture in `frame`, uint8 or uint16, (H, W) or (H, W, 3) RGB.

    `moving`, bool (H, W), are the pixels that change over the clip (`ClipMotion.moving`): whatever stands still is
    then no tissue. Returns None when not sure.
    """
    grey = to_grey(frame)
    if min(grey.shape) < 32:
        return None
    plain = _furniture_free(grey)
    if moving is not None:
        plain = plain & _grown(moving, 7)
    background = _background(grey)
    for threshold in THRESHOLDS:
        lit = (grey > min(background + threshold, 254)) & plain
        sector = _sector_of(lit)
        if sector is not None and not _too_colourful(frame, sector):
            return sector
    return None


def to_grey(frame: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of a uint8 or uint16 frame: the largest channel, so that colours are as bright as they look."""
    if frame.dtype == np.uint16:
        frame = (frame >> 8).astype(np.uint8) if frame.max() > 4095 else (frame >> 4).astype(np.uint8)
    return frame if frame.ndim == 2 else np.ascontiguousarray(frame.max(-1))


def _background(grey: np.ndarray) -> int:
    """The level of the empty screen: the darkest that fills a hundredth of the frame, 0 when the frame is all tissue."""
    counts = np.cumsum(np.bincount(grey[::2, ::2].ravel(), minlength=256))
    level = int(np.searchsorted(counts, 0.01 * counts[-1]))
    return level if level <= 32 else 0


def _furniture_free(grey: np.ndarray) -> np.ndarray:
    """Pixels that do not lie in an evenly filled area, such as the bars of a screen: bool (H, W)."""
    kernel = np.ones((5, 5), np.uint8)
    flat = (cv2.dilate(grey, kernel) == cv2.erode(grey, kernel)) & (grey < 255)
    return ~_grown(flat, 5)


def _grown(mask: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)).view(bool)


def _sector_of(lit: np.ndarray) -> Sector | None:
    piece = _largest_piece(lit)
    if piece is None:
        return None
    points = cv2.findNonZero(piece)
    hull = cv2.convexHull(points)
    inside = np.zeros(lit.shape, np.uint8)
    cv2.fillConvexPoly(inside, hull, 1)
    area = int(inside.sum())
    if area < MIN_AREA * lit.size or _solidity(piece, inside) < MIN_SOLIDITY or _spill(lit, inside) > MAX_SPILL:
        return None
    x, y, width, height = cv2.boundingRect(hull)
    rectangle = area >= MIN_RECTANGLE * width * height
    box = (x, y, x + width, y + height)
    outline = (
        hull[:, 0] if not rectangle else np.array([(x, y), (box[2] - 1, y), (box[2] - 1, box[3] - 1), (x, box[3] - 1)])
    )
    return Sector(box, "rectangle" if rectangle else "fan", outline.astype(np.float32))


def _largest_piece(lit: np.ndarray) -> np.ndarray | None:
    """The lit pixels of the one large dense piece, uint8 (H, W); None without one, or with a second."""
    scale = min(1.0, WORKING_SIDE / max(lit.shape))
    size = (round(lit.shape[1] * scale), round(lit.shape[0] * scale))
    small = cv2.resize(lit.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    side = max(5, round(0.025 * max(size)) | 1)
    dense = (cv2.blur(small, (side, side), borderType=cv2.BORDER_REPLICATE) > 140).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dense)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas)
    if not areas.size or (areas.size > 1 and areas[order[1]] > MAX_SECOND * areas[order[0]]):
        return None
    piece = _grown(labels == 1 + order[0], side)
    near = cv2.resize(piece.view(np.uint8), lit.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return cv2.morphologyEx(near & lit.view(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))


def _solidity(piece: np.ndarray, inside: np.ndarray) -> float:
    """Fraction of the outline that is within reach of a lit pixel or enclosed by lit ones."""
    closed = cv2.morphologyEx(piece, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(closed, contours, -1, 1, cv2.FILLED)
    return float((closed & inside).sum() / inside.sum())


def _spill(lit: np.ndarray, inside: np.ndarray) -> float:
    """Fraction of the strip around the outline, inside the frame, that is lit."""
    near = cv2.dilate(inside, np.ones((5, 5), np.uint8))
    strip = cv2.dilate(inside, np.ones((15, 15), np.uint8)) & ~near & 1
    total = int(strip.sum())
    return float((strip & lit).sum() / total) if total else 0.0


def _too_colourful(frame: np.ndarray, sector: Sector) -> bool:
    if frame.ndim == 2:
        return False
    inside = frame[sector.mask(frame.shape[:2])]
    chroma = inside.max(-1) - inside.min(-1)
    return bool((chroma > 0.2 * np.iinfo(frame.dtype).max).mean() > MAX_COLOURED)
