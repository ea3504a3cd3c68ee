"""How far annotators of the same frames agree: overlap by pair and class, a frame, a patient, and over all.

An annotator is no reference for another, so the measures are symmetric: a frame on which both drew nothing of a class
is not scored but counted, one on which only one of them drew scores 0.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.evaluation.statistics import Estimate, bootstrap_mean
from trus.files import write_text

ALL = "all classes"


@dataclass(frozen=True)
class Comparison:
    """Two annotators on one class of one frame; areas in pixels. `patient_id` is the frame's id where none is known."""

    image_id: str
    patient_id: str
    class_name: str
    first: str
    second: str
    first_area: int
    second_area: int
    intersection: int

    @property
    def dice(self) -> float:
        """2 |A and B| / (|A| + |B|), 0 to 1; NaN where both are empty."""
        total = self.first_area + self.second_area
        return 2 * self.intersection / total if total else np.nan

    @property
    def iou(self) -> float:
        """|A and B| / |A or B|, 0 to 1; NaN where both are empty."""
        union = self.first_area + self.second_area - self.intersection
        return self.intersection / union if union else np.nan

    @property
    def drawn_by(self) -> str:
        """`both`, `first`, `second` or `none`."""
        if self.first_area and self.second_area:
            return "both"
        return "first" if self.first_area else "second" if self.second_area else "none"


def compare_frame(
    image_id: str, patient_id: str | None, labels: dict[str, np.ndarray], classes: Classes
) -> list[Comparison]:
    """Every pair of annotators on every class; `labels` are masks uint8 (H, W) of one size by annotator."""
    planes = {name: classes.planes(mask).astype(bool) for name, mask in labels.items()}
    found = []
    for first, second in combinations(planes, 2):
        for k, target in enumerate(classes.targets):
            a, b = planes[first][k], planes[second][k]
            areas = int(a.sum()), int(b.sum()), int((a & b).sum())
            found.append(Comparison(image_id, patient_id or image_id, target, first, second, *areas))
    return found


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators on one class (or all of them) over all frames.

    `dice` and `iou` are means over the frames on which at least one of them drew, with 95 % intervals from a bootstrap
    over patients; `dice_where_both_drew` over those on which both did. Counts are frames; for all classes, frames by
    class. `kappa` is Cohen's (1960) for whether the class is there, None where chance agreement is 1.
    """

    first: str
    second: str
    class_name: str
    dice: Estimate
    iou: Estimate
    dice_where_both_drew: Estimate
    both: int
    first_only: int
    second_only: int
    none: int

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa of detection, -1 to 1."""
        n = self.both + self.first_only + self.second_only + self.none
        a, b = (self.both + self.first_only) / n, (self.both + self.second_only) / n
        chance = a * b + (1 - a) * (1 - b)
        return None if chance > 1 - 1e-12 else ((self.both + self.none) / n - chance) / (1 - chance)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "annotators": [self.first, self.second],
            "class": self.class_name,
            "dice": self.dice.to_dict(),
            "iou": self.iou.to_dict(),
            "dice_where_both_drew": self.dice_where_both_drew.to_dict(),
            "frames_drawn_by": {
                "both": self.both,
                f"only {self.first}": self.first_only,
                f"only {self.second}": self.second_only,
                "none": self.none,
            },
            "kappa_of_presence": self.kappa,
        }


def summarise_pairs(comparisons: Iterable[Comparison], classes: Classes) -> list[PairAgreement]:
    """Every pair on every class, and on all classes where there are several."""
    pairs: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for one in comparisons:
        pairs[one.first, one.second].append(one)
    names = [*classes.targets, ALL] if len(classes.targets) > 1 else [*classes.targets]
    return [
        _pair(first, second, name, [one for one in found if name in (one.class_name, ALL)])
        for (first, second), found in sorted(pairs.items())
        for name in names
    ]


def overall(comparisons: Sequence[Comparison]) -> Estimate:
    """Mean Dice over pairs and frames, averaged over classes, with its interval over patients."""
    return _mean(comparisons, [one.dice for one in comparisons])


