"""Files of a run that MLflow keeps, wherever it was trained."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trus.errors import ConfigError
from trus.evaluation.locate import read_run
from trus.evaluation.mlflow_store import connect


@contextmanager
def fetched_run(run: str, tracking_uri: str, files: tuple[str, ...]) -> Iterator[tuple[Path, dict[str, str], str]]:
    """Yield a temporary folder with those of `files` that the run has, its tags and its name.

    Raises ConfigError when the store cannot be used or holds no such run.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # four bars for four kB
    record = read_run(run, tracking_uri)
    client = connect(tracking_uri)
    with TemporaryDirectory(prefix="trus_") as folder:
        try:
            for name in {artifact.path for artifact in client.list_artifacts(run)} & {*files}:
                client.download_artifacts(run, name, folder)
        except Exception as error:  # MLflow, its artifact stores and the network each raise their own
            raise ConfigError(f"{run}: its files cannot be had from {tracking_uri}: {error}") from error
        yield Path(folder), record.data.tags, record.info.run_name or run
