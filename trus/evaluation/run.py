"""One evaluation job: a model file, a manifest, a part of it."""

from pathlib import Path
from typing import Any

from rich.progress import Progress

from trus.data.manifest import Frame, Manifest
from trus.errors import ManifestError
from trus.evaluation.evaluate import Evaluation, evaluate
from trus.files import write_json
from trus.inference.predictor import Predictor, open_predictor


def run_evaluation(config: dict[str, Any]) -> float | None:
    """Evaluate as the checked `config` of conf/evaluate.yaml says; write frames.csv and summary.json to run_dir.

    Returns the mean per-image IoU. Raises TrusError for what a user can mend.
    """
    predictor = open_predictor(Path(config["model_file"]))
    if config["threshold"] is not None:
        predictor.thresholds = [config["threshold"]] * len(predictor.thresholds)
    manifest = Manifest.load(Path(config["data"]["manifest"]))
    data_hash = manifest.verify().data_hash
    frames = _part(manifest, config["split"]["part"])
    with Progress(transient=True) as progress:
        task = progress.add_task("evaluating", total=len(frames))
        evaluation = evaluate(predictor, frames, manifest.classes, lambda: progress.advance(task))
    return _report(evaluation, predictor, config, data_hash)


def _part(manifest: Manifest, part: str) -> list[Frame]:
    chosen = [
        f for f in manifest.frames if f.mask is not None and (part == "all" or (f.split == "test") == (part == "test"))
    ]
    if not chosen:
        counts = {name: sum(f.split == name for f in manifest.frames) for name in ("train", "test")}
        raise ManifestError(
            f"{manifest.path}: no annotated frame in split.part={part} (rows: {counts}); try split.part=all"
        )
    return chosen


def _report(evaluation: Evaluation, predictor: Predictor, config: dict[str, Any], data_hash: str) -> float | None:
    run_dir = Path(config["run_dir"])
    training = predictor.metadata.training
    summary = {
        "model_file": config["model_file"],
        "model_sha256": predictor.model_hash,
        "manifest": config["data"]["manifest"],
        "data_hash": data_hash,
        "split_hash": training.split_hash,
        "part": config["split"]["part"],
        "includes_training_frames": data_hash == training.data_hash and config["split"]["part"] != "test",
        "thresholds": predictor.thresholds,
        **evaluation.summary(config["resamples"]),
        "statement": predictor.metadata.statement,
    }
    evaluation.write_csv(run_dir / "frames.csv")
    write_json(run_dir / "summary.json", summary)
    _print(evaluation, summary, run_dir)
    return summary["all"]["iou"]["value"]


def _print(evaluation: Evaluation, summary: dict[str, Any], run_dir: Path) -> None:
    of_patients = (
        f"of {len(set(evaluation.patients))} patients"
        if evaluation.grouped
        else "(no patient ids: interval over frames)"
    )
    count = f"{len(evaluation.frames)} frames {of_patients}"
    print(f"{summary['part']} part of {summary['manifest']}: {count}")
    if summary["includes_training_frames"]:
        print("  WARNING: includes frames that the model was trained on; no score of new frames")
    several = {"all classes": summary["all"]} if len(summary["classes"]) > 1 else {}
    for name, part in (several | summary["classes"]).items():
        pooled = "-" if part["pooled_iou"] is None else f"{part['pooled_iou']:.3f}"
        print(f"  {name:14} IoU {_interval(part['iou'])}  Dice {_interval(part['dice'])}  pooled IoU {pooled}")
        counts = f"missed {part['missed']}, false-positive frames {part['false_positive_frames']}"
        print(f"  {'':14} {counts}, both empty {part['both_empty']} of {part['frames']}")
    hashes = (f"{name} {summary[f'{name}_hash'][:12]}" for name in ("data", "split"))
    print(f"  {', '.join(hashes)}, model {summary['model_sha256'][:12]}")
    print(f"  a row a frame: {run_dir / 'frames.csv'}\n{summary['statement']}")


def _interval(part: dict[str, Any]) -> str:
    if part["value"] is None:
        return "undefined"
    low = "no interval" if part["low"] is None else f"{part['low']:.3f} to {part['high']:.3f}"
    return f"{part['value']:.3f} ({low})"
