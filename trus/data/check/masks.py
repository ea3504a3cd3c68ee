"""What a label mask looks like: areas, parts, specks, holes, and where it touches what it should not."""

from dataclasses import dataclass

import cv2
import numpy as np

from trus.data.classes import Classes

SPECK_PIXELS, SPECK_SHARE = 10, 0.01
"""A part beside the largest is a speck when it has fewer pixels than these, or than this share of the largest."""
SURROUNDED = 0.5
"""A part of an inner class lies outside its outer class when less of its rim than this is in the outer one."""
_PARTS_LOOKED_AT = 50  # a mask of noise has millions


@dataclass(frozen=True)
class Shape:
    """One class in one mask, inner classes counted in; areas in pixels."""

    area: int
    parts: int
    specks: int
    holes: int
    hole_area: int
    sides: tuple[str, ...]
    outside_region: int

    @property
    def objects(self) -> int:
        """Parts that are no specks."""
        return self.parts - self.specks


@dataclass(frozen=True)
class MaskFacts:
    """Shapes of the classes that are there by name; labels without a class; (inner, outer) pairs that are not nested.

    `alone` lists pairs whose outer class is missing, `outside` pairs of which a part of the inner lies outside.
    """

    shapes: dict[str, Shape]
    unknown: tuple[int, ...]
    alone: tuple[tuple[str, str], ...]
    outside: tuple[tuple[str, str], ...]
    pixels: int

    @property
    def empty(self) -> bool:
        """Annotated, and nothing there."""
        return not self.shapes and not self.unknown


def measure_mask(labels: np.ndarray, classes: Classes, region: tuple[int, int, int, int] | None) -> MaskFacts:
    """Facts of a label mask uint8 (H, W); `region` is (x0, y0, x1, y1) in pixels, x1 and y1 exclusive."""
    present = set(np.flatnonzero(cv2.calcHist([labels], [0], None, [256], [0, 256])).tolist())
    members = {n: {classes.values[m] for m in (n, *classes.inside(n))} & present for n in classes.values}
    names = [name for name, value in classes.values.items() if value and members[name]]
    planes = {name: _plane(labels, members[name]) for name in names}
    alone, outside = [], []
    for outer, inner in ((outer, inner) for outer, inners in classes.contains.items() for inner in inners):
        if inner in planes and classes.values[outer] not in present:
            alone.append((inner, outer))
        elif inner in planes and _sticks_out(planes[inner], planes[outer]):
            outside.append((inner, outer))
    shapes = {name: _shape(plane, region) for name, plane in planes.items()}
    unknown = tuple(sorted(present - set(classes.labels)))
    return MaskFacts(shapes, unknown, tuple(alone), tuple(outside), labels.size)


def _plane(labels: np.ndarray, values: set[int]) -> np.ndarray:
    """1 where the label is one of `values`, uint8 (H, W); in the memory of the plane alone, unlike numpy.isin."""
    table = np.zeros(256, np.uint8)
    table[[*values]] = 1
    return cv2.LUT(labels, table)


def _shape(plane: np.ndarray, region: tuple[int, int, int, int] | None) -> Shape:
    area = cv2.countNonZero(plane)
    sides = {"top": plane[0], "bottom": plane[-1], "left": plane[:, 0], "right": plane[:, -1]}
    within = area if region is None else cv2.countNonZero(_crop(plane, region))
    x, y, width, height = cv2.boundingRect(plane)
    own = np.ascontiguousarray(plane[y : y + height, x : x + width])
    parts = _areas(own, 8)
    specks = int(np.count_nonzero(parts < max(SPECK_PIXELS, SPECK_SHARE * parts.max()))) if len(parts) > 1 else 0
    specks -= int(specks == len(parts))  # the largest is no speck, however small
    holes = _hole_areas(own)
    return Shape(
        area=area,
        parts=len(parts),
        specks=specks,
        holes=len(holes),
        hole_area=int(holes.sum()),
        sides=tuple(side for side, line in sides.items() if line.any()),
        outside_region=area - within,
    )


def _crop(plane: np.ndarray, region: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = region
    return np.ascontiguousarray(plane[y0:y1, x0:x1])


def _areas(plane: np.ndarray, connectivity: int) -> np.ndarray:
    """Pixels of each part of the plane."""
    return cv2.connectedComponentsWithStats(plane, connectivity=connectivity)[2][1:, cv2.CC_STAT_AREA]


def _hole_areas(plane: np.ndarray) -> np.ndarray:
    """Pixels of each part of the background that the object encloses."""
    around = cv2.copyMakeBorder(1 - plane, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    numbers, stats = cv2.connectedComponentsWithStats(around, connectivity=4)[1:3]
    enclosed = np.ones(len(stats), bool)
    enclosed[[0, numbers[0, 0]]] = False
    return stats[enclosed, cv2.CC_STAT_AREA]


def _sticks_out(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether a part of `inner` has too little of `outer` around it; both uint8 (H, W), `outer` counts `inner` in."""
    numbers, stats = cv2.connectedComponentsWithStats(inner, connectivity=8)[1:3]
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:_PARTS_LOOKED_AT]
    for number in largest:
        x, y, width, height = stats[number, :4]
        box = np.s_[max(y - 1, 0) : y + height + 1, max(x - 1, 0) : x + width + 1]
        part = (numbers[box] == number).view(np.uint8)
        rim = outer[box][(cv2.dilate(part, np.ones((3, 3), np.uint8)) - part).astype(bool)]
        if rim.size == 0 or rim.mean() < SURROUNDED:
            return True
    return False
