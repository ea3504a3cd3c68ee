"""MLflow's store as runs write to it; a store that is gone is told apart from one that refuses."""

import getpass
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock

from trus.evaluation.mlflow_store import connect
from trus.training.view import view_tags

PROBE_SECONDS = 3.0
_START_TAG = "trus.start"
_REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE", "NOT_FOUND"}


class RefusedError(Exception):
    """The store answered, and will never take this entry."""


class UnreachableError(Exception):
    """The store did not answer, or not now."""


@contextmanager
def _told_apart() -> Iterator[None]:
    """MLflow, SQLAlchemy, urllib3 and the artifact stores raise their own: here they become one of the two errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise RefusedError(str(error)) from error
    except Exception as error:
        text = f"{type(error).__name__}: {error}".split("\n")[0]
        if getattr(error, "error_code", None) in _REFUSALS:
            raise RefusedError(text) from error
        raise UnreachableError(text) from error


class Store:
    """Runs at one tracking address. Every method raises UnreachableError or RefusedError."""

    def __init__(self, uri: str):
        self.uri = uri
        self.is_server = uri.startswith(("http://", "https://"))
        self._connection: Any = None

    def is_there(self) -> bool:
        """Whether it is worth a try: for a server, whether it answers anything within PROBE_SECONDS."""
        if not self.is_server:
            return True
        try:
            urllib.request.urlopen(f"{self.uri.rstrip('/')}/health", timeout=PROBE_SECONDS).close()
        except urllib.error.HTTPError:
            return True
        except (OSError, ValueError):
            return False
        return True

    def create(self, experiment: str, artifacts: str | None, name: str, tags: dict[str, str], start: int) -> str:
        """Start a run in `experiment`, which is made where it is missing; returns the run's id. `start` in ms."""
        with _told_apart(), self._alone():
            client = self._client()
            number = self._experiment(client, experiment, artifacts)
            nonce = tags.get(_START_TAG)
            # a server that hung may have made it although no answer came
            earlier = client.search_runs([number], f"tags.`{_START_TAG}` = '{nonce}'") if nonce else []
            if earlier:
                return str(earlier[0].info.run_id)
            labels = {"mlflow.source.name": sys.argv[0], "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
            run = client.create_run(number, start_time=start, tags=labels | tags, run_name=name)
            return str(run.info.run_id)

    def send(self, run_id: str, entry: dict[str, Any], folder: Path | None) -> None:
        """Send one entry; sending it twice does no harm. Paths of artifacts are relative to `folder`, or absolute."""
        with _told_apart():
            client = self._client()
            if entry["kind"] == "artifact":
                path = folder / entry["path"] if folder else Path(entry["path"])
                client.log_artifact(run_id, str(path), entry["folder"])
            elif entry["kind"] == "params":
                self._send_params(client, run_id, entry["params"])
            elif entry["kind"] == "reopen":
                client.update_run(run_id, status="RUNNING")
            elif entry["kind"] == "end":
                client.set_terminated(run_id, entry["status"], end_time=entry["time"])
            else:
                _send_batch(client, run_id, entry)

    def _client(self) -> Any:
        if self._connection is None:
            self._connection = connect(self.uri)
        return self._connection

    def _alone(self) -> Any:
        """One process at a time makes a local database: jobs that start at once would race."""
        if not self.uri.startswith("sqlite:///"):
            return nullcontext()
        database = Path(self.uri.removeprefix("sqlite:///"))
        database.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{database}.lock")

    def _experiment(self, client: Any, name: str, artifacts: str | None) -> str:
        """The experiment's id; it is made where it is missing."""
        found = client.get_experiment_by_name(name)
        if found is None:
            # a folder of this machine says nothing to a server
            location = artifacts if not self.is_server or "://" in (artifacts or "") else None
            if location is None and self.uri.startswith("sqlite:///"):  # MLflow's is mlruns/ wherever one stands
                location = str(Path(self.uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts")
            try:
                return str(client.create_experiment(name, artifact_location=location, tags=view_tags()))
            except Exception:
                found = client.get_experiment_by_name(name)  # another process may have been quicker
                if found is None:
                    raise
        for key, value in view_tags().items():
            if key not in found.tags:  # of an experiment that somebody else has made; a person's own choice stays
                client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    def _send_params(self, client: Any, run_id: str, params: dict[str, str]) -> None:
        """A run that goes on keeps the parameters of its start; what has changed since becomes a tag."""
        from mlflow.entities import Param, RunTag

        before = client.get_run(run_id).data.params
        new = [Param(key, value) for key, value in params.items() if key not in before]
        for start in range(0, len(new), 100):
            client.log_batch(run_id, params=new[start : start + 100])
        changed = [
            f"{key}: {before[key]} -> {value}" for key, value in params.items() if before.get(key, value) != value
        ]
        if changed:
            client.log_batch(run_id, tags=[RunTag("trus.changed_settings", "\n".join(changed)[:4000])])


def start_tags() -> dict[str, str]:
    """A tag that tells this start from every other, so that a run whose answer was lost is found again."""
    return {_START_TAG: uuid.uuid4().hex}


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def _send_batch(client: Any, run_id: str, entry: dict[str, Any]) -> None:
    from mlflow.entities import Metric, RunTag

    tags = [RunTag(key, value) for key, value in entry.get("tags", {}).items()]
    metrics = [Metric(key, value, when, step) for key, value, when, step in entry.get("metrics", [])]
    if tags:
        client.log_batch(run_id, tags=tags)
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"
