"""Training the members of a cross-validation, one after the other, so that any interruption can be gone on from."""

import gc
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout

from trus.data.datamodule import FrameDataModule
from trus.data.state import NAME as STATE
from trus.data.state import save_state
from trus.errors import ConfigError, TrainingError, TrusError, WeightsError
from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.cross_validation.result import is_finished, name_member
from trus.evaluation.statistics import Estimate
from trus.files import write_text
from trus.training.cv_setup import member_config
from trus.training.cv_tracking import adopt_run, member_logger
from trus.training.fitting import Fitted, deliver_trained, fit
from trus.training.records import record_score, record_start
from trus.training.resume import find_last
from trus.training.run_logger import RunLogger
from trus.training.tracking import end_run

LOCK_SECONDS = 1.0
"""To wait for a member's lock: others hold it for a moment only, to see whether it is free."""

_SHARED = (ConfigError, WeightsError, OSError)
"""Errors that every fold would meet: a setting, the weights, a full disk."""


@dataclass(frozen=True)
class Work:
    """What one process trains: `members` of the folder, as `config` says, below the parent run where there is one."""

    config: dict[str, Any]
    data: FrameDataModule
    folder: CvFolder
    members: list[Member]
    choices: dict[str, str]
    joined: bool

    def name(self, member: Member) -> str:
        """For messages."""
        return name_member(member, several=len(self.folder.read().seeds) > 1)


def train_members(work: Work) -> dict[Member, str]:
    """Train those that are not finished and that no other process trains; returns the errors of those that failed.

    A failure leaves the others to go on, unless all share its cause (a setting, the weights, the disk). Ctrl-C raises
    KeyboardInterrupt once the network in training has ended gracefully, SIGTERM SystemExit.
    """
    errors = {}
    for number, member in enumerate(work.members, 1):
        with _held(work, member) as held:
            if not held:
                print(f"{work.name(member)}: another process trains it; left to that one", flush=True)
            elif is_finished(work.folder, member):
                _adopt(work, member)
                print(f"{work.name(member)}: finished before, IoU {_score(work.folder, member)}", flush=True)
            else:
                print(f"\n{work.name(member)} ({number} of {len(work.members)})", flush=True)
                if error := _train_member(work, member):
                    errors[member] = error
    return errors


@contextmanager
def _held(work: Work, member: Member) -> Iterator[bool]:
    """Hold the member's lock; yields whether it could be had."""
    lock = work.folder.lock(member)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _train_member(work: Work, member: Member) -> str | None:
    """Train one network; returns its error where it failed."""
    start = time.perf_counter()
    folder, settings = work.folder, member_config(work.config, work.folder, member, lean=work.joined)
    run_dir = Path(settings["run_dir"])
    work.data.use(member.fold, member.seed)
    work.data.split.save(run_dir / "split.json")
    save_state(run_dir / STATE, work.data.manifest.frames, work.data.contents)
    logger = member_logger(settings, work.choices, folder, member, work.joined)
    folder.note(member, state="running", run_id=logger.run_id if logger else None, error=None)
    state, error = "stopped", None
    try:
        record_start(logger, settings, work.data, work.choices)
        fitted = _fit(work, member, settings, logger)
        state = "stopped" if fitted.stopped else "finished"
        record_score(logger, settings, work.data, fitted.outcome.iou if fitted.outcome else None, state)
    except Exception as problem:
        state, error = "failed", describe(problem)
        _keep_traceback(run_dir, problem)
        if isinstance(problem, _SHARED):
            raise
    finally:
        _note_end(folder, member, state=state, error=error, seconds=time.perf_counter() - start)
        end_run(logger, state)
        _free_memory()
    if error:
        print(f"{work.name(member)} FAILED: {error}", flush=True)
    elif fitted.stopped:
        raise KeyboardInterrupt  # the person meant the whole, not this fold of it
    else:
        print(f"{work.name(member)}: IoU {_score(folder, member)}, {fitted.epochs} epochs", flush=True)
    return error


def _fit(work: Work, member: Member, settings: dict[str, Any], logger: RunLogger | None) -> Fitted:
    folder, before = work.folder, work.folder.progress(member)
    last = find_last(Path(settings["run_dir"]))
    if last and before.trained:
        print("trained before; what is left is its evaluation and export", flush=True)
        outcome = deliver_trained(settings, work.data, logger)
        fitted = Fitted(before.epochs, False, outcome, before.seconds_fitting)
    else:
        if last:
            print(f"going on from {last}", flush=True)

        def trained(epochs: int, seconds: float) -> None:
            folder.note(member, trained=True, epochs=epochs, seconds_fitting=seconds)

        folder.note(member, trained=False)
        fitted = fit(settings | {"ckpt_path": str(last) if last else None}, work.data, logger, work.choices, trained)
    if fitted.outcome is None and not fitted.stopped:
        raise TrainingError("no epoch was validated, so there is no score")
    iou = fitted.outcome.iou.to_dict() if fitted.outcome else None
    folder.note(member, iou=iou, epochs=fitted.epochs, seconds_fitting=fitted.seconds)
    return fitted


def _adopt(work: Work, member: Member) -> None:
    if work.joined:
        adopt_run(member_config(work.config, work.folder, member, lean=True), work.choices, work.folder, member)


def describe(error: Exception) -> str:
    """One line for tables and tags."""
    text = " ".join(str(error).split())
    return text if isinstance(error, TrusError) else f"{type(error).__name__}: {text}"


def _score(folder: CvFolder, member: Member) -> Estimate:
    return Estimate.from_dict(folder.progress(member).iou or {})


def _keep_traceback(run_dir: Path, problem: Exception) -> None:
    try:
        write_text(run_dir / "error.txt", "".join(traceback.format_exception(problem)))
    except OSError:  # a full disk is most likely what is being told already
        print("".join(traceback.format_exception(problem)), flush=True)


def _note_end(folder: CvFolder, member: Member, **changes: Any) -> None:
    try:
        folder.note(member, **changes)
    except OSError as error:  # then its free lock says that it has ended
        print(f"{folder.run_dir(member)}/member.json could not be written: {error}", flush=True)


def _free_memory() -> None:
    """A trainer and its network hold each other; the next fold needs their memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
