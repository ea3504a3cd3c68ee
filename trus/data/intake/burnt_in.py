"""Text burnt into the ultrasound picture, found by simple means: misses are worse than false alarms.

A letter is a small shape whose edges rise within a pixel or two, because it was drawn on the finished picture; tissue
was blurred by the beam and by scan conversion, and its edges take several pixels. Three such shapes in a row are text.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from trus.data.intake.sector import to_grey
from trus.data.intake.source import Box

HEIGHTS = (5, 60)
"""Heights of letters that are looked for, in pixels."""
MAX_LETTER_WIDTH = 160
"""Small letters run together: one shape can be a word."""
MIN_CONTRAST = 24
"""Levels of 255 between a letter and what is around it."""
STEEP = 0.55
"""A steep edge makes this fraction of the neighbourhood's contrast within two pixels."""
MIN_STEEP_EDGE = 0.2
"""Fraction of a shape's edge that is steep, for a letter."""
MIN_LETTERS = 2.4
MIN_SCORE = 1.3
"""Sum over a row's letters of their steep fractions; calibrated by scripts/evaluate_deidentification.py."""


@dataclass(frozen=True)
class _Shapes:
    """Candidate letters: boxes (n, 4) as x0, y0, x1, y1, the steep fraction of their edges, and for how many they stand."""

    boxes: np.ndarray
    steep: np.ndarray
    letters: np.ndarray


def find_text(frame: np.ndarray, within: np.ndarray) -> list[Box]:
    """Boxes of what looks like burnt-in text in `frame`, uint8 or uint16, (H, W) or (H, W, 3), where `within` holds.

    `within` is bool (H, W). Lines of three letters or more are found, from about 6 to 50 pixels high, brighter or
    darker than their surroundings, horizontal. The boxes are in reading order; an empty list means that nothing was
    found.
    """
    boxes = [box for box, _ in scored_lines(frame, within)]
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def scored_lines(frame: np.ndarray, within: np.ndarray, least: float = MIN_SCORE) -> list[tuple[Box, float]]:
    """`find_text` with the score of each line, those of at least `least`."""
    if not within.any():
        return []
    x, y, width, height = cv2.boundingRect(within.view(np.uint8))
    part = (slice(y, y + height), slice(x, x + width))
    lines = []
    for plane in _planes(frame[part]):
        for shapes in _shapes(plane, within[part]):
            lines += _lines(shapes, least)
    return [((box[0] + x, box[1] + y, box[2] + x, box[3] + y), score) for box, score in lines]


def _planes(frame: np.ndarray) -> list[np.ndarray]:
    """What is searched: the grey levels and, where a little of the picture is coloured, how strong the colour is."""
    planes = [to_grey(frame)]
    if frame.ndim == 3:
        least = np.ascontiguousarray(frame.min(-1))
        chroma = planes[0] - to_grey(least)
        if 0 < (chroma > 2 * MIN_CONTRAST).mean() < 0.1:
            planes.append(chroma)
    return planes


def _shapes(plane: np.ndarray, within: np.ndarray) -> list[_Shapes]:
    """Candidate letters brighter and darker than what is around them."""
    highest, lowest = cv2.dilate(plane, _square(15)), cv2.erode(plane, _square(15))
    contrast = highest - lowest
    middle = cv2.addWeighted(highest, 0.5, lowest, 0.5, 0)
    marked = (contrast > MIN_CONTRAST) & within
    steep = _steep(plane)
    return [_letters((plane > middle) & marked, steep), _letters((plane <= middle) & marked, steep)]


def _square(side: int) -> np.ndarray:
    return np.ones((side, side), np.uint8)


def _steep(plane: np.ndarray) -> np.ndarray:
    """Pixels where most of the contrast in their row nearby is bridged within two pixels."""
    rise = np.zeros_like(plane)
    rise[:, 1:-1] = cv2.absdiff(plane[:, 2:], plane[:, :-2])
    row = np.ones((1, 7), np.uint8)
    nearby = cv2.dilate(plane, row) - cv2.erode(plane, row)
    return (rise > MIN_CONTRAST) & (rise > cv2.convertScaleAbs(nearby, alpha=STEEP))


def _letters(shape: np.ndarray, steep: np.ndarray) -> _Shapes:
    pixels = shape.view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pixels)
    edge = (pixels - cv2.erode(pixels, np.ones((1, 3), np.uint8))).view(bool)
    length = np.bincount(labels[edge], minlength=count)
    steep_length = np.bincount(labels[edge & steep], minlength=count)
    fraction = steep_length / np.maximum(length, 1)
    x, y, width, height, area = stats.T
    good = (height >= HEIGHTS[0]) & (height <= HEIGHTS[1]) & (width <= MAX_LETTER_WIDTH) & (area >= 8)
    good &= (fraction >= MIN_STEEP_EDGE) & (width < 12 * height)
    good[0] = False
    boxes = np.stack([x, y, x + width, y + height], 1)[good]
    return _Shapes(boxes, fraction[good], (steep_length / (2 * height))[good])


def _lines(shapes: _Shapes, least: float) -> list[tuple[Box, float]]:
    """Rows of letters of like height with small gaps: their boxes and scores."""
    from scipy.sparse.csgraph import connected_components

    x0, y0, x1, y1 = shapes.boxes.T
    height = y1 - y0
    overlap = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    gap = np.maximum(x0[:, None], x0) - np.minimum(x1[:, None], x1)
    lower, taller = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    linked = (overlap >= 0.6 * lower) & (gap <= 0.9 * taller) & (gap > -0.5 * lower) & (taller <= 2.2 * lower)
    count, row = connected_components(linked, directed=False)
    lines = []
    for k in range(count):
        members = row == k
        letters, score = members.sum(), np.minimum(shapes.letters, 6)[members].sum()
        if letters >= 1 and score >= least:
            corners = shapes.boxes[members]
            box = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
            lines.append((box, float(score)))
    return lines
