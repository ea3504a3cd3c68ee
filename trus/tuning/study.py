"""A study on disk: Optuna's journal, who works on which trial, and the next trial for a worker."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trus.errors import ConfigError, TrainingError, TrusError
from trus.evaluation.cross_validation.folder import CrossValidation
from trus.files import write_json
from trus.tuning.lock import Lock
from trus.tuning.settings import TuneSettings, leaves
from trus.tuning.space import suggest

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_REPEATS = 50
"""So many proposals in a row that were all tried already: the space is exhausted, as far as the sampler sees."""


@dataclass(frozen=True)
class Claim:
    """A trial that this worker alone runs, its overrides, and whether an earlier worker had begun it."""

    number: int
    trial_id: int
    proposal: dict[str, str]
    folder: Path
    lock: Lock
    begun: bool


class StudyFolder:
    """Below `settings.folder`: study.json (what it is), journal.log (Optuna's), trials/NNNN/, locks/, the results."""

    def __init__(self, settings: TuneSettings):
        self.settings, self.path = settings, settings.folder
        self._hashes: dict[str, str] = {}
        with self.locked():
            self._check_identity()
            self.optuna = self._open()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One worker at a time decides what runs next."""
        lock = Lock(self.path / "locks/study.lock")
        lock.take(wait=True)
        try:
            yield
        finally:
            lock.close()

    def note(self) -> dict[str, Any]:
        """What study.json says."""
        content: dict[str, Any] = json.loads((self.path / "study.json").read_text(encoding="utf-8"))
        return content

    def write_note(self, **changes: Any) -> None:
        """Change keys of study.json; call it while `locked`."""
        write_json(self.path / "study.json", self.note() | changes)

    def trials(self) -> "list[FrozenTrial]":
        """All trials that count: those that only repeated an earlier one are left out."""
        trials = self.optuna.get_trials(deepcopy=False)
        return [trial for trial in trials if "repeats" not in trial.user_attrs]

    def best(self) -> "FrozenTrial | None":
        """The finished trial with the highest score."""
        done = [trial for trial in self.trials() if trial.value is not None and trial.state.name == "COMPLETE"]
        return max(done, key=lambda trial: trial.value or 0.0, default=None)

    def claim(self) -> Claim | None:
        """A trial whose worker has died, else a new one; None when `n_trials` are reached or nothing new is proposed.

        A proposal that was scored before is given the same score and is not counted.
        """
        from optuna.trial import TrialState

        with self.locked():
            for trial in self.trials():
                if trial.state == TrialState.RUNNING and (claim := self._take(trial._trial_id, begun=True)):
                    return claim
            repeats = 0
            while len(self.trials()) < self.settings.tune.n_trials and repeats < _REPEATS:
                claim = self._propose()
                earlier = self._earlier(claim)
                if earlier is None:
                    return claim
                self.set(claim, repeats=earlier.number, cv_folder=earlier.user_attrs.get("cv_folder"))
                self.optuna.tell(claim.number, earlier.value)
                claim.lock.close()
                repeats += 1
        return None

    def set(self, claim: Claim, **attributes: Any) -> None:
        """Attach plain values to a trial that runs."""
        for key, value in attributes.items():
            self.optuna._storage.set_trial_user_attr(claim.trial_id, key, value)

    def check_data(self, work: CrossValidation) -> None:
        """All trials must be scored on the same frames and folds. Raises TrainingError."""
        hashes = {"data_hash": work.data_hash, "split_hash": work.split_hash}
        if self._hashes == hashes:
            return
        with self.locked():
            known = {key: self.note().get(key, value) for key, value in hashes.items()}
            if known != hashes:
                raise TrainingError(
                    f"{work.manifest}: the data or its split have changed since {self.path.name} was begun, so its "
                    "trials can no longer be compared; bring them back, or begin a new study by study=NAME"
                )
            self._hashes = hashes
            self.write_note(**hashes)

    def report(self, claim: Claim, step: int, value: float) -> None:
        """The score of the folds done so far."""
        self.optuna._storage.set_trial_intermediate_value(claim.trial_id, step, value)

    def same_failures(self, since: datetime) -> str | None:
        """The message of the last three trials to end, if all of them ended after `since` and failed alike."""
        ended = sorted((t for t in self.trials() if t.datetime_complete), key=lambda t: t.datetime_complete or since)
        last = [trial for trial in ended[-3:] if (trial.datetime_complete or since) >= since]
        messages = [trial.user_attrs.get("error") for trial in last if trial.state.name == "FAIL"]
        if len(messages) < 3 or len({_without_numbers(str(message)) for message in messages}) > 1:
            return None
        return str(messages[-1])

    def _propose(self) -> Claim:
        self.optuna.sampler = _sampler(self.settings.tune.sampler_seed, len(self.optuna.get_trials(deepcopy=False)))
        claim = self._take(self.optuna.ask()._trial_id, begun=False)
        assert claim is not None, "a new trial is nobody else's"
        return claim

    def _take(self, trial_id: int, begun: bool) -> Claim | None:
        """The trial if nobody works on it; what its dead worker had not been told yet is asked now."""
        from optuna.trial import Trial

        number = self.optuna._storage.get_trial(trial_id).number
        lock = Lock(self.path / f"locks/trial{number:04d}.lock")
        if not lock.take():
            lock.close()
            return None
        proposal = suggest(self.settings.space, Trial(self.optuna, trial_id))
        return Claim(number, trial_id, proposal, self.path / f"trials/{number:04d}", lock, begun)

    def _earlier(self, claim: Claim) -> "FrozenTrial | None":
        params = self.optuna._storage.get_trial(claim.trial_id).params
        same = [t for t in self.trials() if t.number != claim.number and t.params == params]
        return next((trial for trial in same if trial.state.name == "COMPLETE"), None)

    def _open(self) -> Any:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal = self.path / "journal.log"
        lock = JournalFileSymlinkLock(str(journal))
        if journal.exists():
            _mend(journal, lock)
        try:
            storage = JournalStorage(JournalFileBackend(str(journal), lock))
            return optuna.create_study(
                study_name=self.path.name, storage=storage, direction="maximize", load_if_exists=True
            )
        except (ValueError, KeyError) as error:
            raise TrusError(f"{journal}: damaged ({error}); begin a new study by study=NAME") from error

    def _check_identity(self) -> None:
        """Trials of other settings or another space cannot be compared. Raises ConfigError that lists them."""
        now = json.loads(json.dumps(self.settings.identity))
        if not (self.path / "study.json").exists():
            write_json(self.path / "study.json", {"started": time.time(), "identity": now})
            return
        before, after = leaves(self.note()["identity"]), leaves(now)
        keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
        if keys:
            said = "\n  ".join(
                f"{key.removeprefix('config.')}: was {before.get(key)}, is {after.get(key)}" for key in keys
            )
            raise ConfigError(f"study={self.path.name} was begun with other settings; take another name\n  {said}")


def _sampler(seed: int, count: int) -> Any:
    """TPE (Bergstra et al. 2011), seeded anew for each trial: no start and no worker repeats another's numbers."""
    import numpy as np
    from optuna.samplers import TPESampler

    return TPESampler(seed=int(np.random.SeedSequence([seed, count]).generate_state(1)[0]))


def _mend(journal: Path, lock: Any) -> None:
    """Cut off a last line that a full disk left unfinished, before another is added to it."""
    from optuna.storages.journal._file import get_lock_file

    with get_lock_file(lock), journal.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _without_numbers(message: str) -> str:
    return "".join("#" if char.isdigit() else char for char in message)
