"""The MLflow runs of a cross-validation: a parent, made once, and a child a network."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder, Member
from trus.evaluation.statistics import Estimate
from trus.training.document import git_tags
from trus.training.environment import read_environment
from trus.training.naming import cv_name, run_name, run_tags
from trus.training.note import write_note
from trus.training.outcome import best_metrics
from trus.training.run_logger import RunGoneError, RunLogger, say
from trus.training.tracking import (
    create_logger,
    create_parent,
    end_run,
    log_config,
    log_file,
    log_metrics,
    log_note,
    log_tags,
    open_run,
)


def ensure_parent(folder: CvFolder, config: dict[str, Any], choices: dict[str, str]) -> None:
    """Make the parent run and note it in cv.json, unless it is there in this store; it is RUNNING from now on.

    One that was deleted, or is in another store, is made anew. Raises ConfigError when the store cannot be used.
    """
    settings = config["logger"]
    if settings is None:
        return
    with folder.lock():
        content = folder.read()
        same_store = content.tracking_uri == settings["tracking_uri"]
        parent = _open(settings, content.parent_run_id if same_store else None, folder.path)
        if new := parent is None:
            everything = content.config | {"logger": settings, "ckpt_path": None}
            tags = run_tags(everything, choices, content.data_hash, content.split_hash)
            tags |= git_tags() | {"trus.kind": "cv", "trus.folder": str(folder.path)}
            run_id = create_parent(settings, cv_name(everything, choices, content.folds), tags)
            content = replace(content, tracking_uri=settings["tracking_uri"], parent_run_id=run_id)
            folder.write(content)
            parent = open_run(settings, run_id, folder.path)
        if new:
            log_config(parent, content.config, folder.path / "config.yaml")
            for name in ("split.json", "cv.json", "environment.json"):
                log_file(parent, folder.path / name)
        if parent:
            parent.close()


def log_results(
    folder: CvFolder, settings: dict[str, Any] | None, summary: dict[str, Any], state: str, outcome: str | None
) -> None:
    """Log the summary and its files into the parent; `outcome` ends the run, None leaves it RUNNING.

    The caller holds the folder's lock.
    """
    with _parent(folder, folder.read(), settings) as parent:
        if parent is None:
            return
        log_metrics(parent, _metrics(summary))
        log_tags(parent, {"trus.state": state})
        content = folder.read()
        iou = Estimate.from_dict(summary["all"]["iou"]) if summary else None
        log_note(parent, write_note(content.config, content.data_hash, content.split_hash, iou, state, content.grouped))
        for name in ("out_of_fold.csv", "summary.json"):
            if (folder.path / name).is_file():
                log_file(parent, folder.path / name)
        for figure in sorted((folder.path / "figures").glob("*")):
            log_file(parent, figure, "figures")
        if outcome:
            end_run(parent, outcome)


def member_logger(
    settings: dict[str, Any], choices: dict[str, str], folder: CvFolder, member: Member, joined: bool
) -> RunLogger | None:
    """The member's run, below the parent where it is `joined`; the run of an earlier start goes on."""
    if settings["logger"] is None:
        return None
    content = folder.read()
    tags = run_tags(settings, choices, content.data_hash, content.split_hash)
    tags |= git_tags() | {"trus.kind": "fold" if joined else "run", "trus.folder": settings["run_dir"]}
    same_store = content.tracking_uri in (None, settings["logger"]["tracking_uri"])
    return create_logger(
        settings["logger"] | {"run_name": None if joined else settings["logger"]["run_name"]},
        run_name(settings, choices),
        tags,
        Path(settings["run_dir"]),
        parent_run_id=content.parent_run_id if joined else None,
        run_id=folder.progress(member).run_id if same_store else None,
    )


def adopt_run(settings: dict[str, Any], choices: dict[str, str], folder: CvFolder, member: Member) -> None:
    """Put a finished member's run, which may have been a job of its own, below the parent.

    One that this store lacks (trained with logger=none, into another store, or deleted) is made from its folder.
    """
    parent = folder.read().parent_run_id
    if settings["logger"] is None or parent is None:
        return
    run = _open(settings["logger"], folder.progress(member).run_id, folder.run_dir(member))
    if run:
        log_tags(run, {"mlflow.parentRunId": parent, "trus.kind": "fold"})
    else:
        run = member_logger(settings, choices, folder, member, joined=True)
        _log_folder(run, settings, folder.run_dir(member))
        folder.note(member, run_id=run.run_id if run else None)
    end_run(run, "finished")


def _log_folder(run: RunLogger | None, settings: dict[str, Any], run_dir: Path) -> None:
    """Log what a finished network left in its folder, with the state of the code that it was trained by."""
    log_config(run, settings, run_dir / "config.yaml")
    for name in ("split.json", "environment.json", "validation.csv", "validation.json", "model.onnx"):
        log_file(run, run_dir / name)
    log_metrics(run, best_metrics(json.loads((run_dir / "validation.json").read_text(encoding="utf-8"))))
    code = (read_environment(run_dir) or {}).get("code", {})
    log_tags(run, {"mlflow.source.git.commit": str(code.get("git_commit")), "trus.made_from_folder": "True"})


def _open(settings: dict[str, Any], run_id: str | None, folder: Path) -> RunLogger | None:
    """The run of that id, None where the store lacks it."""
    try:
        return open_run(settings, run_id, folder)
    except RunGoneError:
        say(f"{folder}: its MLflow run {run_id} is not in {settings['tracking_uri']}: deleted, or of another store")
        return None


@contextmanager
def _parent(folder: CvFolder, content: CrossValidation, settings: dict[str, Any] | None) -> Iterator[RunLogger | None]:
    run = _open(settings, content.parent_run_id, folder.path) if settings else None
    try:
        yield run
    finally:
        if run:
            run.close()


def _metrics(summary: dict[str, Any]) -> dict[str, float]:
    """cv/iou, cv/iou_low, cv/iou_high, cv/dice, ... and with several classes cv/iou_CLASS."""
    if not summary:
        return {}
    values: dict[str, Any] = {}
    classes = summary["classes"] if len(summary["classes"]) > 1 else {}
    for suffix, part in {"": summary["all"], **{f"_{name}": part for name, part in classes.items()}}.items():
        for metric in ("iou", "dice", "pooled_iou"):
            values[f"cv/{metric}{suffix}"] = part[metric]["value"]
            values |= {f"cv/{metric}{suffix}_{end}": part[metric][end] for end in ("low", "high")}
        values |= {f"cv/{count}{suffix}": part[count] for count in ("missed", "false_positive_frames")}
    values |= {f"cv/{name}": summary[name] for name in ("iou_sd_folds", "iou_sd_seeds", "members_finished", "seconds")}
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
