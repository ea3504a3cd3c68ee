"""Where the ultrasound picture lies in a screen dump, told from its pixels alone; None when that is not certain.

Tissue is a large, dense piece of lit, uneven pixels with a sharp convex outline. Letters are too thin to be dense, bars
too even, ticks and logos too small.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from trus.data.intake.source import Box

WORKING_SIDE = 512
"""Longer side, in pixels, of the thinned-out frame that is looked at; outlines are as exact as its pixels."""
THRESHOLDS = (0, 1, 3, 6, 12, 20)
"""Levels of 255 above the background from which a pixel is lit; the lowest that gives a sure sector is taken."""
DIM = 12
"""Levels above the background up to which still pixels can be tissue and even areas are no bars."""
DENSE = 0.55
"""Tissue lights more than this fraction of each neighbourhood; lines of text about a third."""
MIN_AREA = 0.1
"""Fraction of the frame. Smaller ones are thumbnails, or the lit near field of a dark sector."""
MIN_SOLIDITY = 0.7
"""Fraction of the outline's inside that is tissue, with what tissue encloses."""
MIN_CONTACT = 0.72
"""Fraction of the outline's length with tissue at it; text or a bar joined to tissue makes long empty edges."""
MAX_SPILL = 0.15
"""Fraction of the strip around the outline that is lit: the edge of a real sector is sharp."""
MAX_SECOND = 0.2
"""A second piece this large, relative to the first: two pictures side by side, or a trace beside one."""
MAX_WHOLE = 0.9
"""Fraction of the frame above which nothing of a screen is seen around the sector."""
MAX_COLOURED = 0.5
"""Fraction of the sector in strong colour: a colour box covers less, a photograph more."""
MIN_RECTANGLE = 0.96
"""Fraction of its box that a rectangle fills."""
MAX_LEAF = 0.01
"""Fraction of the dark corners of a rectangle that may be bright."""


@dataclass(frozen=True)
class Sector:
    """The ultrasound picture: its box (x1 and y1 exclusive), its kind, and its outline, float32 (n, 2) of x, y.

    `fan` is every convex outline that is no rectangle: convex and endocavity arrays either way up, trapezoids, discs.
    """

    box: Box
    shape: Literal["fan", "rectangle"]
    outline: np.ndarray

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """The pixels inside, bool (H, W), for a frame of `size` (H, W)."""
        inside = np.zeros(size, np.uint8)
        cv2.fillPoly(inside, [np.rint(self.outline).astype(np.int32)], 1)
        return inside.view(bool)


