"""Where bars and boxes of the page's charts stand; the template draws them as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trus.data.check.run import Check
from trus.data.check.summary import Areas, Summary

WIDTH, HEIGHT = 520, 190
"""Size of a chart's plot in SVG units; labels lie below and to the left of it."""


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram, in SVG units from the plot's top left corner, and what it says."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


@dataclass(frozen=True)
class Histogram:
    """Bars, ticks of both axes as (position, text), and the thing that is counted."""

    title: str
    thing: str
    bars: list[Bar]
    ticks: list[tuple[float, str]]
    levels: list[tuple[float, str]]


@dataclass(frozen=True)
class Box:
    """A box of a box plot (whiskers at least and most, box at the quartiles), x in SVG units."""

    areas: Areas
    index: int
    least: float
    low: float
    median: float
    high: float
    most: float


@dataclass(frozen=True)
class BoxPlot:
    """Boxes over one logarithmic axis."""

    unit: str
    boxes: list[Box]
    ticks: list[tuple[float, str]]


def patients_chart(summary: Summary) -> Histogram | None:
    """How many patients have how many frames."""
    if not summary.patients:
        return None
    most = max(summary.patients)
    step = math.ceil(most / 30)
    starts = range(1, most + 1, step)
    counts = [sum(summary.patients.get(n, 0) for n in range(at, at + step)) for at in starts]
    labels = [str(at) if step == 1 else f"{at} to {at + step - 1}" for at in starts]
    every = math.ceil(len(labels) / 8)
    ticks = [((k + 0.5) * WIDTH / len(labels), str(at)) for k, at in enumerate(starts) if k % every == 0]
    return _histogram("Patients by number of frames", "patient", counts, labels, ticks)


def brightness_charts(check: Check) -> list[Histogram]:
    """Distributions of mean brightness and contrast, in percent of full scale."""
    known = [facts.intensity for facts in check.facts if facts.intensity is not None]
    columns = {"mean brightness": [v.mean for v in known], "contrast": [v.std for v in known]}
    return [_share_chart(f"Frames by {name}, %", np.array(values) * 100) for name, values in columns.items() if values]


def _share_chart(title: str, values: np.ndarray) -> Histogram:
    spread = max(float(values.max() - values.min()), 1.0)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5) if s >= spread / 25)
    first, last = math.floor(values.min() / step), math.floor(values.max() / step) + 1
    edges = step * np.arange(first, last + 1)
    counts = np.histogram(values, edges)[0].tolist()
    labels = [f"{low:.4g} to {high:.4g} %" for low, high in pairwise(edges)]
    every = math.ceil(len(edges) / 6)
    ticks = [(WIDTH * k / len(counts), f"{edge:.4g}") for k, edge in enumerate(edges) if k % every == 0]
    return _histogram(title, "frame", counts, labels, ticks)


def _histogram(
    title: str, thing: str, counts: Sequence[int], labels: Sequence[str], ticks: list[tuple[float, str]]
) -> Histogram:
    top = _round_up(max(counts))
    pitch = WIDTH / len(counts)
    bars = [
        Bar(k * pitch + pitch * 0.06, HEIGHT * (1 - n / top), pitch * 0.88, HEIGHT * n / top, label, n)
        for k, (n, label) in enumerate(zip(counts, labels, strict=True))
    ]
    levels = [(HEIGHT * (1 - n / top), f"{n:,}") for n in _levels(top)]
    return Histogram(title, thing, bars, ticks, levels)


def _round_up(value: float) -> int:
    """The next of 1, 2, 4, 5, 10, 20, 40, 50, 100 ..."""
    power = 10 ** math.floor(math.log10(max(value, 1)))
    return next(int(step * power) for step in (1, 2, 4, 5, 10) if step * power >= value)


def _levels(top: int) -> list[int]:
    parts = next(parts for parts in (4, 5, 2, 1) if top % parts == 0)
    return [top * k // parts for k in range(parts + 1)]


def areas_chart(check: Check, summary: Summary) -> BoxPlot | None:
    """Areas of the classes, in mm² where every frame that shows one has a spacing, else in pixels."""
    whole = [areas for areas in summary.areas if areas.part == "all"]
    frames = {unit: sum(areas.frames for areas in whole if areas.unit == unit) for unit in ("mm²", "px")}
    unit = "mm²" if frames["mm²"] == frames["px"] else "px"
    shown = [areas for areas in summary.areas if areas.unit == unit]
    if not shown:
        return None
    low = math.floor(math.log10(max(min(areas.least for areas in shown), 1e-6)))
    high = max(math.ceil(math.log10(max(areas.most for areas in shown))), low + 1)

    def place(value: float) -> float:
        return WIDTH * (math.log10(max(value, 1e-6)) - low) / (high - low)

    boxes = [
        Box(a, check.classes.targets.index(a.name), *map(place, (a.least, a.low, a.median, a.high, a.most)))
        for a in shown
    ]
    return BoxPlot(unit, boxes, [(place(10.0**p), f"{10.0**p:,g}") for p in range(low, high + 1)])
