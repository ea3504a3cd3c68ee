"""Where bars and boxes of the page's charts stand; the template draws them as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Bars, ticks of both axes as (position, text), and what the axes are."""

    title: str
    across: str
    up: str
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
    step = max(1, math.ceil((most + 1) / 30))
    counts = [sum(summary.patients.get(n, 0) for n in range(at, at + step)) for at in range(1, most + 1, step)]
    labels = [str(at) if step == 1 else f"{at}-{at + step - 1}" for at in range(1, most + 1, step)]
    return _histogram("Frames a patient", "frames a patient", "patients", counts, labels)


def brightness_charts(check: Check) -> list[Histogram]:
    """Distributions of mean brightness and contrast, in percent of full scale."""
    known = [facts.intensity for facts in check.facts if facts.intensity is not None]
    columns = {"Mean brightness": [v.mean for v in known], "Contrast": [v.std for v in known]}
    charts = []
    for title, values in columns.items():
        if values:
            counts, edges = np.histogram(np.array(values) * 100, bins=24)
            labels = [f"{edge:.2g}" for edge in edges[:-1]]
            charts.append(_histogram(title, "% of full scale", "frames", counts.tolist(), labels))
    return charts


def _histogram(title: str, across: str, up: str, counts: Sequence[int], labels: Sequence[str]) -> Histogram:
    top = _round_up(max(counts))
    pitch = WIDTH / len(counts)
    bars = [
        Bar(k * pitch + pitch * 0.08, HEIGHT * (1 - n / top), pitch * 0.84, HEIGHT * n / top, label, n)
        for k, (n, label) in enumerate(zip(counts, labels, strict=True))
    ]
    every = math.ceil(len(labels) / 8)
    ticks = [((k + 0.5) * pitch, label) for k, label in enumerate(labels) if k % every == 0]
    levels = [(HEIGHT * (1 - n / top), f"{n:g}") for n in _levels(top)]
    return Histogram(title, across, up, bars, ticks, levels)


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
