"""MLflow: one run a job, with everything needed to understand and repeat it. All functions accept no logger."""

import os
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning.loggers import MLFlowLogger

from trus.errors import ConfigError

MAX_VALUE = 6000
"""MLflow's limit for a parameter's text."""

# MLflow's own seven retries make a wrong address fail after minutes
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """(commit, are there uncommitted changes) of the source tree at `folder`; (None, None) outside git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit, bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def create_logger(settings: dict[str, Any] | None, run_name: str, tags: dict[str, str]) -> MLFlowLogger | None:
    """Start an MLflow run, or None for `logger=none`. Raises ConfigError when the store cannot be used."""
    if settings is None:
        return None
    uri = settings["tracking_uri"]
    try:
        _prepare_store(settings)  # before the logger, which connects when it is made
        logger = MLFlowLogger(
            experiment_name=settings["experiment"],
            tracking_uri=uri,
            artifact_location=settings["artifacts"],
            run_name=settings["run_name"] or run_name,
            tags=tags,
        )
        assert logger.run_id, "no run id"
        return logger
    except Exception as error:  # MLflow, SQLAlchemy and the network each raise their own
        raise ConfigError(
            f"logger.tracking_uri={uri}: MLflow cannot be used there ({type(error).__name__}: {error}); "
            "start the server, correct the address, or train with logger=none"
        ) from error


def log_config(logger: MLFlowLogger | None, config: dict[str, Any], file: Path) -> None:
    """Log the flattened config as parameters and the whole of it as an artifact."""
    if logger is None:
        return
    from mlflow.entities import Param

    params = [Param(key, str(value)[:MAX_VALUE]) for key, value in flatten(config).items()]
    for start in range(0, len(params), 100):
        logger.experiment.log_batch(logger.run_id, params=params[start : start + 100])
    log_file(logger, file)


def log_file(logger: Any, file: Path, folder: str | None = None) -> None:
    """Log one file as an artifact."""
    if logger is not None:
        logger.experiment.log_artifact(logger.run_id, str(file), folder)


def log_metrics(logger: MLFlowLogger | None, metrics: dict[str, float]) -> None:
    """Log final numbers."""
    if logger is not None:
        for name, value in metrics.items():
            logger.experiment.log_metric(logger.run_id, name, value)


def end_run(logger: MLFlowLogger | None, outcome: str) -> None:
    """Mark the run `finished`, `stopped` (by a person) or `failed`."""
    if logger is not None:
        status = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[outcome]
        logger.experiment.set_tag(logger.run_id, "trus.outcome", outcome)
        logger.experiment.set_terminated(logger.run_id, status)


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts -> {"a.b": value}; lists stay values."""
    if not isinstance(config, dict):
        return {prefix: config}
    return {k: v for key, value in config.items() for k, v in flatten(value, f"{prefix}.{key}".lstrip(".")).items()}


def _prepare_store(settings: dict[str, Any]) -> None:
    """Create the database and the experiment, one process at a time: jobs that start at once would race."""
    from mlflow import MlflowClient

    uri = settings["tracking_uri"]
    local = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
    if local:
        local.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{local}.lock") if local else nullcontext():
        client = MlflowClient(uri)
        if client.get_experiment_by_name(settings["experiment"]) is None:
            client.create_experiment(settings["experiment"], artifact_location=settings["artifacts"])


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
