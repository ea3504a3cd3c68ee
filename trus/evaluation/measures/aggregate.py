"""Scores of frames -> a summary with an interval on every number, and the curves behind the figures.

Three ways to average. Plain names (`iou`) are means over frames, `patient_` means over patients of their frames' mean,
`pooled_` ratios of the pixels of all frames together (distances have none). Over several classes each is the mean of
the classes' values. What cannot be computed is None with a reason, never 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trus.evaluation.measures.areas import area_points, summarise_areas
from trus.evaluation.measures.calibration import reliability_curve, summarise_calibration
from trus.evaluation.measures.detection import detection_curves, summarise_detection
from trus.evaluation.measures.score_table import ScoreTable, entry, plain
from trus.evaluation.measures.scores import THRESHOLDS, ClassScore, FrameScore, ScoreSettings
from trus.evaluation.statistics import bootstrap_curve

_NOTHING_THERE = "no frame whose reference holds the class"
_NOTHING_SAID = "nothing is predicted where the reference holds the class"


def summarise(scores: Sequence[FrameScore], targets: tuple[str, ...], settings: ScoreSettings) -> dict[str, Any]:
    """{"grouped_by_patient", "all": {...}, "classes": {name: {...}}} of JSON types; `glossary` explains each name.

    A number is {value, low, high, frames, patients}, with a `reason` where value is None; `counts` are plain numbers.
    `all` lacks what has no meaning over several classes: detection, calibration, areas. Raises ValueError without
    scores.
    """
    if not scores:
        raise ValueError("no score to summarise")
    table = ScoreTable(scores, settings.resamples)
    classes = {
        name: _masks(table, settings, k)
        | summarise_detection(table, k)
        | summarise_calibration(table, k)
        | summarise_areas(table, k)
        for k, name in enumerate(targets)
    }
    together = _masks(table, settings, None) if len(targets) > 1 else classes[targets[0]]
    return {"grouped_by_patient": all(score.patient_id for score in scores), "all": together, "classes": classes}


def curves(scores: Sequence[FrameScore], targets: tuple[str, ...], resamples: int = 1000) -> dict[str, dict[str, Any]]:
    """{class: {"froc", "precision_recall", "roc_frames", "roc_patients", "reliability", "thresholds", "areas"}}.

    Each is a dictionary of equally long lists (JSON types, None where undefined); `areas` has one for each unit.
    """
    table = ScoreTable(scores, resamples)
    return {
        name: detection_curves(table, k)
        | {"reliability": reliability_curve(table, k), "thresholds": _threshold_curve(table, k)}
        | {"areas": area_points(table, k)}
        for k, name in enumerate(targets)
    }


def _masks(table: ScoreTable, settings: ScoreSettings, k: int | None) -> dict[str, Any]:
    """What the masks are worth, of class `k` or over all classes."""
    return _overlap(table, k) | _boundaries(table, settings, k) | _lesions(table, k) | {"counts": _counts(table, k)}


def _overlap(table: ScoreTable, k: int | None) -> dict[str, Any]:
    summary = {}
    shared, predicted, reference = (table.array(name, k) for name in ("intersection", "predicted", "reference"))
    pooled = {"iou": predicted + reference - shared, "dice": (predicted + reference) / 2}
    pooled |= {"precision": predicted, "recall": reference}
    for name, whole in pooled.items():
        values = table.array(name, k)
        reason = _NOTHING_SAID if name == "precision" and reference.any() else _NOTHING_THERE
        summary[name] = entry(table.mean(values), reason)
        summary[f"patient_{name}"] = entry(table.patient_mean(values), reason)
        summary[f"pooled_{name}"] = entry(table.ratio(shared, whole), "no pixel to divide by")
    return summary


def _boundaries(table: ScoreTable, settings: ScoreSettings, k: int | None) -> dict[str, Any]:
    """Frames with known spacing in mm, the others in px: two groups that are never averaged together."""
    summary = {}
    distances = {name: table.array(f"boundary.{name}", k) for name in ("hd95", "assd")}
    nsd = table.array("boundary.nsd", k)
    for unit in table.units:
        rows = table.in_unit(unit)[:, None]
        named = {f"{name}_{unit}": values for name, values in distances.items()}
        named |= {f"nsd_{t:g}{unit}": nsd[:, :, i] for i, t in enumerate(settings.tolerances(unit))}
        for name, values in named.items():
            known = np.where(rows, values, np.nan)
            summary[name] = entry(table.mean(known), _NOTHING_THERE)
            summary[f"patient_{name}"] = entry(table.patient_mean(known), _NOTHING_THERE)
    return summary


def _lesions(table: ScoreTable, k: int | None) -> dict[str, Any]:
    lesions, predicted, found = (table.array(f"lesions.{name}", k) for name in ("reference", "predicted", "found"))
    return {
        "lesion_sensitivity": entry(table.ratio(found, lesions), "no lesion in the references"),
        "lesion_precision": entry(table.ratio(found, predicted), "no lesion predicted"),
        "false_positives_per_frame": entry(table.ratio(predicted - found, np.ones_like(found)), "no frame"),
    }


def _counts(table: ScoreTable, k: int | None) -> dict[str, float]:
    """How many frames (of each class) met which fate; with several networks a frame the mean of them."""
    outcomes = np.array([[part.outcome for part in score.classes] for score in table.scores])
    outcomes = outcomes if k is None else outcomes[:, k : k + 1]
    words = {"scored": "scored", "missed": "missed", "both_empty": "both empty"}
    counts = {name: float(table.weight @ (outcomes == word).sum(1)) for name, word in words.items()}
    counts["false_positive_frames"] = float(table.weight @ (outcomes == "false positive").any(1))
    for name in ("reference", "predicted"):
        counts[f"{name}_lesions"] = float(table.weight @ table.array(f"lesions.{name}", k).sum(1))
    known = {"frames": len(table.images), "patients": len(table.patients), "networks": int(table.rows_of_image.max())}
    return known | {name: round(value, 3) for name, value in counts.items()}


def _threshold_curve(table: ScoreTable, k: int) -> dict[str, list[float | None]]:
    """Mean IoU over frames at each threshold, before post-processing."""
    parts = [score.classes[k] for score in table.scores]
    values = np.stack([_iou_curve(part) for part in parts])
    scored = np.array([part.reference > 0 for part in parts])[:, None] * np.ones(values.shape)
    value, low, high = bootstrap_curve(table.sum_patients(values * scored), table.sum_patients(scored), table.resamples)
    return {"threshold": THRESHOLDS.tolist(), "iou": plain(value), "low": plain(low), "high": plain(high)}


def _iou_curve(part: ClassScore) -> np.ndarray:
    shared, predicted = part.curve
    return np.asarray(shared / np.maximum(predicted + part.reference - shared, 1))
