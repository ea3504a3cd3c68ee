"""One agreement job: several manifests in; tables, maps and a consensus out, one frame in memory at a time."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.annotators import Annotator, SharedFrame, match_frames
from trus.data.annotations.consensus import Consensus, check_target, find_consensus, write_consensus
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.errors import AnnotationError, ManifestError
from trus.evaluation.agreement.disagreement import ScoredFrame, write_map, write_sheet
from trus.evaluation.agreement.overlap import (
    Comparison,
    PairAgreement,
    class_dice,
    compare_frame,
    frame_dice,
    overall,
    summarise_pairs,
    write_frames,
    write_patients,
)
from trus.evaluation.statistics import Estimate
from trus.files import write_json

_ON_SHEET = 12


@dataclass
class Rates:
    """STAPLE's sensitivity and specificity of one annotator on one class, frame by frame."""

    sensitivity: list[float] = field(default_factory=list)
    specificity: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, float | int]:
        """Means over the frames on which anyone drew the class."""
        means = float(np.mean(self.sensitivity)), float(np.mean(self.specificity))
        return {"sensitivity": means[0], "specificity": means[1], "frames": len(self.sensitivity)}


@dataclass
class Agreement:
    """What a job found. `refused` are lines for the user; `rates` are STAPLE's by class and annotator."""

    annotators: Sequence[Annotator]
    classes: Classes
    single: int
    refused: list[str]
    comparisons: list[Comparison] = field(default_factory=list)
    scored: list[ScoredFrame] = field(default_factory=list)
    voted: dict[str, SharedFrame] = field(default_factory=dict)
    rates: dict[tuple[str, str], Rates] = field(default_factory=lambda: defaultdict(Rates))
    rows_written: int = 0

    @cached_property
    def pairs(self) -> list[PairAgreement]:
        """Every pair on every class."""
        return summarise_pairs(self.comparisons, self.classes)

    @cached_property
    def overall(self) -> Estimate:
        """Mean Dice over pairs, frames and classes."""
        return overall(self.comparisons)

    @property
    def without_patient(self) -> int:
        """Compared frames whose patient is not known: the interval takes each for a patient of its own."""
        return sum(scored.patient_id is None for scored in self.voted.values())

    @property
    def worst(self) -> list[ScoredFrame]:
        """Frames on which anyone drew, the least agreement first."""
        return sorted((one for one in self.scored if not np.isnan(one.dice)), key=lambda one: one.dice)


def run_agreement(
    annotators: Sequence[Annotator],
    out: Path,
    method: str | None = None,
    maps: int = 24,
    advance: Callable[[int], None] = lambda total: None,
) -> Agreement:
    """Write agreement.csv, patients.csv, summary.json, maps/ and worst.png to `out`; with `method` (majority, staple)
    a consensus data set too: manifest.csv, classes.json, masks/.

    One bad frame is a line of `refused` and stops nothing. `advance` is called with the number of frames for each that
    is done. Raises ManifestError where no frame can be compared, or a consensus would be written over a data set.
    """
    if method is not None:
        check_target(out, annotators)
    shared = match_frames(annotators)
    found = Agreement(annotators, annotators[0].manifest.classes, shared.single, [*shared.refused.values()])
    left_out = {*shared.refused}
    for frame in shared.frames:
        try:
            labels = frame.read_labels(found.classes)
        except AnnotationError as error:
            found.refused.append(str(error))
            left_out.add(frame.image_id)
        else:
            _take(found, frame, labels, out, method)
        advance(len(shared.frames))
    if not found.comparisons:
        raise ManifestError(_nothing(found))
    if method is not None:
        found.rows_written = write_consensus(out, annotators, found.voted, left_out, method)
    _write(found, out, method, maps)
    return found


def _take(found: Agreement, frame: SharedFrame, labels: dict[str, np.ndarray], out: Path, method: str | None) -> None:
    rows = compare_frame(frame.image_id, frame.patient_id, labels, found.classes)
    found.comparisons += rows
    found.scored.append(ScoredFrame(frame, frame_dice(rows), class_dice(rows)))
    found.voted[frame.image_id] = frame
    if method is not None:
        consensus = find_consensus([*labels.values()], found.classes, method)
        write_image(out / "masks" / f"{frame.image_id}.png", consensus.labels)
        _add_rates(found, consensus, [*labels])


def _add_rates(found: Agreement, consensus: Consensus, names: list[str]) -> None:
    for target, staple in consensus.rates.items():
        for name, sensitivity, specificity in zip(names, staple.sensitivity, staple.specificity, strict=True):
            if not np.isnan(sensitivity):
                found.rates[target, name].sensitivity.append(float(sensitivity))
                found.rates[target, name].specificity.append(float(specificity))


def _nothing(found: Agreement) -> str:
    names = ", ".join(annotator.name for annotator in found.annotators)
    lines = "".join(f"\n  {line}" for line in found.refused[:20])
    return f"no frame has masks of two of {names}; frames are matched by image_id: import all from the same ones{lines}"


def _write(found: Agreement, out: Path, method: str | None, maps: int) -> None:
    names = [annotator.name for annotator in found.annotators]
    write_frames(out / "agreement.csv", found.comparisons)
    write_patients(out / "patients.csv", found.comparisons)
    mapped = found.worst[:maps]
    for scored in mapped:
        write_map(scored, names, found.classes, out / "maps" / f"{scored.frame.image_id}.png")
    if mapped:
        write_sheet(mapped[:_ON_SHEET], names, found.classes, out / "worst.png")
    summary = _summary(found, out, method) | {"maps": [f"maps/{one.frame.image_id}.png" for one in mapped]}
    write_json(out / "summary.json", summary)


def _summary(found: Agreement, out: Path, method: str | None) -> dict[str, Any]:
    return {
        "annotators": {
            one.name: Path(os.path.relpath(one.manifest.path.resolve(), out.resolve())).as_posix()
            for one in found.annotators
        },
        "frames_compared": len(found.voted),
        "frames_of_one_annotator_or_none": found.single,
        "frames_without_patient": found.without_patient,
        "overall_dice": found.overall.to_dict(),
        "pairs": [pair.to_dict() for pair in found.pairs],
        "consensus": _consensus_summary(found, method),
        "refused": found.refused,
    }


def _consensus_summary(found: Agreement, method: str | None) -> dict[str, Any] | None:
    if method is None:
        return None
    staple: dict[str, dict[str, Any]] = defaultdict(dict)
    for (target, name), rates in found.rates.items():
        staple[target][name] = rates.to_dict()
    return {"method": method, "frames": len(found.voted), "rows": found.rows_written, "staple": dict(staple)}
