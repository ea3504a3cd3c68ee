"""Text burnt into the ultrasound picture, found by simple means: misses are worse than false alarms.

Letters were drawn on the finished picture: beside their upright strokes the grey level changes within a pixel or two.
Tissue was blurred across the beam and by scan conversion, and does not. Several upright steep edges of like height in a
row are text.
"""

import cv2
import numpy as np

from trus.data.intake.sector import to_grey
from trus.data.intake.source import Box

MIN_CONTRAST = 20
"""Levels of 255 between a stroke and what is beside it."""
STEEP = 0.55
"""A steep edge makes this fraction of the contrast nearby within two pixels."""
GRAIN = (0.96, 1.35)
"""An edge also rises by this multiple of what this fraction of the picture's pixels stays below."""
MAX_HEIGHT = 60
MIN_EDGES = 3
MIN_SCORE = 5.5
"""Sum of a line's upright edges, in heights of the line; measured by scripts/evaluate_deidentification.py."""
MAX_EDGES = 2500
"""A picture with more upright steep edges is none of tissue; all of it is reported."""


def find_text(frame: np.ndarray, within: np.ndarray) -> list[Box]:
    """Boxes of what looks like burnt-in text in `frame`, uint8 or uint16, (H, W) or (H, W, 3), where `within` holds.

    `within` is bool (H, W). Horizontal lines of about three letters or more are found, from 8 to 50 pixels high,
    brighter or darker than their surroundings or of another colour. The boxes are in reading order; an empty list
    means that nothing was found.
    """
    return sorted(_find_boxes(frame, within), key=lambda box: (box[1], box[0]))


def _find_boxes(frame: np.ndarray, within: np.ndarray) -> list[Box]:
    if not within.any() or frame.shape[1] < 3:
        return []
    x, y, width, height = cv2.boundingRect(within.view(np.uint8))
    part = (slice(y, y + height), slice(x, x + width))
    boxes = []
    for plane in _planes(frame[part]):
        edges = _upright_edges(plane, within[part])
        if len(edges) > MAX_EDGES:
            return [(x, y, x + width, y + height)]
        boxes += _lines(edges)
    return [(x0 + x, y0 + y, x1 + x, y1 + y) for x0, y0, x1, y1 in boxes]


def _planes(frame: np.ndarray) -> list[np.ndarray]:
    """What is searched: the grey levels and, where a little of the picture is coloured, how strong the colour is."""
    planes = [to_grey(frame)]
    if frame.ndim == 3:
        red, green, blue = cv2.split(frame)
        chroma = to_grey(cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue))
        if 0 < (chroma > 2 * MIN_CONTRAST).mean() < 0.1:
            planes.append(chroma)
    return planes


def _upright_edges(plane: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) of the upright pieces of steep edges: x0, y0, x1, y1."""
    here, before, after = plane[:, 1:-1], plane[:, :-2], plane[:, 2:]
    rising = _steep(plane, cv2.max(cv2.subtract(after, before), cv2.subtract(here, before)), within)
    falling = _steep(plane, cv2.max(cv2.subtract(before, after), cv2.subtract(before, here)), within)
    return np.concatenate([_pieces(rising), _pieces(falling)])


def _steep(plane: np.ndarray, change: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Pixels where most of the contrast in their row nearby is bridged within two pixels: bool (H, W)."""
    change = np.pad(change, ((0, 0), (1, 1)))
    row = np.ones((1, 7), np.uint8)
    nearby = cv2.dilate(plane, row) - cv2.erode(plane, row)
    usual = np.searchsorted(np.cumsum(np.bincount(change[within], minlength=256)), GRAIN[0] * within.sum())
    least = max(MIN_CONTRAST, GRAIN[1] * usual)
    return (change > least) & (change > cv2.convertScaleAbs(nearby, alpha=STEEP)) & within


def _pieces(steep: np.ndarray) -> np.ndarray:
    upright = cv2.morphologyEx(steep.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(upright)
    x, y, width, height, _ = stats[1:].T  # the first is the background
    good = (height <= MAX_HEIGHT) & (width <= 4 + height)
    return np.stack([x, y, x + width, y + height], 1)[good]


def _lines(edges: np.ndarray) -> list[Box]:
    """Rows of edges of like height and place with small gaps: the boxes of those that score enough."""
    from scipy.sparse.csgraph import connected_components

    x0, y0, x1, y1 = edges.T
    height = y1 - y0
    overlap = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    gap = np.maximum(x0[:, None], x0) - np.minimum(x1[:, None], x1)
    lower, taller = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    count, row = connected_components((overlap >= 0.6 * lower) & (gap <= 1.6 * taller) & (taller <= 3.5 * lower), False)
    lines = [_line(edges[row == k]) for k in np.flatnonzero(np.bincount(row, minlength=count) >= MIN_EDGES)]
    return [box for box, score in lines if score >= MIN_SCORE]


def _line(edges: np.ndarray) -> tuple[Box, float]:
    """The best line of text among linked edges: those about as high as one of them and beside it; its box and score."""
    y0, y1 = edges[:, 1], edges[:, 3]
    height = y1 - y0
    slack = 0.4 * height[:, None] + 1
    beside = (y0 >= y0[:, None] - slack) & (y1 <= y1[:, None] + slack) & (height >= 0.35 * height[:, None])
    scores = (beside * np.minimum(height, height[:, None])).sum(1) / (height + 1.5)
    best = int(scores.argmax())
    corners = edges[beside[best]]
    return (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist()), float(scores[best])
