"""MLflow: one run a job, with everything needed to understand and repeat it. All functions accept no logger.

- `create_logger(settings, run_name, tags, run_dir, parent_run_id=, run_id=)`: a new run; with `parent_run_id` below
  that run; with `run_id` the run of that id goes on (state RUNNING again), or a new one where it is gone.
- `create_parent(settings, run_name, tags)`: the run above the folds; returns its id only. Any process may later write
  into it with `open_run(settings, run_id, folder)`, and end it with `end_run` or leave it with `close()`.
- `log_config`, `log_file`, `log_metrics`, `log_tags`, `log_note`, `end_run`: none of them raises because of the store.

When the store goes away, training goes on: `run_dir/mlflow-outbox.jsonl` keeps what it should hold, in order, and it is
sent when the store is back, at the end of the run, when the run is gone on with, or by `scripts/send_runs.py`.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities.rank_zero import rank_zero_only

from trus.errors import ConfigError
from trus.nested import flatten
from trus.training.outbox import Outbox
from trus.training.run_logger import RunLogger, say
from trus.training.store import now, start_tags

MAX_VALUE = 6000
"""MLflow's limit for a parameter's text."""
PARENT = "TRUS_PARENT_RUN"
"""Environment variable: the run below which a cross-validation's parent belongs; scripts/tune.py sets it."""


def create_logger(
    settings: dict[str, Any] | None,
    run_name: str,
    tags: dict[str, str],
    run_dir: Path | None = None,
    parent_run_id: str | None = None,
    run_id: str | None = None,
) -> RunLogger | None:
    """Start an MLflow run, or go on with `run_id`; None for `logger=none` and in all processes of DDP but the first.

    Raises ConfigError when the store cannot be used. A run with a `run_dir` that goes on, or has a parent, waits for
    the store instead: it is made when the store is back, and until then its id is None.
    """
    if settings is None or getattr(rank_zero_only, "rank", 0) > 0:
        return None
    if parent_run_id:
        tags = tags | {"mlflow.parentRunId": parent_run_id}
    run = {
        **{key: settings[key] for key in ("tracking_uri", "experiment", "artifacts")},
        "name": run_name if parent_run_id or run_id else settings["run_name"] or run_name,
        "tags": tags | start_tags(),
        "start": now(),
        "run_id": run_id,
    }
    logger = RunLogger(run, Outbox(run_dir) if run_dir else None)
    try:
        if not logger.resume(below=bool(parent_run_id)):
            logger.start(below=bool(parent_run_id))
        if run_id:
            log_tags(logger, tags)
    except BaseException:
        logger.abandon()
        raise
    return logger


def create_parent(settings: dict[str, Any] | None, run_name: str, tags: dict[str, str]) -> str | None:
    """Start the run above others and leave it RUNNING; its id, None without a logger. Raises ConfigError."""
    above = os.environ.get(PARENT)
    logger = create_logger(settings, run_name, tags | ({"mlflow.parentRunId": above} if above else {}))
    return logger.run_id if logger else None


def open_run(settings: dict[str, Any] | None, run_id: str | None, folder: Path) -> RunLogger | None:
    """The run of that id, RUNNING again, to log into from any process; None without a logger or an id.

    `folder` keeps what the store cannot be told now. Raises RunGoneError when the run is no longer in the store.
    """
    return create_logger(settings, "", {}, folder, run_id=run_id) if run_id else None


def log_config(logger: RunLogger | None, config: dict[str, Any], file: Path) -> None:
    """Log the flattened config as parameters and the whole of it as an artifact."""
    if logger is not None:
        params = {key: str(value)[:MAX_VALUE] for key, value in flatten(config).items()}
        logger.submit({"kind": "params", "params": params})
        log_file(logger, file)


def log_file(logger: RunLogger | None, file: Path, folder: str | None = None) -> None:
    """Log one file as an artifact."""
    if logger is not None:
        logger.submit({"kind": "artifact", "path": logger.place(file), "folder": folder})


def log_metrics(logger: RunLogger | None, metrics: Mapping[str, float]) -> None:
    """Log final numbers."""
    if logger is not None and metrics:
        logger.log_metrics(metrics)


def log_tags(logger: RunLogger | None, tags: Mapping[str, str]) -> None:
    """Set tags, also those that exist."""
    if logger is not None and tags:
        logger.submit({"kind": "tags", "tags": dict(tags)})


def log_note(logger: RunLogger | None, markdown: str) -> None:
    """Set the description at the top of the run's page."""
    log_tags(logger, {"mlflow.note.content": markdown})


def end_run(logger: RunLogger | None, outcome: str) -> None:
    """Mark the run `finished`, `stopped` (by a person) or `failed`. Never hides the error that ended the run."""
    if logger is None:
        return
    status = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[outcome]
    try:
        log_tags(logger, {"trus.outcome": outcome})
        logger.submit({"kind": "end", "status": status, "time": now()})
        logger.close()
    except (OSError, ConfigError) as error:  # a full disk: then there is no outbox either
        say(f"MLflow was not told that the run {outcome}: {error}")


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """(commit, are there uncommitted changes) of the source tree at `folder`; (None, None) outside git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit, bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
