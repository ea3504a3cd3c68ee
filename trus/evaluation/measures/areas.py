"""Agreement of predicted and reference area: bias and limits of Bland and Altman, in mm2 where spacing is known."""

from functools import partial
from typing import Any

import numpy as np

from trus.evaluation.measures.score_table import ScoreTable, entry
from trus.evaluation.statistics import bootstrap

_UNITS = {"mm": "mm2", "px": "px"}
_LIMIT = 1.96


def summarise_areas(table: ScoreTable, k: int) -> dict[str, Any]:
    """Bias of the predicted area and its limits of agreement, for frames whose reference holds class `k`.

    `area_bias_U`, `area_lower_U`, `area_upper_U` for each unit U (mm2, px) that occurs: the mean difference predicted
    minus reference and 1.96 standard deviations of single frames below and above it. Bland & Altman, Lancet 1986. The
    intervals are from resampled patients; the limits are for a frame, not for a patient's mean.
    """
    summary = {}
    for unit, points in _differences(table, k).items():
        sums = np.zeros((len(table.patients), 3))
        values = points["difference"]
        np.add.at(sums, points["patient"], np.stack([np.ones_like(values), values, values**2], 1))
        sums = sums[sums[:, 0] > 0]
        for name, deviations in (("bias", 0.0), ("lower", -_LIMIT), ("upper", _LIMIT)):
            limit = partial(_limit, sums, deviations)
            estimate = bootstrap(limit, len(sums), len(values), table.resamples)
            summary[f"area_{name}_{_UNITS[unit]}"] = entry(estimate, _why(len(values)))
    return summary


def area_points(table: ScoreTable, k: int) -> dict[str, dict[str, list[Any]]]:
    """For each unit the frames of a Bland-Altman plot: image_id, patient, mean and difference of both areas."""
    return {
        _UNITS[unit]: {
            "image_id": table.images[points["frame"]].tolist(),
            "patient": table.patients[points["patient"]].tolist(),
            "mean": points["mean"].tolist(),
            "difference": points["difference"].tolist(),
        }
        for unit, points in _differences(table, k).items()
    }


def _differences(table: ScoreTable, k: int) -> dict[str, dict[str, np.ndarray]]:
    predicted = table.average_frames(table.array("predicted", k)[:, 0] * table.pixel_area)
    reference = table.average_frames(table.array("reference", k)[:, 0] * table.pixel_area)
    chosen = {}
    for unit in table.units:
        frame = np.flatnonzero((reference > 0) & (table.average_frames(table.in_unit(unit) * 1.0) > 0))
        chosen[unit] = {
            "frame": frame,
            "patient": table.frame_patient()[frame],
            "mean": (predicted + reference)[frame] / 2,
            "difference": (predicted - reference)[frame],
        }
    return chosen


def _limit(sums: np.ndarray, deviations: float, weights: np.ndarray) -> np.ndarray:
    """Count, sum and sum of squares (P, 3), weights (B, P) -> mean plus so many standard deviations (B,)."""
    count, total, squares = (weights @ sums).T
    mean = total / count
    if not deviations:
        return np.asarray(mean)
    variance = np.maximum(squares - count * mean**2, 0) / np.maximum(count - 1, 1)
    return np.where(count > 1, mean + deviations * np.sqrt(variance), np.nan)


def _why(frames: int) -> str:
    return "a single frame has no spread" if frames else "no frame whose reference holds the class"
