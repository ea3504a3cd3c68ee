"""Label masks as objects, one above the other, and back."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from trus.data.annotations.exchange import Drawn, Outline, Painted
from trus.data.annotations.filling import area, disputed, fill_box
from trus.data.classes import Classes
from trus.errors import AnnotationError

EDGE = 2.0
"""So many px an outline may reach out of its picture unsaid: tools let people draw a little over the edge."""
CROSSED = 0.02
"""An outline may cross itself by so much of its pixels (or by SLIP px): a loop of a slipped pen; more is refused."""
SLIP = 4
MAX_WORK = 5_000_000_000
"""Objects of one picture that together fill more px than this are refused: minutes of work, and no drawing."""


def objects_of(labels: np.ndarray, classes: Classes) -> Iterator[Painted]:
    """Label mask (H, W) -> its objects, outer classes first, one a connected component (8-connected).

    An object of an outer class includes what lies in it of the classes that it contains (a gland is solid, its lesions
    lie on it). A lesion that touches no gland has no gland under it. `compose` is the inverse. Raises AnnotationError
    for a label value without a name.
    """
    unknown = sorted(set(np.unique(labels).tolist()) - set(classes.labels))
    if unknown:
        raise AnnotationError(f"labels {unknown} have no name; the classes are {classes.labels}")
    for name in _outer_first(classes):
        own = labels == classes.values[name]
        if own.any():
            inner = [classes.values[other] for other in classes.inside(name)]
            for plane in _components(own | np.isin(labels, inner), own):
                yield Painted(name, plane)


def compose(drawn: Iterable[Drawn], classes: Classes, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Objects of a picture of `size` (H, W) -> label mask uint8 (H, W), and notes for the user.

    Inner classes lie over the outer ones that contain them, in whatever order they come; otherwise later objects lie
    over earlier ones. Notes say where classes overlap, outlines reach over the edge or cross themselves, and objects
    that cover no pixel or only mean the background. Raises AnnotationError for a class that is not there, a plane of
    another size, an outline that lies outside the picture by more than half or crosses itself by more than CROSSED, and
    more than MAX_WORK.
    """
    depth = {name: _depth(name, classes) for name in classes.values}
    labels, notes, overlaps, work = np.zeros(size, np.uint8), [], _Overlaps(classes, size[1]), 0
    items = [*drawn]
    _check_names(items, classes)
    for item in sorted(items, key=lambda item: depth[item.name]):
        if classes.values[item.name] == 0:
            notes.append(f"{item.name}: an object that means the background is left out")
            continue
        patch, (y, x) = _patch(item, size, notes)
        work += patch.size
        if work > MAX_WORK:
            raise AnnotationError(f"{len(items)} objects of together more than {MAX_WORK:.0e} px: no drawing has that")
        below = labels[y : y + patch.shape[0], x : x + patch.shape[1]]
        overlaps.add(below, patch, (y, x), item.name)
        below[patch] = classes.values[item.name]
    return labels, [*dict.fromkeys(notes), *overlaps.notes(labels)]


def _outer_first(classes: Classes) -> list[str]:
    names = [name for value, name in sorted(classes.labels.items()) if value != 0]
    return sorted(names, key=lambda name: _depth(name, classes))


def _depth(name: str, classes: Classes) -> int:
    return sum(name in classes.inside(outer) for outer in classes.values)


def _components(plane: np.ndarray, own: np.ndarray) -> Iterator[np.ndarray]:
    """Components of `plane` that hold a pixel of `own`."""
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(plane.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    wanted = np.bincount(parts[own], minlength=count) > 0
    for number in np.flatnonzero(wanted):
        x, y, width, height = boxes[number, :4]
        part = np.zeros(plane.shape, bool)
        part[y : y + height, x : x + width] = parts[y : y + height, x : x + width] == number
        yield part


def _check_names(items: list[Drawn], classes: Classes) -> None:
    unknown = sorted({item.name for item in items} - set(classes.values))
    if unknown:
        raise AnnotationError(f"objects of {unknown}: no such class; choose from {[*classes.values]}")


def _patch(item: Drawn, size: tuple[int, int], notes: list[str]) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of the picture that an object covers, bool, and its first row and column."""
    if isinstance(item, Painted):
        if item.plane.shape != tuple(size):
            shape = "x".join(map(str, item.plane.shape[::-1]))
            raise AnnotationError(f"{item.name}: painted on {shape} px, the picture has {size[1]}x{size[0]}")
        patch, corner = item.plane.astype(bool, copy=False), (0, 0)
    else:
        patch, corner = fill_box(item.rings, size)
        notes += _remarks(item, int(patch.sum()), size)
    if not patch.any():
        notes.append(f"{item.name}: an object covers no pixel")
    return patch, corner


def _remarks(item: Outline, inside: int, size: tuple[int, int]) -> list[str]:
    remarks = []
    over = _reach_out(item, size)
    if over > EDGE:
        whole = abs(sum(area(ring) for ring in item.rings))
        if inside < whole / 2 or not inside:
            raise AnnotationError(
                f"{item.name}: most of an outline lies outside the picture of {size[1]}x{size[0]} px; "
                "it belongs to another picture, or to this one at another size"
            )
        remarks.append(f"{item.name}: an outline reaches {over:.0f} px out of the picture; it is cut at the edge")
    doubtful, enclosed = disputed(item.rings, size)
    if doubtful > max(SLIP, CROSSED * enclosed):
        raise AnnotationError(
            f"{item.name}: an outline crosses itself, so that {doubtful} of its {enclosed} px are not certain; mend it "
            "in the tool"
        )
    if doubtful:
        remarks.append(f"{item.name}: an outline crosses itself; {doubtful} px of it are not certain")
    return remarks


def _reach_out(item: Outline, size: tuple[int, int]) -> float:
    points = np.concatenate(item.rings)
    return float(max((-points).max(), (points - np.array(size[::-1])).max()))


class _Overlaps:
    """Where objects lie over others of classes that do not contain theirs."""

    def __init__(self, classes: Classes, width: int):
        self.classes = classes
        self.width = width
        self.places: dict[tuple[str, str], list[np.ndarray]] = {}

    def add(self, below: np.ndarray, patch: np.ndarray, corner: tuple[int, int], name: str) -> None:
        """Call it before `name` is painted over `below`, the part of the labels from row and column `corner` on."""
        covered = np.flatnonzero(np.bincount(below[patch], minlength=256))
        for other in (self.classes.labels[int(value)] for value in covered if value):
            if other != name and name not in self.classes.inside(other):
                rows, columns = np.nonzero(patch & (below == self.classes.values[other]))
                place = (rows + corner[0]) * self.width + columns + corner[1]
                self.places.setdefault((name, other), []).append(place)

    def notes(self, labels: np.ndarray) -> list[str]:
        """A line for each pair of classes, counting what stayed so in the finished mask."""
        lines = []
        for (name, other), places in self.places.items():
            final = labels.ravel()[np.unique(np.concatenate(places))]
            count = int((final == self.classes.values[name]).sum())
            if count:
                lines.append(f"{name} lies over {other} on {count} px; they are {name} now")
        return lines
