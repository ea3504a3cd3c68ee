"""The jobs of a sweep as one SLURM array: submitted by submitit, waited for one and all, what failed said at once.

submitit's own waiting needs SLURM's accounting to notice a killed job, and gives up at the first one while the others
still run. This one asks squeue, which every cluster has.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf

from trus.errors import ConfigError, TrainingError, TrusError
from trus.evaluation.cross_validation.folder import CvFolder

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_QUESTIONS = 5.0
"""To the scheduler, which many people share."""
SECONDS_OF_GRACE = 10.0
"""Between a job's end and its result's being visible on a file system of several hosts."""
SHARED_SETTINGS = {"name", "timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes"}
SHARED_SETTINGS |= {"stderr_to_stdout"}
ACTIVE = {"PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "RESIZING", "SIGNALING", "STAGE_OUT"}
ACTIVE |= {"STOPPED", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}


@dataclass
class Job:
    """One job of the sweep. `state` is SLURM's last word on it, `ended` when it was first seen to be over."""

    submitted: Any
    name: str
    state: str = "PENDING"
    ended: float | None = None

    @property
    def id(self) -> str:
        """SLURM's id, 12_3 in an array."""
        return str(self.submitted.job_id)

    @property
    def log(self) -> Path:
        """What the job printed as errors."""
        return Path(self.submitted.task(0).paths.stderr)

    def has_result(self) -> bool:
        """Whether every task of the job has left its result."""
        tasks = [self.submitted.task(number) for number in range(self.submitted.num_tasks)]
        return all(task.paths.result_pickle.exists() for task in tasks)

    def outcome(self) -> JobReturn | str:
        """What the job returned, or what is to be said of its failure."""
        if not self.has_result():
            return f"ended without a result (SLURM says {self.state}): killed, out of memory or out of time"
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            result: JobReturn = self.submitted.results()[0]
        except (UncompletedJobError, FailedJobError) as error:  # it broke outside of the training
            return _last_line(str(error))
        return _failure(result) if result.status == JobStatus.FAILED else result


