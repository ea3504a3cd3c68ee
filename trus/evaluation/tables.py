"""frames.csv and patients.csv of an evaluation."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trus.evaluation.measures.scores import ClassScore, FrameScore
from trus.files import write_text

OVERLAP = (
    "image_id",
    "patient_id",
    "class",
    "iou",
    "dice",
    "intersection_px",
    "predicted_px",
    "reference_px",
    "outcome",
)
"""Columns that validation.csv and out_of_fold.csv have too."""
FURTHER = ("precision", "recall", "unit", "hd95", "assd", "lesions", "lesions_found", "false_positive_lesions", "peak")


def write_frames(path: Path, scores: Sequence[FrameScore], targets: tuple[str, ...]) -> None:
    """One row a frame and class (and network: fold and seed, where there are several), atomically.

    Scores are empty where they are not defined; distances are in `unit`, mm or px. nsd_1, nsd_2 ... are for the
    tolerances that summary.json lists.
    """
    by_network = any(score.fold is not None for score in scores)
    tolerances = max((len(part.boundary.nsd) for score in scores for part in score.classes), default=0)
    header = [*(("fold", "seed") * by_network), *OVERLAP, *FURTHER, *(f"nsd_{n + 1}" for n in range(tolerances))]
    rows = []
    for score in scores:
        network = [_text(score.fold), _text(score.seed)] * by_network
        for name, part in zip(targets, score.classes, strict=True):
            rows.append([*network, score.image_id, score.patient_id or "", name, *_row(score, part)])
    _write(path, header, rows)


def _row(score: FrameScore, part: ClassScore) -> list[str]:
    counts = [str(n) for n in (part.intersection, part.predicted, part.reference)]
    boundary = part.boundary
    distances = [_text(boundary.hd95), _text(boundary.assd)]
    lesions = [str(n) for n in (part.lesions.reference, part.lesions.found, part.lesions.false_positives)]
    nsd = [_text(value) for value in boundary.nsd]
    overlap = [_text(part.iou), _text(part.dice), *counts, part.outcome, _text(part.precision), _text(part.recall)]
    return [*overlap, score.unit, *distances, *lesions, _text(part.peak), *nsd]


def write_patients(path: Path, scores: Sequence[FrameScore], targets: tuple[str, ...]) -> None:
    """One row a patient and class: means over the patient's frames (several networks' scores of one averaged first)."""
    header = ["patient", "class", "frames", "frames_scored", "iou", "dice", "missed", "false_positive_frames"]
    rows = []
    for patient in sorted({score.patient for score in scores}):
        own = [score for score in scores if score.patient == patient]
        for k, name in enumerate(targets):
            rows.append([patient.split(" ", 1)[1], name, *_patient_row(own, k)])
    _write(path, header, rows)


def _patient_row(scores: Sequence[FrameScore], k: int) -> list[str]:
    frames = sorted({score.image_id for score in scores})
    parts = {name: [score.classes[k] for score in scores if score.image_id == name] for name in frames}
    scored = [own for own in parts.values() if own[0].reference]
    means = [np.mean([np.mean([getattr(one, of) for one in own]) for own in scored]) if scored else np.nan
             for of in ("iou", "dice")]  # fmt: skip
    share = {outcome: sum(np.mean([one.outcome == outcome for one in own]) for own in parts.values())
             for outcome in ("missed", "false positive")}  # fmt: skip
    return [str(len(frames)), str(len(scored)), *map(_text, means), *(f"{n:g}" for n in share.values())]


def _text(value: float | int | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def _write(path: Path, header: Sequence[str], rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    write_text(path, text.getvalue())
