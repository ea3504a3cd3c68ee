"""What annotation tools draw besides polygons, and a picture's shapes on their way from a document to objects."""

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from trus.data.annotations.exchange import Drawn, Outline, Painted
from trus.data.annotations.sources import listed, some_text
from trus.data.images import FORMATS, MAX_PIXELS
from trus.data.planes import bounding_box
from trus.errors import AnnotationError

_SAGITTA = 0.01  # px that the sides of a many-cornered ring stay from its ellipse


@dataclass
class Shapes:
    """The shapes of one picture, in the document's order.

    `add` takes them as functions that make the object; `draw` makes them all or says what is wrong with each: a
    picture is taken over whole or not at all. What is no area (a line, a point) goes to `left_out`, what is worth
    knowing once for all pictures to `remarks`.
    """

    parts: list[tuple[float, str, Callable[[], Drawn]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)

    def add(self, where: str, make: Callable[[], Callable[[], Drawn]], z_order: float = 0) -> None:
        """`make` checks the shape at once and returns what makes its object later; its AnnotationError is kept."""
        try:
            self.parts.append((z_order, where, make()))
        except AnnotationError as error:
            self.problems.append(f"{where}: {error}")

    def draw(self) -> list[Drawn]:
        """Objects, lowest z order first. Raises AnnotationError that names every shape that is wrong."""
        drawn, problems = [], list(self.problems)
        for _, where, make in sorted(self.parts, key=lambda part: part[0]):
            try:
                drawn.append(make())
            except AnnotationError as error:
                problems.append(f"{where}: {error}")
        if problems:
            raise AnnotationError(listed(problems))
        return drawn


def drawn(item: Drawn) -> Callable[[], Drawn]:
    """An object that is made already, for `Shapes.add`."""
    return lambda: item


def outline(name: str, ring: np.ndarray) -> Callable[[], Drawn]:
    """An object of one ring, for `Shapes.add`."""
    return drawn(Outline(name, (ring,)))


def label(value: Any) -> str:
    """The name of an object's class. Raises AnnotationError where it has none."""
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"has no label ({some_text(value)})")
    return value


def number(value: Any, what: str) -> float:
    """A finite number, also written as text. Raises AnnotationError."""
    try:
        if isinstance(value, bool) or not math.isfinite(found := float(value)):
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise AnnotationError(f"its {what} is {some_text(value)}, not a number") from error
    return found


def whole(value: Any, what: str) -> int:
    """A whole number, also written as text. Raises AnnotationError."""
    found = number(value, what)
    if found != int(found):
        raise AnnotationError(f"its {what} is {some_text(value)}, not a whole number")
    return int(found)


def rectangle_ring(
    corner: tuple[float, float], opposite: tuple[float, float], degrees: float, pivot: tuple[float, float]
) -> np.ndarray:
    """Rectangle of two opposite corners (x, y), turned clockwise on the screen about `pivot`: float64 (4, 2)."""
    (x0, y0), (x1, y1) = corner, opposite
    return _turned(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64), degrees, pivot)


def ellipse_ring(centre: tuple[float, float], rx: float, ry: float, degrees: float = 0) -> np.ndarray:
    """Ellipse as a ring that stays within 0.01 px of it: float64 (n, 2). Raises AnnotationError without extent."""
    longest = max(abs(rx), abs(ry))
    if not min(abs(rx), abs(ry)) > 0 or longest > 1e6:
        raise AnnotationError(f"has radii of {rx:g} and {ry:g} px")
    count = math.ceil(math.pi / math.acos(1 - min(_SAGITTA / longest, 0.1)))
    angle = np.arange(count) * (2 * math.pi / count)
    ring = np.stack([centre[0] + rx * np.cos(angle), centre[1] + ry * np.sin(angle)], axis=1)
    return _turned(ring, degrees, centre)


def _turned(ring: np.ndarray, degrees: float, pivot: tuple[float, float]) -> np.ndarray:
    if degrees == 0:  # a quarter's cosine is not exactly 0, but no turn is exactly none
        return ring
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (ring - pivot) @ np.array([(cosine, sine), (-sine, cosine)]) + pivot


def pasted(name: str, patch: np.ndarray, left: int, top: int, size: tuple[int, int]) -> Painted:
    """A bool patch (h, w) put on an empty plane of `size`, its first pixel at (left, top); what is outside is cut."""
    plane = np.zeros(size, bool)
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + patch.shape[0], size[0]), min(left + patch.shape[1], size[1])
    if y0 < y1 and x0 < x1:
        plane[y0:y1, x0:x1] = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    return Painted(name, plane)


def cropped(plane: np.ndarray) -> tuple[np.ndarray, int, int]:
    """A bool plane with something in it -> the patch that holds it all, its left and its top."""
    rows, columns = bounding_box(plane)
    return plane[rows, columns], columns.start, rows.start


def encoded_picture(text: Any) -> Image.Image:
    """A picture written into a document as base64, its pixels not decoded yet. Raises AnnotationError."""
    if not isinstance(text, str):
        raise AnnotationError("its picture is no base64 text")
    try:
        image = Image.open(BytesIO(base64.b64decode(text, validate=False)), formats=FORMATS)
    except Exception as error:  # what a damaged picture makes Pillow raise is not documented
        raise AnnotationError("its picture cannot be read") from error
    if image.width * image.height > MAX_PIXELS:
        raise AnnotationError(f"its picture is {image.width}x{image.height} px; at most {MAX_PIXELS} pixels are read")
    return image
