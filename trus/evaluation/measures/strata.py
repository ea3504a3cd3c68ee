"""Scores by part: by device, annotator or any other column of the manifest, and by the size of the target."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trus.data.manifest import Manifest
from trus.data.schema import COLUMNS, read_table
from trus.errors import ManifestError
from trus.evaluation.measures.aggregate import summarise
from trus.evaluation.measures.scores import FrameScore, ScoreSettings

NOT_STATED = "not stated"
_MANY = 8
"""A column with more different numbers than this is cut into thirds."""
_THIRDS = ("lowest third", "middle third", "highest third")
_SIZES = ("small", "medium", "large")


def read_strata(manifest: Manifest, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each column the stratum of each image_id: the cell's text, "not stated" where it is empty.

    A column of more than 8 different numbers (an age, a PSA value) is cut into thirds of the frames. One that the
    schema knows but this manifest lacks is left out. Raises ManifestError for any other that is not there.
    """
    table = read_table(manifest.path)
    if unknown := [name for name in columns if name not in {*table.columns, *COLUMNS}]:
        raise ManifestError(f"{manifest.path}: strata={unknown}: no such column; it has {', '.join(table.columns)}")
    ids = table["image_id"].tolist()
    known = [name for name in columns if name in table.columns]
    return {name: _by_cell(dict(zip(ids, table[name].tolist(), strict=True))) for name in known}


def size_strata(scores: Sequence[FrameScore], k: int) -> dict[str, str]:
    """Frames that hold class `k` in thirds by its area: image_id -> `small (40 to 91 mm2)` and so on.

    In mm2 where every such frame has a spacing, else in px.
    """
    held = [score for score in scores if score.classes[k].reference]
    measured = all(score.spacing for score in held)
    areas = {s.image_id: s.classes[k].reference * (s.pixel_area if measured else 1.0) for s in held}
    return _thirds(areas, _SIZES, " mm2" if measured else " px")


def stratify(
    scores: Sequence[FrameScore], by: Mapping[str, str], targets: tuple[str, ...], settings: ScoreSettings
) -> dict[str, dict[str, Any]]:
    """{stratum: summary} as of `summarise`, `by` maps image_id to a stratum; frames that it lacks are left out.

    The strata come in the order of `by`. The intervals are over the patients of each stratum, so they do not tell
    whether two strata differ; a patient may have frames in several.
    """
    parts: dict[str, list[FrameScore]] = {name: [] for name in by.values()}
    for score in scores:
        if score.image_id in by:
            parts[by[score.image_id]].append(score)
    return {name: summarise(part, targets, settings) for name, part in parts.items() if part}


def _by_cell(cells: dict[str, str]) -> dict[str, str]:
    numbers = {image_id: _number(text) for image_id, text in cells.items() if text}
    if len(set(numbers.values())) > _MANY and None not in numbers.values():
        strata = _thirds({image_id: value for image_id, value in numbers.items() if value is not None}, _THIRDS, "")
        return strata | {image_id: NOT_STATED for image_id, text in cells.items() if not text}
    named = {image_id: text or NOT_STATED for image_id, text in cells.items()}
    return dict(sorted(named.items(), key=lambda item: (item[1] == NOT_STATED, item[1])))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _thirds(values: Mapping[str, float], names: Sequence[str], unit: str) -> dict[str, str]:
    """Thirds by value, the lowest first; equal values stay together, so that a third may be missing."""
    if not values:
        return {}
    ordered = sorted(values.items(), key=lambda item: (item[1], item[0]))
    third = np.searchsorted(np.quantile([v for _, v in ordered], [1 / 3, 2 / 3]), [v for _, v in ordered])
    strata: dict[str, str] = {}
    for n, name in enumerate(names):
        own = [item for item, place in zip(ordered, third, strict=True) if place == n]
        if own:
            label = f"{name} ({_short(own[0][1])} to {_short(own[-1][1])}{unit})"
            strata |= {image_id: label for image_id, _ in own}
    return strata


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
