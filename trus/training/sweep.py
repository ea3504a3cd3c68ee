"""The end of a sweep: its table and figure, whatever became of its jobs and whichever launcher ran them.

Hydra calls no callback at the end of a sweep in which a job failed, so `scripts/train.py` closes it: `close_sweep`.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from trus.evaluation.mlflow_store import connect
from trus.script import describe


@dataclass(frozen=True)
class Sweep:
    """A sweep that this process has started: its folder and, if it is tracked, conf/logger."""

    folder: Path
    logger: dict[str, Any] | None


class SweepNotes(Callback):
    """Hydra callback of conf/train.yaml: remembers the sweep, and notes in each job's folder how the job ended.

    The notes are written where the job runs, so that they are there for every launcher.
    """

    started: ClassVar[Sweep | None] = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Remember where the sweep's folder is."""
        logger: Any = OmegaConf.to_container(config.logger, resolve=True) if config.get("logger") else None
        type(self).started = Sweep(Path(config.hydra.sweep.dir).resolve(), logger)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Note the time, and for now that the job did not end."""
        if config.hydra.mode == RunMode.MULTIRUN:
            from trus.evaluation.sweep.jobs import note_start

            note_start(Path(config.hydra.runtime.output_dir), time.time())

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Note the error, or that there was none."""
        if config.hydra.mode == RunMode.MULTIRUN:
            from trus.evaluation.sweep.jobs import note_end

            failed = job_return.status == JobStatus.FAILED
            note_end(Path(config.hydra.runtime.output_dir), describe(job_return._return_value) if failed else None)


def close_sweep() -> None:
    """Write, print and track the table of the sweep that this process has started; nothing where it started none.

    A problem here is printed and never hides that of a job.
    """
    sweep, SweepNotes.started = SweepNotes.started, None
    if sweep is None or not sweep.folder.is_dir():
        return
    from trus.evaluation.sweep.report import print_sweep, write_sweep
    from trus.evaluation.sweep.table import tabulate_sweep

    try:
        lines = tabulate_sweep(sweep.folder)
        if not lines:
            return
        files = write_sweep(sweep.folder, lines)
        print_sweep(lines, sweep.folder)
    except Exception as error:  # noqa: BLE001 (the networks are trained; a table must not turn that into a failure)
        print(f"the sweep's table could not be written: {error!r}", file=sys.stderr)
        return
    if sweep.logger:
        _track(sweep, files)


def _track(sweep: Sweep, files: list[Path]) -> None:
    """Keep table and figure as a run of their own in MLflow."""
    assert sweep.logger
    uri = sweep.logger["tracking_uri"]
    try:
        client = connect(uri)
        experiment = client.get_experiment_by_name(sweep.logger["experiment"])
        if experiment is None:
            return
        name = "_".join(sweep.folder.parts[-2:])
        tags = {"trus.kind": "sweep", "trus.sweep": sweep.folder.name, "trus.folder": str(sweep.folder)}
        run = client.create_run(experiment.experiment_id, run_name=f"sweep {name}", tags=tags)
        for file in files:
            client.log_artifact(run.info.run_id, str(file))
        client.set_terminated(run.info.run_id)
    except Exception as error:  # noqa: BLE001 (MLflow, SQLAlchemy and the network each raise their own)
        print(f"the table is in {sweep.folder}; MLflow at {uri} did not take it: {error}", file=sys.stderr)
