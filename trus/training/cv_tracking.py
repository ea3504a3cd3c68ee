"""The MLflow runs of a cross-validation: a parent, made once, and a child a network."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from trus.evaluation.cv_folder import CrossValidation, CvFolder, Member
from trus.evaluation.statistics import Estimate
from trus.training.document import git_tags
from trus.training.naming import cv_name, run_name, run_tags
from trus.training.note import write_note
from trus.training.run_logger import RunLogger
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

    Raises ConfigError when the store cannot be used.
    """
    settings = config["logger"]
    if settings is None:
        return
    with folder.lock():
        content = folder.read()
        new = not content.parent_run_id or content.tracking_uri != settings["tracking_uri"]
        if new:
            everything = content.config | {"logger": settings, "ckpt_path": None}
            tags = run_tags(everything, choices, content.data_hash, content.split_hash)
            tags |= git_tags() | {"trus.kind": "cv", "trus.folder": str(folder.path)}
            run_id = create_parent(settings, cv_name(everything, choices, content.folds), tags)
            content = replace(content, tracking_uri=settings["tracking_uri"], parent_run_id=run_id)
            folder.write(content)
        with _parent(folder, content, settings) as parent:
            if new and parent:
                log_config(parent, content.config, folder.path / "config.yaml")
                for name in ("split.json", "cv.json", "environment.json"):
                    log_file(parent, folder.path / name)


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


def adopt_run(folder: CvFolder, member: Member, settings: dict[str, Any] | None) -> None:
    """Put a finished member's run, which may have been a job of its own, below the parent."""
    content, run_id = folder.read(), folder.progress(member).run_id
    if settings and run_id and content.parent_run_id:
        run = open_run(settings, run_id, folder.run_dir(member))
        log_tags(run, {"mlflow.parentRunId": content.parent_run_id, "trus.kind": "fold"})
        end_run(run, "finished")


@contextmanager
def _parent(folder: CvFolder, content: CrossValidation, settings: dict[str, Any] | None) -> Iterator[RunLogger | None]:
    run = open_run(settings, content.parent_run_id, folder.path)
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
