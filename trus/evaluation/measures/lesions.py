"""Lesions as connected components: which were found in the mask, and candidates with a confidence for FROC and AP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from trus.data.planes import bounding_box

MIN_PEAK = 0.05
"""A candidate's confidence is at least this."""
_FALL = 0.4
"""A candidate reaches down to this share of its peak (1 / 2.5, as PI-CAI)."""
_LOOKS = 20
Window = tuple[slice, slice]


@dataclass(frozen=True)
class LesionCount:
    """Lesions of one frame and class in the mask: `found` of `reference` were hit, `false_positives` hit none."""

    reference: int
    predicted: int
    found: int

    @property
    def false_positives(self) -> int:
        """Predicted components that are matched to no lesion."""
        return self.predicted - self.found


@dataclass(frozen=True)
class Candidate:
    """A predicted lesion with its confidence 0..1, its size in px, and whether it hits a lesion not yet taken."""

    confidence: float
    size_px: int
    hit: bool


def count_lesions(predicted: np.ndarray, reference: np.ndarray, hit_iou: float) -> LesionCount:
    """Match the components (8-connectivity) of two bool masks (H, W) one to one.

    A pair may match where its IoU is at least `hit_iou`; of all matchings the one with most pairs counts. So one
    large component over two lesions finds one of them, and of two pieces in one lesion one is a false positive.
    The criterion and the level 0.1: Saha et al., Lancet Oncology 2024 (PI-CAI), doi:10.1016/S1470-2045(24)00220-1.
    """
    (pieces, piece_px), (lesions, lesion_px) = (_label(plane) for plane in (predicted, reference))
    together = np.flatnonzero(predicted & reference)
    pairs = pieces.ravel()[together] - 1, lesions.ravel()[together] - 1
    shared = csr_array((np.ones(len(pairs[0])), pairs), shape=(len(piece_px), len(lesion_px))).tocoo()
    union = piece_px[shared.row] + lesion_px[shared.col] - shared.data
    shared.data = (shared.data >= hit_iou * union).astype(float)
    graph = shared.tocsr()
    graph.eliminate_zeros()
    found = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
    return LesionCount(len(lesion_px), len(piece_px), found)


def find_candidates(
    probabilities: np.ndarray, reference: np.ndarray, hit_iou: float, most: int, smallest_px: int
) -> tuple[Candidate, ...]:
    """Candidates of a probability map float32 (H, W), the most confident first, against a bool mask (H, W).

    The highest peak not yet used becomes a candidate: its confidence is the peak's probability, its extent the
    component (8-connectivity) of pixels that reach 0.4 of it. One that touches an earlier candidate or is smaller than
    `smallest_px` is dropped; it ends with `most` candidates or below MIN_PEAK. After Bosma et al., Radiology: AI 2023
    (doi:10.1148/ryai.230031) and PI-CAI. In order of confidence each candidate hits the lesion that it
    overlaps best, if its IoU reaches `hit_iou` and no earlier one has it (Everingham et al., IJCV 2010).
    """
    lesions, sizes = _label(reference)
    taken: set[int | None] = set()
    found = []
    for peak, window, mask in _extents(probabilities, most, smallest_px):
        shared = np.bincount(lesions[window][mask], minlength=len(sizes) + 1)[1:]
        size = int(mask.sum())
        iou = shared / (size + sizes - shared)
        open_to_hit = [n for n in np.flatnonzero(iou >= hit_iou).tolist() if n not in taken]
        hit = max(open_to_hit, key=lambda n: float(iou[n]), default=None)
        taken.add(hit)
        found.append(Candidate(peak, size, hit is not None))
    return tuple(found)


def _label(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components of a bool mask, int32 (H, W) from 1, and the size of each in px."""
    labels, box = np.zeros(plane.shape, np.int32), bounding_box(plane)
    if not plane[box].size:
        return labels, np.zeros(0, np.int64)
    _, labels[box], stats, _ = cv2.connectedComponentsWithStats(plane[box].astype(np.uint8), connectivity=8)
    return labels, stats[1:, cv2.CC_STAT_AREA].astype(np.int64)


def _extents(probabilities: np.ndarray, most: int, smallest_px: int) -> Iterator[tuple[float, Window, np.ndarray]]:
    """Peak of each candidate, the window that it lies in, and its mask there; the highest first."""
    height, width = probabilities.shape
    image, unused = np.array([probabilities, probabilities], np.float32)  # OpenCV takes no read-only array
    filled, near = np.zeros((2, height + 2, width + 2), np.uint8)
    kept = 0
    for _ in range(_LOOKS):
        _, peak, _, place = cv2.minMaxLoc(unused)
        if peak < MIN_PEAK or kept == most:
            return
        window, mask = _component(image, filled, place, peak)
        unused[window][mask] = 0
        around = tuple(slice(axis.start, axis.stop + 2) for axis in window)
        if mask.sum() >= smallest_px and not (near[around][1:-1, 1:-1] & mask).any():
            kept += 1
            near[around] |= cv2.dilate(np.pad(mask, 1).astype(np.uint8), np.ones((3, 3), np.uint8))
            yield float(peak), window, mask


def _component(image: np.ndarray, filled: np.ndarray, place: Sequence[int], peak: float) -> tuple[Window, np.ndarray]:
    """Pixels that reach `_FALL` of the peak and hang together with `place` (column, row).

    `filled`, uint8 (H + 2, W + 2), is OpenCV's scratch: all 0 before and after.
    """
    flags = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    reach = (1 - _FALL) * peak
    _, _, _, (x, y, width, height) = cv2.floodFill(image, filled, tuple(place), 0, reach, 1.0, flags)
    inner = filled[y + 1 : y + height + 1, x + 1 : x + width + 1]
    mask = inner.astype(bool)
    inner[:] = 0
    return (slice(y, y + height), slice(x, x + width)), mask
