"""Lesions as connected components: which were found in the mask, and candidates with a confidence for FROC and AP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

MIN_PEAK = 0.05
"""A candidate's confidence is at least this."""
_FALL = 0.4
"""A candidate reaches down to this share of its peak (1 / 2.5, as PI-CAI)."""
_LOOKS = 20
Extent = tuple[np.ndarray, np.ndarray]


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
    pieces, lesions = (_label(plane) for plane in (predicted, reference))
    sizes = np.bincount(pieces.ravel()), np.bincount(lesions.ravel())
    together = (pieces > 0) & (lesions > 0)
    pairs = pieces[together], lesions[together]
    shared = csr_array((np.ones(len(pairs[0])), pairs), shape=(len(sizes[0]), len(sizes[1]))).tocoo()
    union = sizes[0][shared.row] + sizes[1][shared.col] - shared.data
    shared.data = (shared.data >= hit_iou * union).astype(float)
    graph = shared.tocsr()
    graph.eliminate_zeros()
    found = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
    return LesionCount(len(sizes[1]) - 1, len(sizes[0]) - 1, found)


def find_candidates(
    probabilities: np.ndarray, reference: np.ndarray, hit_iou: float, most: int, smallest_px: int
) -> tuple[Candidate, ...]:
    """Candidates of a probability map float32 (H, W), the most confident first, against a bool mask (H, W).

    The highest peak not yet used becomes a candidate: its confidence is the peak's probability, its extent the
    component (8-connectivity) of pixels that reach 0.4 of it. One that touches an earlier candidate or is smaller than
    `smallest_px` is dropped; it ends with `most` candidates or below MIN_PEAK. Bosma et al., Radiology: AI 2023
    (doi:10.1148/ryai.230031), the rule of PI-CAI. In order of confidence each candidate hits the lesion that it
    overlaps best, if its IoU reaches `hit_iou` and no earlier one has it (Everingham et al., IJCV 2010).
    """
    lesions = _label(reference)
    sizes = np.bincount(lesions.ravel())
    taken = {0}
    found = []
    for peak, extent in _extents(probabilities, most, smallest_px):
        shared = np.bincount(lesions[extent], minlength=len(sizes))
        iou = shared / (len(extent[0]) + sizes - shared)
        open_to_hit = [n for n in np.flatnonzero(iou >= hit_iou).tolist() if n not in taken]
        hit = max(open_to_hit, key=lambda n: float(iou[n]), default=0)
        taken.add(hit)
        found.append(Candidate(peak, len(extent[0]), hit > 0))
    return tuple(found)


def _label(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.connectedComponents(plane.astype(np.uint8), connectivity=8)[1])


def _extents(probabilities: np.ndarray, most: int, smallest_px: int) -> Iterator[tuple[float, Extent]]:
    """Peak and pixels of each candidate, the highest first."""
    unused, near = probabilities.copy(), np.zeros(probabilities.shape, np.uint8)
    kept = 0
    for _ in range(_LOOKS):
        _, peak, _, place = cv2.minMaxLoc(unused)
        if peak < MIN_PEAK or kept == most:
            return
        extent = _component((probabilities >= np.float32(_FALL * peak)).astype(np.uint8), place)
        unused[extent] = 0
        if len(extent[0]) >= smallest_px and not near[extent].any():
            kept += 1
            _mark_near(near, extent)
            yield float(peak), extent


def _component(plane: np.ndarray, place: Sequence[int]) -> Extent:
    """Pixels (rows, columns) of the component of a 0/1 mask at `place` (column, row); the mask is changed."""
    _, _, _, (x, y, width, height) = cv2.floodFill(plane, None, tuple(place), 2, flags=8)
    rows, columns = np.nonzero(plane[y : y + height, x : x + width] == 2)
    return rows + y, columns + x


def _mark_near(near: np.ndarray, extent: Extent) -> None:
    """Mark the pixels and their 8 neighbours."""
    top, left = (max(0, axis.min() - 1) for axis in extent)
    window = near[top : extent[0].max() + 2, left : extent[1].max() + 2]
    grown = np.zeros_like(window)
    grown[extent[0] - top, extent[1] - left] = 1
    window |= cv2.dilate(grown, np.ones((3, 3), np.uint8))
