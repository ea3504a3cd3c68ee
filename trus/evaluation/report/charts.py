"""The charts of the report, from the curves and the frames' scores."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from trus.evaluation.report.plot import Axis, Plot, round_up
from trus.evaluation.report.words import UNITS, estimate, number

_BINS = 20
Curves = dict[str, dict[str, Any]]


def iou_histogram(name: str, k: int, values: Sequence[float], mean: dict[str, Any]) -> Plot:
    """Frames by IoU of one class, with the mean and its interval."""
    counts, edges = np.histogram(values, _BINS, (0, 1))
    plot = Plot(
        f"{name}: frames by IoU", Axis("IoU", 0, 1), Axis("frames", 0, max(round_up(int(counts.max())), 2), whole=True)
    )
    plot.note = f"Line: mean {estimate(mean)}."
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        if count:
            plot.bar(low, high, count, k, f"IoU {low:.2f} to {high:.2f}: {count}")
    if mean["low"] is not None:
        ends = [[(mean[end], plot.y.low), (mean[end], plot.y.high)] for end in ("low", "high")]
        plot.band(ends[0], ends[1])
    plot.upright(mean["value"], "mean", None, f"mean {mean['value']:.3f}")
    return plot


def patients_chart(name: str, k: int, by_patient: dict[str, list[tuple[str, float]]], shown: dict[str, str]) -> Plot:
    """Every frame's IoU by patient, from the patient with the lowest mean to the one with the highest."""
    means = {patient: float(np.mean([iou for _, iou in frames])) for patient, frames in by_patient.items()}
    order = sorted(means, key=lambda patient: (means[patient], patient))
    plot = Plot(
        f"{name}: IoU by patient", Axis("patients, lowest mean first", 0.3, len(order) + 0.7), Axis("IoU", 0, 1)
    )
    plot.note = "A dot a frame, a bar the patient's mean."
    every = max(1, -(-len(order) // 20))
    few = len(order) <= 16 and max(len(shown[patient]) for patient in order) <= 8
    plot.x_ticks = [(n, shown[p] if few else str(n)) for n, p in enumerate(order, 1) if few or n % every == 0 or n == 1]
    plot.width, plot.height = 1080, 210
    for n, patient in enumerate(order, 1):
        for image_id, iou in by_patient[patient]:
            plot.dot(n, iou, k, f"{shown[patient]}, {image_id}: {iou:.3f}")
        plot.line(
            [(n - 0.3, means[patient]), (n + 0.3, means[patient])],
            "mean",
            None,
            f"{shown[patient]}: {means[patient]:.3f}",
        )
    return plot


def reliability_chart(curves: Curves) -> Plot:
    """Said probability against how often it was right."""
    plot = Plot("Reliability", Axis("probability that the network says", 0, 1), Axis("share that is the class", 0, 1))
    plot.note = "On the dashed line probabilities mean what they say; below it they are too high."
    plot.line([(0, 0), (1, 1)], "dashed")
    for k, (name, curve) in enumerate(curves.items()):
        rows = _rows(curve["reliability"], "confidence", "frequency", "low", "high", "pixels")
        _with_band(plot, [(x, y) for x, y, *_ in rows], [(x, low, high) for x, _, low, high, _ in rows], k)
        for x, y, _, _, pixels in rows:
            plot.dot(x, y, k, f"{name}: said {x:.2f}, was {y:.2f}, {pixels:,.0f} px")
        plot.legend.append(("line", k, name))
    return plot


def threshold_chart(curves: Curves, thresholds: Sequence[float]) -> Plot:
    """Mean IoU over the threshold; the thresholds in use are upright lines."""
    plot = Plot("Mean IoU by threshold", Axis("threshold", 0, 1), Axis("mean IoU", 0, 1))
    plot.note = "Upright: the threshold in use. A threshold picked here is picked on these very frames."
    for k, ((name, curve), used) in enumerate(zip(curves.items(), thresholds, strict=True)):
        rows = _rows(curve["thresholds"], "threshold", "iou", "low", "high")
        _with_band(plot, [(x, y) for x, y, *_ in rows], [(x, low, high) for x, _, low, high in rows], k)
        plot.upright(used, "dashed", k, f"{name}: {used:.3g}")
        plot.legend.append(("line", k, name))
    return plot


def froc_chart(curves: Curves) -> Plot | None:
    """Components found against false positives a frame."""
    parts = {
        name: _rows(c["froc"], "false_positives_per_frame", "sensitivity", "confidence") for name, c in curves.items()
    }
    if not any(parts.values()):
        return None
    most = max((x for rows in parts.values() for x, *_ in rows), default=1)
    plot = Plot(
        "FROC", Axis("false-positive components a frame", 0, round_up(max(most, 0.5))), Axis("components found", 0, 1)
    )
    plot.note = "From the surest candidates on the left to all on the right."
    for k, (name, rows) in enumerate(parts.items()):
        if rows:
            plot.steps([(0, 0), *((x, y) for x, y, _ in rows), (plot.x.high, rows[-1][1])], "line", k)
            plot.legend.append(("line", k, name))
    return plot


def precision_recall_chart(curves: Curves) -> Plot | None:
    """Share of right candidates against components found."""
    parts = {name: _rows(c["precision_recall"], "sensitivity", "precision") for name, c in curves.items()}
    if not any(parts.values()):
        return None
    plot = Plot("Precision and recall of components", Axis("components found (recall)", 0, 1), Axis("precision", 0, 1))
    plot.note = "Candidates by falling confidence."
    for k, (name, rows) in enumerate(parts.items()):
        if rows:
            plot.line([(0, rows[0][1]), *rows], "line", k)
            plot.legend.append(("line", k, name))
    return plot


def roc_chart(curves: Curves) -> Plot | None:
    """Is the class in the frame at all?"""
    parts = {n: _rows(c["roc_frame"], "false_positive_rate", "true_positive_rate") for n, c in curves.items()}
    if not any(parts.values()):
        return None
    plot = Plot(
        "ROC: does the frame hold the class?",
        Axis("frames without it, called wrongly", 0, 1),
        Axis("frames with it, called rightly", 0, 1),
    )
    plot.note = "By the frame's highest probability. On the dashed line it is chance."
    plot.line([(0, 0), (1, 1)], "dashed")
    for k, (name, rows) in enumerate(parts.items()):
        if rows:
            plot.line(rows, "line", k)
            plot.legend.append(("line", k, name))
    return plot


def area_charts(curves: Curves, classes: dict[str, dict[str, Any]]) -> list[Plot]:
    """Bland-Altman: predicted minus reference area over their mean, a plot a class and unit."""
    found = []
    for k, (name, curve) in enumerate(curves.items()):
        for unit, points in curve["areas"].items():
            rows = _rows(points, "mean", "difference", "image_id")
            if rows:
                found.append(_area_chart(name, k, unit, rows, classes[name]))
    return found


def _area_chart(name: str, k: int, unit: str, rows: list[tuple[Any, ...]], summary: dict[str, Any]) -> Plot:
    lines = {which: summary.get(f"area_{which}_{unit}") for which in ("bias", "lower", "upper")}
    known = {which: part for which, part in lines.items() if part and part["value"] is not None}
    reach = [abs(y) for _, y, _ in rows] + [abs(part["value"]) for part in known.values()]
    top = round_up(max(*reach, 1e-9))
    said = UNITS.get(unit, unit)
    right = round_up(max(x for x, *_ in rows))
    plot = Plot(
        f"{name}: area, predicted minus reference",
        Axis(f"mean of both areas, {said}", 0, right),
        Axis(f"difference, {said}", -top, top),
    )
    plot.note = "Bland-Altman: bias and 95 % limits of agreement, each with its interval."
    plot.level(0, "guide")
    for which, part in known.items():
        if part["low"] is not None:
            plot.band([(0, part["low"]), (right, part["low"])], [(0, part["high"]), (right, part["high"])])
        plot.level(
            part["value"],
            "mean" if which == "bias" else "dashed",
            f"{which} {number(part['value'], 0 if top > 20 else 1)}",
        )
    for x, y, image_id in rows:
        plot.dot(x, y, k, f"{image_id}: {number(y, 1)} {said}")
    return plot


def folds_chart(rows: Sequence[dict[str, Any]]) -> Plot:
    """Mean IoU of each network with its interval."""
    plot = Plot("Mean IoU by fold", Axis("fold", 0.4, len(rows) + 0.6), Axis("mean IoU", 0, 1))
    plot.note = "Bars: 95 % over the fold's patients."
    every = max(1, -(-len(rows) // 15))
    plot.x_ticks = [(n, row["name"]) for n, row in enumerate(rows, 1) if (n - 1) % every == 0]
    for n, row in enumerate(rows, 1):
        part = row["iou"]
        if part["value"] is None:
            continue
        if part["low"] is not None:
            plot.line([(n, part["low"]), (n, part["high"])], "whisker", 0)
        plot.dot(n, part["value"], 0, f"{row['name']}: {estimate(part)}", "dot-big")
    return plot


def _rows(curve: dict[str, list[Any]], *names: str) -> list[tuple[Any, ...]]:
    """The curve's points where its first two columns are known; further ones may be None."""
    columns = zip(*(curve[name] for name in names), strict=True)
    return [row for row in columns if row[0] is not None and row[1] is not None]


def _with_band(plot: Plot, line: list[tuple[float, float]], band: list[tuple[Any, Any, Any]], colour: int) -> None:
    known = [(x, low, high) for x, low, high in band if low is not None]
    plot.band([(x, low) for x, low, _ in known], [(x, high) for x, _, high in known], colour)
    plot.line(line, "line", colour)
