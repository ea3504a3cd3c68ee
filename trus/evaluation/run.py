"""One evaluation job: score what was predicted, write tables and a report, log them."""

import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from trus.evaluation.choosing import choose
from trus.evaluation.gains import Gains
from trus.evaluation.measures.aggregate import curves, summarise
from trus.evaluation.measures.scores import FrameScore, ScoreSettings
from trus.evaluation.measures.strata import read_strata, size_strata, stratify
from trus.evaluation.operating_point import Choice
from trus.evaluation.publish import complete_summary, publish
from trus.evaluation.report.page import write_report
from trus.evaluation.result import Result
from trus.evaluation.scoring import Scored, score_subject
from trus.evaluation.statistics import bootstrap_mean
from trus.evaluation.subjects.kept import open_subject
from trus.evaluation.subjects.subject import Subject
from trus.evaluation.summary import print_summary
from trus.evaluation.tables import write_frames, write_patients
from trus.files import write_json
from trus.inference.metadata import STATEMENT

FILES = ("frames.csv", "patients.csv", "summary.json", "curves.json", "report.html")


def run_evaluation(config: dict[str, Any]) -> float | None:
    """Evaluate as the checked `config` of conf/evaluate.yaml says; write FILES to run_dir and log them to MLflow.

    Returns the mean per-image IoU, None where no frame holds a target. Raises TrusError for what a user can mend.
    """
    subject = open_subject(config)
    strata = read_strata(subject.manifest, config["strata"])  # a column that is not there is told before the work
    tolerances = config["nsd_tolerances"]
    settings = ScoreSettings(
        tuple(tolerances) if tolerances else None, config["hit_iou"], resamples=config["resamples"]
    )
    with Progress(transient=True) as progress:
        task = progress.add_task("scoring", total=len(subject.source))
        scored, gains = score_subject(subject, settings, lambda: progress.advance(task))
    choice = choose(subject, config) if config["choose"] else None
    complete_summary(subject, config)
    result = _result(subject, scored, gains, settings, strata, choice)
    run_dir = Path(config["run_dir"])
    _write(result, run_dir)
    logged = publish(result.summary, [run_dir / name for name in FILES], subject, config)
    print_summary(result, run_dir, logged)
    value: float | None = result.summary["all"]["iou"]["value"]
    return value


def _result(
    subject: Subject,
    scored: list[Scored],
    gains: Gains,
    settings: ScoreSettings,
    strata: dict[str, dict[str, str]],
    choice: Choice | None,
) -> Result:
    scores = [one.score for one in scored]
    targets = subject.reference.targets
    summary = {
        "subject": subject.kind,
        "name": subject.name,
        "part": subject.part,
        "manifest": str(subject.manifest.path),
        "data_hash": subject.data_hash,
        **subject.origin,
        "warnings": subject.warnings,
        "includes_training_frames": subject.includes_training_frames,
        "synthetic_frames": sum("synthetic" in (frame.source or "").lower() for frame in subject.source.frames),
        "thresholds": dict(zip(targets, subject.thresholds, strict=True)),
        "settings": {"hit_iou": settings.hit_iou, "resamples": settings.resamples,
                     "nsd_tolerances": settings.nsd_tolerances},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **summarise(scores, targets, settings),
        "stages": gains.table(settings.resamples),
        "strata": _strata(scores, strata, targets, settings),
        "networks": _networks(scores, settings.resamples),
        **({"operating_point": choice.to_dict()} if choice else {}),
        "statement": STATEMENT,
    }  # fmt: skip
    return Result(subject, scored, summary, curves(scores, targets))


def _strata(
    scores: list[FrameScore], columns: dict[str, dict[str, str]], targets: tuple[str, ...], settings: ScoreSettings
) -> dict[str, Any]:
    """By each column, and by the size of each target; what has a single stratum is left out."""
    sizes = {f"size of {name}": size_strata(scores, k) for k, name in enumerate(targets)}
    seen = {score.image_id for score in scores}
    several = {name: by for name, by in (columns | sizes).items() if len({by[i] for i in seen & {*by}}) > 1}
    return {name: stratify(scores, by, targets, settings) for name, by in several.items()}


def _networks(scores: list[FrameScore], resamples: int) -> list[dict[str, Any]]:
    """Mean IoU of each network of a cross-validation."""
    seeds = {score.seed for score in scores}
    rows = []
    for fold, seed in sorted({(s.fold, s.seed) for s in scores if s.fold is not None}, key=str):
        own = [score for score in scores if (score.fold, score.seed) == (fold, seed)]
        values = [[part.iou for part in score.classes] for score in own]
        iou = bootstrap_mean(np.array(values), [score.patient for score in own], resamples).to_dict()
        rows.append({"name": f"{fold}/{seed}" if len(seeds) > 1 else f"{fold}", "fold": fold, "seed": seed, "iou": iou})
    return rows


def _write(result: Result, run_dir: Path) -> None:
    scores, targets = [one.score for one in result.scored], result.subject.reference.targets
    write_frames(run_dir / "frames.csv", scores, targets)
    write_patients(run_dir / "patients.csv", scores, targets)
    write_json(run_dir / "summary.json", result.summary)
    write_json(run_dir / "curves.json", result.curves)
    write_report(run_dir / "report.html", result)
