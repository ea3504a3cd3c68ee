"""A study in MLflow: one run, below it the parent run of each trial's cross-validation, below that the folds' runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trus.errors import ConfigError
from trus.evaluation.cross_validation.folder import CvFolder
from trus.training.run_logger import RunLogger
from trus.training.tracking import (
    PARENT,
    create_parent,
    end_run,
    log_file,
    log_metrics,
    log_note,
    log_tags,
    open_run,
)
from trus.tuning.report import Report
from trus.tuning.study import Claim, StudyFolder


class StudyRun:
    """The MLflow run of a study, begun once, whoever comes first; without a logger nothing happens.

    A server that is gone does not stop the study: what it was not told is kept in the outboxes of the study's and the
    trials' folders.
    """

    def __init__(self, study: StudyFolder):
        self.study, self.run_id = study, None
        self._settings: dict[str, Any] | None = study.settings.config["logger"]
        if self._settings is not None:
            with study.locked():
                self.run_id = self._begin(self._settings)

    @property
    def environment(self) -> dict[str, str]:
        """What a trial's process needs to know of this run."""
        return {PARENT: self.run_id} if self.run_id else {}

    def mark_trial(self, claim: Claim, folder: CvFolder, outcome: str) -> None:
        """Tag the run of the trial's cross-validation with its number; the runs of a trial that was given up are
        ended and tagged as `pruned`."""
        tags = {"trus.trial": str(claim.number)} | ({"trus.state": "pruned"} if outcome == "stopped" else {})
        with _not_in_the_way(), self.study.locked():
            _close(open_run(self._settings, folder.read().parent_run_id, folder.path), tags, outcome)
            for member in folder.members() if outcome == "stopped" else []:
                progress = folder.progress(member)
                if progress.state != "finished":
                    _close(open_run(self._settings, progress.run_id, folder.run_dir(member)), tags, outcome)

    def finish(self, report: Report, outcome: str) -> None:
        """Log the best trial and all files, and end the run as `finished`, `stopped` or `failed`."""
        with _not_in_the_way(), self.study.locked():
            run = open_run(self._settings, self.run_id, self.study.path)
            log_metrics(run, _metrics(report.summary))
            log_note(run, "```\n" + "\n".join(report.lines) + "\n```")
            for file in report.files:
                log_file(run, file, file.parent.name if file.parent != self.study.path else None)
            _close(run, _tags(report.summary), outcome)

    def _begin(self, settings: dict[str, Any]) -> str | None:
        """The run's id; of the run of an earlier start, which is RUNNING again, where the store is the same."""
        known = self.study.note().get("run", {})
        if known.get("tracking_uri") == settings["tracking_uri"]:
            if run := open_run(settings, known["run_id"], self.study.path):
                run.close()
            return str(known["run_id"])
        tags = {"trus.kind": "tuning", "trus.search": self.study.settings.search, "trus.folder": str(self.study.path)}
        run_id = create_parent(settings | {"run_name": None}, f"tuning {self.study.path.name}", tags)
        self.study.write_note(run={"tracking_uri": settings["tracking_uri"], "run_id": run_id})
        return run_id


def _metrics(summary: dict[str, Any]) -> dict[str, float]:
    ends = {"value": "tuning/best_iou", "low": "tuning/best_iou_low", "high": "tuning/best_iou_high"}
    best = {ends[key]: value for key, value in summary.get("iou", {}).items() if key in ends and value is not None}
    return best | {f"tuning/{state}": float(count) for state, count in summary["trials"].items()}


def _tags(summary: dict[str, Any]) -> dict[str, str]:
    """The best trial's settings as tags, since parameters cannot change when the study goes on."""
    best = dict(text.lstrip("+").split("=", 1) for text in summary.get("overrides", []))
    state = ", ".join(f"{count} {state}" for state, count in summary["trials"].items())
    return {f"best.{name}": value for name, value in best.items()} | {"trus.state": state}


def _close(run: RunLogger | None, tags: dict[str, str], outcome: str) -> None:
    log_tags(run, tags)
    end_run(run, outcome)


@contextmanager
def _not_in_the_way() -> Iterator[None]:
    """The study is worth more than what MLflow says of it."""
    try:
        yield
    except ConfigError as error:
        print(f"MLflow was not told all of this study: {error}", file=sys.stderr, flush=True)
