"""One MLflow run as Lightning sees it: metrics go to the store at once, or to the outbox while it is away."""

import re
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers.logger import Logger

from trus.errors import ConfigError
from trus.training.outbox import REFUSED, Outbox
from trus.training.sending import Sent, create, send_kept
from trus.training.store import RefusedError, Store, UnreachableError, now

RETRY_SECONDS = (15.0, 300.0)
"""A store that is gone is asked again after the first, then ever later up to the second."""
SENDING_SECONDS = {"training": 20.0, "end": 120.0}


class RunGoneError(ConfigError):
    """The store answers and does not hold the run (any more): deleted there, or it is another store."""


class RunLogger(Logger):
    """Lightning's view of one MLflow run. `run` is an outbox's first line; `outbox` is None for runs without a folder,
    whose entries raise ConfigError when they cannot be sent.
    """

    def __init__(self, run: dict[str, Any], outbox: Outbox | None):
        super().__init__()
        self._run, self._outbox = run, outbox
        self._store = Store(run["tracking_uri"])
        self._keeping = self._closed = False
        self._wait, self._next_try = RETRY_SECONDS[0], 0.0

    @property
    def run_id(self) -> str | None:
        """None while the store could not be asked for one."""
        value: str | None = self._run["run_id"]
        return value

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self._run["experiment"])

    @property
    def version(self) -> str | None:
        """The run's id."""
        return self.run_id

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Numbers at a step; MLflow takes only letters, digits and `_/. -` in their names."""
        when = now()
        rows = [[re.sub(r"[^\w/. -]+", "_", key), float(value), when, step or 0] for key, value in metrics.items()]
        self.submit({"kind": "metrics", "metrics": rows})

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: `log_config` logs the whole composed config."""

    def finalize(self, status: str) -> None:
        """Nothing: the run goes on after Lightning's part of it, with evaluation and export."""

    def resume(self, below: bool) -> bool:
        """Take over what an earlier start of this run could not send; False where it left nothing.

        Raises ConfigError where the folder keeps entries of another run which still cannot be sent.
        """
        if self._outbox is None or not self._outbox.path.is_file():
            return False
        self._claim()
        kept = self._outbox.read()
        if kept is None:
            return False
        run, mine = kept[0], below or kept[0]["run_id"] == self.run_id is not None
        if not mine:
            result = send_kept(self._outbox, Store(run["tracking_uri"]), SENDING_SECONDS["end"])
            if result and not result.complete:
                raise ConfigError(
                    f"{self._outbox.path}: an earlier run here could not be sent to MLflow yet ({result.reason}); "
                    "send it first (python scripts/send_runs.py) or choose another folder"
                )
            return False
        self._run, self._store, self._keeping = run, Store(run["tracking_uri"]), True
        self.send_kept("end")
        self.submit({"kind": "reopen"})
        return True

    def start(self, below: bool) -> None:
        """Make the run, or reopen it. Raises ConfigError when that fails, unless it may be done later: for a run that
        is known to the store already, or is `below` one that is; RunGoneError when a run without a name is gone.
        """
        try:
            if self.run_id is None:
                self._run["run_id"] = create(self._store, self._run)
            else:
                self._store.send(self.run_id, {"kind": "reopen"}, None)
        except RefusedError as error:
            if self.run_id is None:
                raise _unusable(self._store.uri, error) from error
            if not self._run["name"]:
                raise RunGoneError(
                    f"run {self.run_id}: no longer in {self._store.uri} ({error}); restore it there, or move "
                    f"{self._outbox.folder if self._outbox else 'its folder'} away to start anew"
                ) from error
            self._run |= {"run_id": None, "tags": self._run["tags"] | {"trus.continues": self.run_id}}
            self.start(below)
        except UnreachableError as error:
            if self._outbox is None or not (below or self.run_id):
                raise _unusable(self._store.uri, error) from error
            self._keep([{"kind": "reopen"}] if self.run_id else [], str(error))

    def submit(self, entry: dict[str, Any]) -> None:
        """Send an entry, or keep it. What the store refuses for good is put aside and said."""
        if self._outbox and self._keeping:
            self._outbox.append(entry)
            if time.monotonic() > self._next_try:
                self.send_kept("training")
            return
        try:
            self._store.send(str(self.run_id), entry, self._outbox.folder if self._outbox else None)
        except (RefusedError, UnreachableError) as error:
            if self._outbox is None:
                raise _unusable(self._store.uri, error) from error
            if isinstance(error, RefusedError):
                self._outbox.refuse(entry, str(error))
                say(f"MLflow refused {_what(entry)}, put aside in {self._outbox.folder / REFUSED}: {error}")
            else:
                self._keep([entry], str(error))

    def send_kept(self, stage: Literal["training", "end"]) -> None:
        """Try to send what is kept, for a bounded time."""
        if self._outbox is None:
            return
        result = send_kept(self._outbox, self._store, SENDING_SECONDS[stage])
        if result is None:
            return
        self._run["run_id"] = result.run_id
        self._keeping = not result.complete
        self._wait = min(2 * self._wait, RETRY_SECONDS[1]) if self._keeping and not result.sent else RETRY_SECONDS[0]
        self._next_try = time.monotonic() + self._wait
        self._report(result, stage)

    def place(self, file: Path) -> str:
        """A file's path as entries hold it: relative to the run's folder, which may be moved before it is sent."""
        file = Path(file).absolute()
        if self._outbox and file.is_relative_to(self._outbox.folder.absolute()):
            return str(file.relative_to(self._outbox.folder.absolute()))
        return str(file)

    def close(self) -> None:
        """The run is over: send what is kept, or say where it is and how it is sent."""
        if self._keeping and not self._closed:
            self.send_kept("end")
        self._closed = True
        self.abandon()

    def abandon(self) -> None:
        """Leave the outbox to other processes."""
        if self._outbox:
            self._outbox.release()

    def _claim(self) -> None:
        assert self._outbox is not None
        if not self._outbox.claim(seconds=30.0):
            raise ConfigError(f"{self._outbox.folder}: another process writes this run; wait until it has ended")

    def _keep(self, entries: list[dict[str, Any]], reason: str) -> None:
        assert self._outbox is not None
        self._claim()
        self._outbox.begin(self._run, entries)
        self._keeping = True
        self._next_try = time.monotonic() + self._wait
        say(
            f"MLflow at {self._store.uri} cannot be told ({reason}); training goes on, and what it should "
            f"hold is kept in {self._outbox.path} until it is back"
        )

    def _report(self, result: Sent, stage: str) -> None:
        assert self._outbox is not None
        if result.refused:
            say(f"MLflow refused {result.refused} entries, put aside in {self._outbox.folder / REFUSED}")
        if not self._keeping:
            say(f"MLflow at {self._store.uri} is back: everything kept is sent, run {result.run_id}")
        elif stage == "end":
            say(
                f"MLflow at {self._store.uri} is not back ({result.reason}); nothing is lost: when it is, type\n"
                f"  python scripts/send_runs.py {self._outbox.folder}"
            )


def say(text: str) -> None:
    """Tell the person at the terminal, beside what the run prints."""
    print(text, file=sys.stderr, flush=True)


def _unusable(uri: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"logger.tracking_uri={uri}: MLflow cannot be used there ({error}); start the server, correct the address, "
        "or train with logger=none"
    )


def _what(entry: dict[str, Any]) -> str:
    return str(entry["path"]) if entry["kind"] == "artifact" else f"some {entry['kind']}"
