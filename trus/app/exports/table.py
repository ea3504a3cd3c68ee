"""One row a class and frame, and one a measurement by hand, as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from trus.app.exports.download import Download
from trus.app.exports.going import Going
from trus.app.exports.shape import Shape, shape_of
from trus.inference.postprocessing import label_components

COLUMNS = (
    *("file", "frame", "class", "label", "area_px", "area_mm2", "perimeter_px", "perimeter_mm", "widest_px"),
    *("widest_mm", "across_px", "across_mm", "components", "mean_probability", "threshold"),
    *("measurement", "measured", "unit"),
    *("spacing_row_mm", "spacing_col_mm", "spacing_note", "corrected", "annotator", "seconds", "patient_id"),
    *("model", "model_sha256"),
)


def table(going: Sequence[Going]) -> Download:
    """The CSV, UTF-8 with a mark that spreadsheets know. Raises Problem as `Going.labels`."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for frame in going:
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows(frame))
    return Download("trus-table.csv", "text/csv; charset=utf-8", text.getvalue().encode("utf-8-sig"))


def rows(frame: Going) -> Iterator[dict[str, Any]]:
    """A frame's rows: its classes in the model's order, then what was measured by hand."""
    asked, classes = frame.asked, frame.classes
    common = {
        "file": asked.name,
        "frame": asked.frame,
        "corrected": "yes" if asked.corrected else "no",
        "annotator": asked.annotator,
        "seconds": asked.seconds,
        "patient_id": asked.patient_id,
        "model": asked.model,
        "model_sha256": asked.model_sha256,
    }
    planes = classes.planes(frame.labels())
    for name, plane in zip(classes.targets, planes, strict=True):
        about = {"class": name, "label": classes.values[name], "threshold": asked.thresholds.get(name)}
        yield common | about | {"mean_probability": asked.mean_probability.get(name)} | _numbers(frame, plane)
    for figure in asked.measurements:
        note = "stated by the user" if figure.spacing_source == "stated" else ""
        measured = {"measurement": figure.kind, "measured": _rounded(figure.value, 3), "unit": figure.unit}
        yield common | measured | {"spacing_note": note}


def _numbers(frame: Going, plane: np.ndarray) -> dict[str, Any]:
    scale = frame.scale
    x, y, width, height = cv2.boundingRect(plane)
    spacing = scale.within((x, y, x + width, y + height)) if width else scale.whole
    part = plane[y : y + height, x : x + width]  # most of a frame holds nothing
    return {
        "area_px": int(part.sum()),
        "area_mm2": _rounded(scale.area_mm2(plane), 3),
        "components": len(label_components(part)[1]) - 1 if width else 0,
        "spacing_row_mm": spacing and spacing[0],
        "spacing_col_mm": spacing and spacing[1],
        "spacing_note": "" if spacing and not frame.asked.stated else scale.note,
        **_lengths(shape_of(part), "px"),
        **(_lengths(shape_of(part, spacing), "mm") if spacing else {}),
    }


def _lengths(shape: Shape, unit: str) -> dict[str, Any]:
    return {
        f"perimeter_{unit}": _rounded(shape.perimeter, 3),
        f"widest_{unit}": _rounded(shape.widest, 3),
        f"across_{unit}": _rounded(shape.across, 3),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is led by an apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
