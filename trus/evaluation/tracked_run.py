"""Scores of a run that MLflow keeps, wherever it was trained."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trus.evaluation.locate import read_run

_FILES = ("out_of_fold.csv", "validation.csv", "config.yaml")


@contextmanager
def fetched_run(run: str, tracking_uri: str) -> Iterator[tuple[Path, dict[str, str], str]]:
    """Yield a temporary folder with the run's tables, its tags and its name.

    Raises ConfigError when the store cannot be used or holds no such run.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # four bars for four kB
    record = read_run(run, tracking_uri)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    with TemporaryDirectory(prefix="trus_") as folder:
        for name in {artifact.path for artifact in client.list_artifacts(run)} & {*_FILES}:
            client.download_artifacts(run, name, folder)
        yield Path(folder), record.data.tags, record.info.run_name or run