def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Submit the jobs of submitit's Hydra `launcher`, wait for all of them, and return what they returned.

    Raises ConfigError for settings that cannot work in several jobs, and TrainingError that names every job that
    failed. Ctrl-C cancels them; they write a checkpoint first.
    """
    configs = [launcher.hydra_context.config_loader.load_sweep_config(launcher.config, list(o)) for o in job_overrides]
    for config in configs:
        check_store(config)
    numbers = range(first, first + len(job_overrides))
    arguments = [
        (list(overrides), "hydra.sweep.dir", number, f"job_id_for_{number}", Singleton.get_state())
        for number, overrides in zip(numbers, job_overrides, strict=True)
    ]
    submitted = _executor(launcher.params).map_array(launcher, *zip(*arguments, strict=True))
    jobs = [Job(job, name) for job, name in zip(submitted, name_jobs(job_overrides), strict=True)]
    for job in jobs:
        print(f"SLURM job {job.id}: {job.name}", flush=True)
    print(f"logs: {jobs[0].log.parent.parent}", flush=True)
    try:
        wait(jobs)
    except KeyboardInterrupt:
        subprocess.run(["scancel", *(job.id for job in jobs)], check=False)
        print("cancelled; the same command goes on from the checkpoints", file=sys.stderr)
        raise
    try:
        return _returns(jobs)
    finally:
        _publish(Path(str(launcher.config.hydra.sweep.dir)), configs[0])


def check_store(config: DictConfig) -> None:
    """Raise ConfigError for an MLflow store that jobs on several hosts cannot share."""
    uri = OmegaConf.select(config, "logger.tracking_uri")
    if uri and not uri.startswith(("http://", "https://", "databricks")):
        raise ConfigError(
            f"logger.tracking_uri={uri}: with launcher=slurm jobs run on several hosts, and a database file is lost or "
            "locked between them; start `mlflow server` where all nodes reach it and give its address "
            "(logger.tracking_uri=http://HOST:5000 logger.artifacts=null), or train with logger=none"
        )


def name_jobs(job_overrides: Sequence[Sequence[str]]) -> list[str]:
    """What the overrides of each job have that not all have."""
    shared = set.intersection(*(set(overrides) for overrides in job_overrides))
    return [" ".join(o for o in overrides if o not in shared) or "the job" for overrides in job_overrides]


def wait(jobs: list[Job]) -> None:
    """Until every job has left its result, or is over without one."""
    asked = 0.0
    while waiting := [job for job in jobs if not _is_over(job)]:
        if time.monotonic() - asked > SECONDS_BETWEEN_QUESTIONS:
            asked = time.monotonic()
            _ask(waiting)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def run(job: Callable[[], JobReturn]) -> JobReturn:
    """Run one job inside SLURM. Before the time limit it writes a checkpoint and goes back into the queue.

    The warning is submitit's SIGUSR2. Training answers SIGTERM by a checkpoint and SystemExit; only then submitit's
    own answer, which gives the job back to the queue, may be called.
    """
    warnings: list[int] = []
    submitit_answer, bypassed = signal.getsignal(signal.SIGUSR2), signal.getsignal(signal.SIGTERM)

    def near_the_limit(number: int, frame: FrameType | None) -> None:
        warnings.append(number)
        if signal.getsignal(signal.SIGTERM) == bypassed:  # nothing is being trained that needs a checkpoint
            raise SystemExit
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGUSR2, near_the_limit)
    try:
        return _show_failure(job())
    except SystemExit:
        if warnings and callable(submitit_answer):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # scontrol requeue sends it while the answer is being given
            submitit_answer(warnings[0], None)
        raise


def _show_failure(result: JobReturn) -> JobReturn:
    """Leave the traceback of what is no user's mistake in the job's log: pickling loses it."""
    error = result._return_value
    if result.status == JobStatus.FAILED and not isinstance(error, TrusError):
        traceback.print_exception(error)
    return result


def _executor(settings: dict[str, Any]) -> Any:
    import submitit

    settings = dict(settings)
    folder, retries = settings.pop("submitit_folder"), settings.pop("max_num_timeout")
    try:
        executor = submitit.AutoExecutor(cluster="slurm", folder=folder, slurm_max_num_timeout=retries)
    except RuntimeError as error:  # says that there is no srun
        raise ConfigError(f"launcher=slurm: {error} Start this on a login node, or use launcher=joblib") from error
    executor.update_parameters(
        **{name if name in SHARED_SETTINGS else f"slurm_{name}": value for name, value in settings.items()}
    )
    return executor


def _is_over(job: Job) -> bool:
    return job.has_result() or (job.ended is not None and time.monotonic() - job.ended > SECONDS_OF_GRACE)


def _ask(jobs: list[Job]) -> None:
    """Take over squeue's states. A job that it no longer knows is over; no answer at all says nothing."""
    ids = ",".join(sorted({job.id.split("_")[0] for job in jobs}))
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--jobs={ids}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode and "Invalid job id" not in answer.stderr:
        return
    states = dict(line.split("|") for line in answer.stdout.split())
    for job in jobs:
        job.state = states.get(job.id, job.state if job.ended else "gone from the queue")
        over = job.state not in ACTIVE
        job.ended = (job.ended or time.monotonic()) if over else None


def _returns(jobs: list[Job]) -> list[JobReturn]:
    outcomes = [job.outcome() for job in jobs]
    failed = [
        f"{job.name}: {outcome}\n    log: {job.log}"
        for job, outcome in zip(jobs, outcomes, strict=True)
        if isinstance(outcome, str)
    ]
    if failed:
        lines = "\n  ".join(failed)
        raise TrainingError(
            f"{len(failed)} of {len(jobs)} jobs failed\n  {lines}\n"
            "What the others made is kept; the same command again does only what is missing"
        )
    return [outcome for outcome in outcomes if isinstance(outcome, JobReturn)]


def _publish(sweep: Path, config: DictConfig) -> None:
    """Bring the sweep's cross-validations up to date: a killed job could not say how it ended."""
    from trus.training.cv_results import publish  # slow, and the jobs wait for nothing meanwhile

    notes = [json.loads(file.read_text(encoding="utf-8")) for file in sweep.glob("*/job.json")]
    logger: Any = OmegaConf.to_container(config.logger, resolve=True) if config.get("logger") else None
    for folder in (CvFolder(Path(path)) for path in {note["cv_folder"] for note in notes if note.get("cv_folder")}):
        try:
            if folder.read().parent_run_id:
                publish(folder, logger)
        except (OSError, TrusError) as error:  # must not stand in the place of what became of the jobs
            print(f"{folder.path} could not be brought up to date: {error}", file=sys.stderr)


def _failure(result: JobReturn) -> str:
    error = result._return_value
    return str(error) if isinstance(error, TrusError) else f"{type(error).__name__}: {error}"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip("- ")]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or ["unknown error"])[-1].strip()