def frame_dice(comparisons: Iterable[Comparison]) -> float:
    """Mean Dice over the pairs and classes of one frame; NaN where nobody drew anything."""
    scored = [one.dice for one in comparisons if not np.isnan(one.dice)]
    return float(np.mean(scored)) if scored else np.nan


def class_dice(comparisons: Iterable[Comparison]) -> dict[str, float]:
    """Mean Dice over the pairs of one frame by class, where anyone drew the class."""
    by_class: dict[str, list[Comparison]] = defaultdict(list)
    for one in comparisons:
        by_class[one.class_name].append(one)
    return {name: value for name, found in by_class.items() if not np.isnan(value := frame_dice(found))}


def _pair(first: str, second: str, name: str, found: list[Comparison]) -> PairAgreement:
    drawn = [one.drawn_by for one in found]
    dice = [one.dice for one in found]
    return PairAgreement(
        first,
        second,
        name,
        _mean(found, dice),
        _mean(found, [one.iou for one in found]),
        _mean(found, [d if by == "both" else np.nan for d, by in zip(dice, drawn, strict=True)]),
        *(drawn.count(kind) for kind in ("both", "first", "second", "none")),
    )


def _mean(found: Sequence[Comparison], values: Sequence[float]) -> Estimate:
    """Mean over the frames of each class, then over classes; several pairs of a frame are averaged first."""
    names = list(dict.fromkeys(one.class_name for one in found))
    frames = {one.image_id: one.patient_id for one in found}
    place = {image_id: n for n, image_id in enumerate(frames)}
    sums, counts = np.zeros((2, len(frames), len(names)))
    for one, value in zip(found, values, strict=True):
        if not np.isnan(value):
            sums[place[one.image_id], names.index(one.class_name)] += value
            counts[place[one.image_id], names.index(one.class_name)] += 1
    table = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return bootstrap_mean(table, [*frames.values()])


def write_frames(path: Path, comparisons: Iterable[Comparison]) -> None:
    """One row a frame, pair and class, atomically; an empty dice and iou means that neither drew."""
    header = "image_id patient_id class annotator_a annotator_b dice iou area_a_px area_b_px intersection_px drawn_by"
    write_text(path, _csv(header.split(), (_frame_row(one) for one in comparisons)))


def _frame_row(one: Comparison) -> list[Any]:
    drawn_by = {"first": one.first, "second": one.second}.get(one.drawn_by, one.drawn_by)
    where = [one.image_id, one.patient_id, one.class_name, one.first, one.second]
    return [*where, _text(one.dice), _text(one.iou), one.first_area, one.second_area, one.intersection, drawn_by]


def write_patients(path: Path, comparisons: Iterable[Comparison]) -> None:
    """One row a patient, pair and class: mean Dice and IoU over the frames that at least one drew on, and the Dice of
    all their pixels together (of slices of a volume: the volume's)."""
    groups: dict[tuple[str, ...], list[Comparison]] = defaultdict(list)
    for one in comparisons:
        groups[one.patient_id, one.class_name, one.first, one.second].append(one)
    header = "patient_id class annotator_a annotator_b dice iou dice_pooled frames frames_scored"
    write_text(path, _csv(header.split(), (_patient_row(key, found) for key, found in groups.items())))


def _patient_row(key: tuple[str, ...], found: list[Comparison]) -> list[Any]:
    scored = [one for one in found if one.drawn_by != "none"]
    if not scored:
        return [*key, "", "", "", len(found), 0]
    areas = sum(one.first_area + one.second_area for one in scored)
    pooled = 2 * sum(one.intersection for one in scored) / areas
    means = float(np.mean([one.dice for one in scored])), float(np.mean([one.iou for one in scored]))
    return [*key, *map(_text, (*means, pooled)), len(found), len(scored)]


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}"


def _csv(header: list[str], rows: Iterable[list[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
