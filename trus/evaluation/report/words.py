"""Names of the metrics and how their numbers are written."""

from collections.abc import Mapping
from typing import Any

GROUPS = {
    "Overlap": ("iou", "dice", "precision", "recall"),
    "Distance of the boundaries": ("hd95", "assd", "nsd"),
    "Lesions and frames found": (
        "lesion", "false_positives", "average_precision", "sensitivity_at", "auroc",
    ),
    "Probabilities": ("ece", "brier"),
    "Area, predicted minus reference": ("area",),
}  # fmt: skip
"""Tables of the report: a metric belongs to the first group one of whose words its name starts with."""
_NAMES = {"iou": "IoU", "dice": "Dice", "precision": "Precision", "recall": "Recall"}
_AVERAGES = {"": "mean over frames", "patient_": "mean over patients", "pooled_": "all pixels together"}
_LABELS = {
    "lesion_sensitivity": "Components found",
    "lesion_precision": "Predicted components that are right",
    "false_positives_per_frame": "False-positive components a frame",
    "average_precision": "Average precision (components)",
    "auroc_frame": "AUROC, frame holds the class",
    "auroc_patient": "AUROC, patient holds the class",
    "ece": "Expected calibration error",
    "brier": "Brier score",
}
_AREAS = {"bias": "Bias", "lower": "Lower limit of agreement", "upper": "Upper limit of agreement"}
UNITS = {"mm": "mm", "px": "px", "mm2": "mm²"}


def label(key: str) -> str:
    """`patient_iou` -> `IoU, mean over patients`; a metric that is not known keeps its key."""
    if key in _LABELS:
        return _LABELS[key]
    if key in _NAMES:
        return f"{_NAMES[key]}, {_AVERAGES['']}"
    for prefix in ("patient_", "pooled_"):
        if key.startswith(prefix):
            bare = key.removeprefix(prefix)
            return f"{_NAMES.get(bare) or _label_with_unit(bare)}, {_AVERAGES[prefix]}"
    return _label_with_unit(key)


def _label_with_unit(key: str) -> str:
    name, _, rest = key.partition("_")
    which, _, unit = rest.rpartition("_")
    said = UNITS.get(unit or rest, unit or rest)
    if name in ("hd95", "assd"):
        return f"{name.upper()}, {said}"
    if name == "nsd":
        return f"Surface Dice (NSD) at {rest[:-2]} {rest[-2:]}"
    if name == "area" and which in _AREAS:
        return f"{_AREAS[which]}, {said}"
    if key.startswith("sensitivity_at_"):
        return f"Components found at {rest.split('_')[1]} false positives a frame"
    return key


def group(key: str) -> str:
    """The table that a metric stands in."""
    return next((name for name, words in GROUPS.items() if _bare(key).startswith(words)), "Further")


def _bare(key: str) -> str:
    return key.removeprefix("patient_").removeprefix("pooled_")


def number(value: float | None, digits: int = 3) -> str:
    """Fixed digits with a true minus sign; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "−")


def digits_of(key: str) -> int:
    """Shares have three decimals, distances two, areas one."""
    return {"hd95": 2, "assd": 2, "area": 1, "false": 2}.get(_bare(key).partition("_")[0], 3)


def estimate(part: Mapping[str, Any], digits: int = 3) -> str:
    """`0.712 (0.650 to 0.770)`."""
    if part["value"] is None:
        return "–"
    return f"{number(part['value'], digits)} ({interval(part, digits)})"


def interval(part: Mapping[str, Any], digits: int = 3) -> str:
    """`0.650 to 0.770`, or that there is none."""
    if part["low"] is None:
        return "no interval"
    return f"{number(part['low'], digits)} to {number(part['high'], digits)}"


def signed(part: Mapping[str, Any] | None) -> str:
    """An estimate of a difference, with its sign."""
    if part is None or part["value"] is None:
        return "–"
    return ("+" if part["value"] >= 0 else "") + estimate(part)


def many(count: float, thing: str) -> str:
    """`1 frame`, `2 frames`, `1.5 frames`."""
    return f"{count:g} {thing}{'' if count == 1 else 's'}"
