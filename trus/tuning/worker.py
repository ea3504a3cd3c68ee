"""A worker takes one trial after the other, has it trained in a process of its own, watches its folds, scores it."""

import json
import math
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from trus.cores import available_cores
from trus.errors import ConfigError, TrainingError
from trus.evaluation.cross_validation.folder import CvFolder
from trus.evaluation.cross_validation.result import finished_members
from trus.tuning.child import Child
from trus.tuning.racing import compare_folds, fold_mean, is_hopeless
from trus.tuning.settings import TuneSettings
from trus.tuning.study import Claim, StudyFolder
from trus.tuning.tracking import StudyRun

POLL = 0.5
"""Seconds between two looks at a trial's folder."""


class Worker:
    """Runs trials until there are none left, `stop` is set, or the study cannot go on (TrainingError)."""

    def __init__(self, study: StudyFolder, run: StudyRun, stop: threading.Event, say: Callable[[str], Any]):
        self.study, self.run_of_study, self.stop, self.say = study, run, stop, say
        self.settings: TuneSettings = study.settings
        self.started = datetime.now()  # as Optuna keeps times, without a zone

    def run(self) -> None:
        """Work. Raises TrainingError after three failures in a row with one message, or where the data changed."""
        while not self.stop.is_set() and not self._is_late() and (claim := self.study.claim()):
            try:
                self._work_on(claim)
            finally:
                claim.lock.close()
            if message := self.study.same_failures(self.started):
                raise TrainingError(
                    f"three trials in a row failed alike, the last was trial {claim.number} "
                    f"({claim.folder / 'train.log'}); mend the cause and start the same command again\n  {message}"
                )

    def _is_late(self) -> bool:
        limit = self.settings.tune.timeout
        return limit is not None and (datetime.now() - self.started).total_seconds() >= limit

    def _work_on(self, claim: Claim) -> None:
        overrides = [f"{name}={text}" for name, text in claim.proposal.items()]
        try:
            self.settings.resolve(overrides)
        except ConfigError as error:
            self._fail(claim, str(error))
            return
        child = Child.find(claim.folder) if claim.begun else None
        if claim.begun:
            how = f"its process {child.pid} still runs" if child else "its folds that are done are kept"
            self.say(f"trial {claim.number} was left by an earlier start: {how}")
        self._watch(claim, child or self._start(claim, overrides), overrides)

    def _start(self, claim: Claim, overrides: list[str]) -> Child:
        self.say(f"trial {claim.number}  {' '.join(overrides)}")
        directories = [word for path in self.settings.config_dirs for word in ("--config-dir", path)]
        command = [str(self.settings.script), *directories, *self.settings.overrides, *overrides]
        environment = self.run_of_study.environment
        if self.settings.tune.n_workers > 1:
            share = max(1, available_cores() // self.settings.tune.n_workers)
            environment = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(share))} | environment
        return Child.start(claim.folder, [*command, f"hydra.run.dir={claim.folder}"], environment)

    def _watch(self, claim: Claim, child: Child, overrides: list[str]) -> None:
        """Until it ends, is hopeless, or the study is stopped: then the trial waits for the next start."""
        seen = 0
        while child.running:
            if self.stop.wait(POLL):
                child.end(self.settings.tune.grace)
                return
            try:
                folder = self._cv_folder(claim)
            except TrainingError:  # the data changed: what it trains cannot be compared
                child.end(self.settings.tune.grace)
                raise
            members = finished_members(folder) if folder else []
            if folder and len(members) > seen:
                seen = len(members)
                if self._is_hopeless(claim, folder):
                    child.end(self.settings.tune.grace)
                    self._prune(claim, folder)
                    return
        score = self._read_job(claim).get("value")
        if child.exit_code is None and score is None:
            self._watch(claim, self._start(claim, overrides), overrides)  # nobody knows how it ended: it goes on
        elif child.exit_code or score is None or not math.isfinite(score):
            self._fail(claim, child.complaint() if child.exit_code else f"it ended with the score {score}")
        else:
            self._complete(claim, score)

    def _is_hopeless(self, claim: Claim, folder: CvFolder) -> bool:
        members = finished_members(folder)
        value = fold_mean(folder, members)
        if math.isfinite(value):
            self.study.report(claim, len(members), value)
        best, limit = self.study.best(), self.settings.tune.prune_after
        if limit is None or best is None or len(members) == len(folder.members()):
            return False
        difference = compare_folds(folder.path, Path(best.user_attrs["cv_folder"]), members)
        if difference is None or not is_hopeless(difference, limit):
            return False
        self.study.set(claim, difference=difference.difference.to_dict(), compared_with=best.number)
        return True

    def _complete(self, claim: Claim, score: float) -> None:
        folder = self._cv_folder(claim)
        assert folder is not None
        estimate = json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))["all"]["iou"]
        self.study.set(claim, estimate=estimate, **self._record(folder))
        self.study.optuna.tell(claim.number, score)
        self.run_of_study.mark_trial(claim, folder, "finished")
        best = self.study.best()
        where = "the best so far" if best and best.number == claim.number else f"best {best.value:.3f}" if best else ""
        interval = "" if estimate["low"] is None else f" (95 % {estimate['low']:.3f} to {estimate['high']:.3f})"
        self.say(f"trial {claim.number}  IoU {score:.3f}{interval}, {where}")

    def _prune(self, claim: Claim, folder: CvFolder) -> None:
        from optuna.trial import TrialState

        members = finished_members(folder)
        self.study.set(claim, **self._record(folder))
        self.study.optuna.tell(claim.number, state=TrialState.PRUNED)
        self.run_of_study.mark_trial(claim, folder, "stopped")
        self.say(f"trial {claim.number}  given up after {len(members)} of {len(folder.members())} folds")

    def _fail(self, claim: Claim, message: str) -> None:
        from optuna.trial import TrialState

        folder = self._cv_folder(claim)
        self.study.set(claim, error=message, **(self._record(folder) if folder else {}))
        self.study.optuna.tell(claim.number, state=TrialState.FAIL)
        if folder:
            self.run_of_study.mark_trial(claim, folder, "failed")
        self.say(f"trial {claim.number}  FAILED: {message}")

    def _record(self, folder: CvFolder) -> dict[str, Any]:
        progress = [folder.progress(member) for member in folder.members()]
        return {
            "cv_folder": str(folder.path),
            "run_id": folder.read().parent_run_id,
            "seconds": sum(one.seconds for one in progress),
            "folds_done": sum(one.state == "finished" for one in progress),
        }

    def _cv_folder(self, claim: Claim) -> CvFolder | None:
        path = self._read_job(claim).get("cv_folder")
        if path is None or not (Path(path) / "cv.json").exists():
            return None
        folder = CvFolder(path)
        self.study.check_data(folder.read())
        return folder

    def _read_job(self, claim: Claim) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((claim.folder / "job.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return content
