"""Axes, marks and labels of one chart in SVG units; the template draws them and the style sheet colours them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 520, 300
"""Size of the plotting area in SVG units; labels lie below and to the left of it."""
_MINUS = "−"

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One linear axis from `low` to `high`; `whole`: of counts, so that ticks are whole numbers."""

    label: str
    low: float
    high: float
    whole: bool = False

    def share(self, value: float) -> float:
        """Where `value` lies between the ends, 0 to 1; beyond them, at the nearer end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """(value, text) of the round numbers on the axis."""
        step = _step(self.high - self.low)
        step = max(step, 1.0) if self.whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(k * step, _text(k * step, step)) for k in range(first, last + 1)]


@dataclass(frozen=True)
class Mark:
    """A path of the chart: `look` names its CSS class, `colour` the class or fold that it belongs to."""

    path: str
    look: str
    colour: int | None = None
    says: str = ""


@dataclass
class Plot:
    """A chart: what it shows (`title`), what to notice (`note`), its axes and marks."""

    title: str
    x: Axis
    y: Axis
    note: str = ""
    marks: list[Mark] = field(default_factory=list)
    labels: list[tuple[float, float, str, str]] = field(default_factory=list)
    legend: list[tuple[str, int | None, str]] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] | None = None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def ticks_below(self) -> list[tuple[float, str]]:
        """(x in SVG units, text)."""
        ticks = self.x.ticks() if self.x_ticks is None else self.x_ticks
        return [(round(self.width * self.x.share(value), 1), text) for value, text in ticks]

    @property
    def ticks_left(self) -> list[tuple[float, str]]:
        """(y in SVG units, text)."""
        return [(round(self.height * (1 - self.y.share(value)), 1), text) for value, text in self.y.ticks()]

    def line(self, points: Iterable[Point], look: str = "line", colour: int | None = None, says: str = "") -> None:
        """Join points (x, y in data units)."""
        placed = [self._place(point) for point in points]
        if len(placed) > 1:
            self.marks.append(Mark("M" + "L".join(placed), look, colour, says))

    def steps(self, points: Sequence[Point], look: str = "line", colour: int | None = None, says: str = "") -> None:
        """Join points by horizontal, then vertical lines: each value holds until the next."""
        corners = [corner for (x0, y0), (x1, _) in pairwise(points) for corner in ((x0, y0), (x1, y0))]
        self.line([*corners, *points[-1:]], look, colour, says)

    def band(self, lower: Sequence[Point], upper: Sequence[Point], colour: int | None = None) -> None:
        """Fill between two lines of points, both from left to right."""
        corners = [self._place(point) for point in [*lower, *reversed(upper)]]
        if len(corners) > 2:
            self.marks.append(Mark("M" + "L".join(corners) + "Z", "band", colour))

    def bar(self, x0: float, x1: float, height: float, colour: int | None = None, says: str = "") -> None:
        """A bar from 0 up to `height`."""
        (left, top), (right, base) = (self._at(x, y) for x, y in ((x0, height), (x1, max(self.y.low, 0))))
        gap = (right - left) * 0.06
        path = f"M{left + gap:.1f} {base:.1f}V{top:.1f}H{right - gap:.1f}V{base:.1f}Z"
        self.marks.append(Mark(path, "fill", colour, says))

    def dot(self, x: float, y: float, colour: int | None = None, says: str = "", look: str = "dot") -> None:
        """A point; a line of no length with round ends, whose width the style sheet gives."""
        self.marks.append(Mark(f"M{self._place((x, y))}h0", look, colour, says))

    def level(self, y: float, look: str = "guide", text: str = "") -> None:
        """A horizontal line over the whole width, with a word at its right end."""
        self.line([(self.x.low, y), (self.x.high, y)], look)
        if text:
            self.labels.append((self.width - 6, self._y(y) - 7, "end", text))

    def upright(self, x: float, look: str = "guide", colour: int | None = None, says: str = "") -> None:
        """A vertical line over the whole height."""
        self.line([(x, self.y.low), (x, self.y.high)], look, colour, says)

    def _y(self, y: float) -> float:
        return self.height * (1 - self.y.share(y))

    def _at(self, x: float, y: float) -> Point:
        return self.width * self.x.share(x), self._y(y)

    def _place(self, point: Point) -> str:
        x, y = self._at(*point)
        return f"{x:.1f} {y:.1f}"


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _step(length: float, most: int = 6) -> float:
    power = 10.0 ** math.floor(math.log10(length / most))
    return next(step * power for step in (1, 2, 2.5, 5, 10, 20) if length / (step * power) <= most)


def _text(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-9:
        digits += 1
    text = f"{abs(value):,.{digits}f}".replace(",", "\u202f")
    return (_MINUS if value < -1e-12 else "") + text