def find_sector(frame: np.ndarray, moving: np.ndarray | None = None) -> Sector | None:
    """Find the ultrasound picture in `frame`, uint8 or uint16, (H, W) or (H, W, 3) RGB.

    `moving`, bool (H, W), are the pixels that change over the clip (`ClipMotion.moving`): what is bright and stands
    still is then no tissue. Returns None when not sure: no piece of tissue, or a second one; one that is small, ragged,
    hollow, without a sharp edge, or mostly coloured.
    """
    step = max(1, -(-max(frame.shape[:2]) // WORKING_SIDE))
    thinned = frame[::step, ::step]
    grey = to_grey(thinned)
    if min(grey.shape) < 32:
        return None
    spread = _spread(grey)
    background = _background(grey, spread)
    textured = ~_bars(grey, spread, background)
    if moving is not None:
        textured &= _grown(moving[::step, ::step], 7) | (grey <= background + DIM)
    earlier = None
    for threshold in THRESHOLDS:
        outline = _sure_outline(grey, (grey > background + threshold) & textured)
        if outline is not None and _leaves_or_repeats(grey, outline, earlier):
            return None if _too_colourful(thinned, outline) else _sector(outline, step, frame.shape[:2])
        earlier = outline
    return None


def _leaves_or_repeats(grey: np.ndarray, outline: np.ndarray, earlier: np.ndarray | None) -> bool:
    """Whether some screen is left outside; an outline of nearly all the frame must come at two thresholds in a row.

    At one alone it is a screen whose faint noise is lit.
    """
    smallest = MAX_WHOLE * grey.size
    return cv2.contourArea(outline) < smallest or (earlier is not None and cv2.contourArea(earlier) >= smallest)


def to_grey(frame: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of a uint8 or uint16 frame: the largest channel, so that colours are as bright as they look."""
    if frame.dtype == np.uint16:
        frame = (frame >> max(0, int(frame.max()).bit_length() - 8)).astype(np.uint8)
    if frame.ndim == 2:
        return np.ascontiguousarray(frame)
    red, green, blue = cv2.split(frame)
    return cv2.max(cv2.max(red, green), blue)


def _spread(grey: np.ndarray) -> np.ndarray:
    """Largest minus smallest level of each 5 x 5 neighbourhood."""
    kernel = np.ones((5, 5), np.uint8)
    return cv2.dilate(grey, kernel) - cv2.erode(grey, kernel)


def _background(grey: np.ndarray, spread: np.ndarray) -> int:
    """The level of the empty screen; -1 for a frame that shows none.

    It is the lowest level of evenly filled dark areas, or what the noise of a digitised video signal reaches where most
    of the frame's border is dark and noisy.
    """
    border = np.ones(grey.shape, bool)
    border[8:-8, 8:-8] = False
    noise = border & (spread >= 2) & (spread <= 12) & (grey <= 48)
    if noise.sum() > 0.6 * border.sum():
        return int(np.percentile(grey[noise], 99))
    even = np.bincount(grey[(spread == 0) & (grey <= 48)], minlength=1) > 0.005 * grey.size
    return int(even.argmax()) if even.any() else -1


def _bars(grey: np.ndarray, spread: np.ndarray, background: int) -> np.ndarray:
    """Evenly filled areas brighter than the background, such as a screen's bars or a page: bool (H, W).

    In dark tissue small areas are even too; there only large ones count.
    """
    even = (spread <= 2) & (grey > background + DIM) & (grey < 250)
    large = cv2.erode(even.view(np.uint8), np.ones((7, 7), np.uint8)).view(bool)
    return _grown(large, 11) | _grown(even & (grey > 96), 5)


def _grown(mask: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)).view(bool)


def _disc(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _sure_outline(grey: np.ndarray, lit: np.ndarray) -> np.ndarray | None:
    """The convex outline of the tissue, int32 (n, 1, 2); None when it fails one of the criteria."""
    tissue = _tissue(lit)
    if tissue is None:
        return None
    outline = _squared(grey, tissue, _hull(tissue))
    inside = cv2.fillConvexPoly(np.zeros(lit.shape, np.uint8), outline, 1)
    area = int(inside.sum())
    sure = (
        area >= MIN_AREA * lit.size
        and _spill(lit, inside) <= MAX_SPILL
        and _contact(tissue, outline) >= MIN_CONTACT
        and _solidity(tissue, inside) >= MIN_SOLIDITY
    )
    return outline if sure else None


def _tissue(lit: np.ndarray) -> np.ndarray | None:
    """The lit pixels of the largest dense piece and of those that its hull embraces, uint8 (H, W).

    None without one, or when another one is large too.
    """
    side = max(7, round(0.025 * max(lit.shape)) | 1)
    density = cv2.blur(lit.view(np.uint8) * 255, (side, side), borderType=cv2.BORDER_REPLICATE)
    dense = cv2.morphologyEx((density > DENSE * 255).view(np.uint8), cv2.MORPH_OPEN, _disc(side + 4))
    pieces, labels, stats, centres = cv2.connectedComponentsWithStats(dense)
    if pieces < 2:
        return None
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    first = int(areas.argmax())
    hull = _hull((labels == first).view(np.uint8))
    ours = [k for k in range(1, pieces) if k == first or cv2.pointPolygonTest(hull, centres[k], False) > 0]
    areas[ours] = 0
    if areas.max() > MAX_SECOND * stats[first, cv2.CC_STAT_AREA]:
        return None
    near = cv2.dilate(np.isin(labels, ours).view(np.uint8), _disc(side + 8)).view(bool)
    return cv2.morphologyEx((near & lit).view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def _hull(mask: np.ndarray) -> np.ndarray:
    """The convex hull of a mask, uint8 (H, W): int32 (n, 1, 2). Its rows' ends suffice, and are far fewer."""
    rows = np.flatnonzero(mask.any(1))
    first, last = mask[rows].argmax(1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(1)
    ends = np.stack([np.concatenate([first, last]), np.concatenate([rows, rows])], 1)
    return cv2.convexHull(ends.astype(np.int32))


def _squared(grey: np.ndarray, tissue: np.ndarray, hull: np.ndarray) -> np.ndarray:
    """The hull's box instead of the hull where the box is as wide as a linear array and its rest is dark tissue."""
    x, y, width, height = cv2.boundingRect(hull)
    inside = cv2.fillConvexPoly(np.zeros(grey.shape, np.uint8), hull, 1)[y : y + height, x : x + width]
    rest = grey[y : y + height, x : x + width][inside == 0]
    near = _grown(tissue, 13)[y : y + height, x : x + width]
    sides = min(near[:, 0].mean(), near[:, -1].mean(), max(near[0].mean(), near[-1].mean()))
    if inside.mean() < MIN_RECTANGLE and (inside.mean() < 0.75 or sides < 0.5 or (rest > 40).mean() > MAX_LEAF):
        return hull
    x1, y1 = x + width - 1, y + height - 1
    return np.array([[[x, y]], [[x1, y]], [[x1, y1]], [[x, y1]]], np.int32)


def _solidity(tissue: np.ndarray, inside: np.ndarray) -> float:
    """Fraction of the inside that is within reach of a lit pixel or enclosed by lit ones."""
    closed = cv2.morphologyEx(tissue, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(closed, contours, -1, 1, cv2.FILLED)
    return float((closed & inside).sum() / inside.sum())


def _contact(tissue: np.ndarray, outline: np.ndarray) -> float:
    """Fraction of the outline's length that has tissue within 6 pixels."""
    line = cv2.polylines(np.zeros(tissue.shape, np.uint8), [outline], True, 1)
    return float(_grown(tissue, 13)[line.view(bool)].mean())


def _spill(lit: np.ndarray, inside: np.ndarray) -> float:
    """Fraction of the strip around the outline, inside the frame, that is lit."""
    strip = cv2.dilate(inside, np.ones((11, 11), np.uint8)) - cv2.dilate(inside, np.ones((5, 5), np.uint8))
    return float(lit[strip.view(bool)].mean()) if strip.any() else 0.0


def _too_colourful(frame: np.ndarray, outline: np.ndarray) -> bool:
    if frame.ndim == 2:
        return False
    inside = frame[cv2.fillConvexPoly(np.zeros(frame.shape[:2], np.uint8), outline, 1).view(bool)]
    chroma = inside.max(-1) - inside.min(-1)
    return bool((chroma > 0.2 * np.iinfo(frame.dtype).max).mean() > MAX_COLOURED)


def _sector(outline: np.ndarray, step: int, size: tuple[int, int]) -> Sector:
    """The sector in pixels of the whole frame; what touches the thinned frame's border touches its border."""
    points = outline[:, 0].astype(np.float32) * step
    last = np.array([size[1] - 1, size[0] - 1], np.float32)
    points = np.where(points > last - step, last, points)
    x0, y0 = points.min(0).astype(int)
    x1, y1 = points.max(0).astype(int) + 1
    shape: Literal["fan", "rectangle"] = "rectangle" if len(points) == 4 and len(np.unique(points)) <= 4 else "fan"
    return Sector((int(x0), int(y0), int(x1), int(y1)), shape, points)
