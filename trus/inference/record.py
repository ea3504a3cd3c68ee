"""What is said of a predicted frame, in numbers."""

from typing import Any

import cv2
import numpy as np

from trus.data.classes import Classes
from trus.data.planes import bounding_box
from trus.inference.predictor import Prediction

COLUMNS = (
    *("name", "input", "class", "area_px", "area_mm2", "x0", "y0", "x1", "y1", "components", "mean_probability"),
    *("threshold", "model_sha256"),
)
"""Columns of predictions.csv; x1 and y1 are exclusive."""


def describe(
    prediction: Prediction, classes: Classes, thresholds: list[float], spacing: tuple[float, float] | None
) -> dict[str, Any]:
    """Frame size and, for each class: area, box, components and mean probability inside the mask.

    `spacing` is (row, column) in mm; without it area_mm2 is None.
    """
    planes = classes.planes(prediction.labels)
    height, width = prediction.labels.shape
    entries = [
        {"class": name, "threshold": thresholds[k], **_measure(planes[k], prediction.probabilities[k], spacing)}
        for k, name in enumerate(classes.targets)
    ]
    return {"height": height, "width": width, "classes": entries}


def _measure(plane: np.ndarray, probability: np.ndarray, spacing: tuple[float, float] | None) -> dict[str, Any]:
    inside = plane.astype(bool)
    rows, columns = box = bounding_box(inside)
    plane, inside, probability = plane[box], inside[box], probability[box]
    area = int(np.count_nonzero(inside))
    return {
        "area_px": area,
        "area_mm2": None if spacing is None else round(area * spacing[0] * spacing[1], 3),
        "bounding_box": [columns.start, rows.start, columns.stop, rows.stop] if area else None,
        "components": cv2.connectedComponents(plane, connectivity=8)[0] - 1 if area else 0,
        "mean_probability": round(float(probability[inside].mean()), 4) if area else None,
    }
