"""A study in MLflow: one run, below it the parent run of each trial's cross-validation, below that the folds' runs."""

import sys
from collections.abc import Callable
from typing import Any

from trus.evaluation.cv_folder import CvFolder
from trus.training.tracking import create_logger
from trus.tuning.report import Report
from trus.tuning.study import Claim, StudyFolder

PARENT = "TRUS_PARENT_RUN"
"""Environment variable that tells train.py below which run its own belongs."""


class StudyRun:
    """The MLflow run of a study, begun once, whoever comes first; without a logger nothing happens.

    A server that is gone does not stop the study: what it was not told stays in the study's folder, and the next start
    of the same command logs it.
    """

    def __init__(self, study: StudyFolder):
        self.study, self.run_id = study, None
        self._logger = study.settings.config["logger"]
        if self._logger is not None:
            with study.locked():
                self.run_id = study.note().get("run_id") or self._begin()
            self._try(lambda client: client.update_run(self.run_id, status="RUNNING"))

    @property
    def environment(self) -> dict[str, str]:
        """What a trial's process needs to know of this run."""
        return {PARENT: self.run_id} if self.run_id else {}

    def mark_trial(self, claim: Claim, folder: CvFolder, state: str) -> None:
        """Tag the trial's runs with its number; those of a trial that was given up are ended as `pruned`."""
        parent = folder.read().parent_run_id
        if self.run_id is None or parent is None:
            return
        unfinished = [p.run_id for p in map(folder.progress, folder.members()) if p.state != "finished" and p.run_id]
        self._try(lambda client: client.set_tag(parent, "trus.trial", str(claim.number)))
        if state == "pruned":
            self._try(lambda client: _end_as_pruned(client, [parent, *unfinished]))

    def finish(self, report: Report, status: str) -> None:
        """Log the best trial and all files, and end the run as FINISHED, KILLED or FAILED."""
        if self.run_id is not None:
            self._try(lambda client: self._log(client, report))
            self._try(lambda client: client.set_terminated(self.run_id, status))

    def _begin(self) -> str:
        settings = self.study.settings
        tags = {"trus.kind": "tuning", "trus.search": settings.search, "trus.state": "running"}
        logger = create_logger(self._logger, self.study.path.name, tags)
        assert logger is not None
        self.study.write_note(run_id=logger.run_id)
        return str(logger.run_id)

    def _log(self, client: Any, report: Report) -> None:
        summary = report.summary
        for state, count in summary["trials"].items():
            client.log_metric(self.run_id, f"tuning/{state}", count)
        for key, value in summary.get("iou", {}).items():
            if value is not None and key in ("value", "low", "high"):
                client.log_metric(self.run_id, f"tuning/best_iou{'' if key == 'value' else '_' + key}", value)
        tags = dict(text.split("=", 1) for text in summary.get("overrides", []))
        for name, value in tags.items():  # no parameters: those cannot change when the study goes on
            client.set_tag(self.run_id, f"best.{name.lstrip('+')}", value)
        client.set_tag(self.run_id, "mlflow.note.content", "```\n" + "\n".join(report.lines) + "\n```")
        client.set_tag(self.run_id, "trus.state", ", ".join(f"{n} {state}" for state, n in summary["trials"].items()))
        for file in report.files:
            folder = file.parent.name if file.parent != self.study.path else None
            client.log_artifact(self.run_id, str(file), folder)

    def _try(self, action: Callable[[Any], Any]) -> None:
        from mlflow import MlflowClient

        try:
            action(MlflowClient(self._logger["tracking_uri"]))
        except Exception as error:  # noqa: BLE001  MLflow, SQLAlchemy and the network each raise their own
            print(
                f"MLflow was not told ({type(error).__name__}: {str(error)[:200]}); start the same command again later",
                file=sys.stderr,
            )


def _end_as_pruned(client: Any, run_ids: list[str]) -> None:
    for run_id in run_ids:
        client.set_tag(run_id, "trus.state", "pruned")
        client.set_terminated(run_id, "KILLED")
