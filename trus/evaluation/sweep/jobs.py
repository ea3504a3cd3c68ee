"""The jobs of a sweep as they lie on disk, whichever launcher ran them: a row a configuration."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trus.errors import TrusError
from trus.evaluation.comparison.scored_run import ScoredRun, read_cv, read_folder
from trus.evaluation.cross_validation.folder import CvFolder, Member, Progress
from trus.files import write_json

_OF_A_JOB = ("split.fold", "data.workers", "data.cache_dir", "logger", "ckpt_path", "run_dir", "outputs")
LOST = "ended without a word: killed, or stopped from outside"


@dataclass(frozen=True)
class Job:
    """One job folder: what the command line set for it, which fold it trains, and where its networks are."""

    folder: Path
    overrides: dict[str, str]
    cv: CvFolder | None
    fold: int | str
    run_id: str | None
    error: str | None
    started: float | None


@dataclass
class Row:
    """One configuration of the sweep: its jobs, its networks, its scores (None where no network is finished)."""

    jobs: list[Job]
    members: dict[Member, Progress] = field(default_factory=dict)
    run: ScoredRun | None = None
    damage: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What all its jobs were told."""
        first, *others = (job.overrides for job in self.jobs)
        return {key: value for key, value in first.items() if all(one.get(key) == value for one in others)}

    @property
    def finished(self) -> int:
        """Networks that are finished."""
        return sum(progress.state == "finished" for progress in self.members.values())

    @property
    def complete(self) -> bool:
        """Are all networks finished?"""
        return self.run is not None and self.finished == len(self.members)

    @property
    def seconds(self) -> float:
        """What its networks took, added up."""
        return sum(progress.seconds for progress in self.members.values())

    @property
    def errors(self) -> list[str]:
        """What went wrong, with where; empty where nothing did."""
        if self.complete:
            return []
        failed = [f"{m.name}: {p.error or p.state}" for m, p in self.members.items() if p.state != "finished"]
        lost = [f"job {job.folder.name}: {job.error}" for job in self.jobs if job.error]
        return [self.damage] if self.damage else lost or failed or [LOST]

    @property
    def state(self) -> str:
        """finished, finished before (nothing was left to do), incomplete or failed."""
        if not self.complete:
            return "incomplete" if self.finished else "failed"
        started = [job.started for job in self.jobs]
        marks = [self.cv.run_dir(member) / "member.json" for member in self.members] if self.cv else []
        earlier = marks and all(at and mark.stat().st_mtime < at for at in started for mark in marks)
        return "finished before" if earlier else "finished"

    @property
    def cv(self) -> CvFolder | None:
        """Where its networks are."""
        return next((job.cv for job in self.jobs if job.cv), None)

    @property
    def run_id(self) -> str | None:
        """The parent's run in MLflow, or the only network's."""
        parent = self.cv.read().parent_run_id if self.cv and self.run else None
        return parent or next((job.run_id for job in self.jobs if job.run_id), None)


def note_start(folder: Path, time: float) -> None:
    """Note in a job's folder that the job has begun; `time` in seconds since the epoch."""
    write_json(folder / "job_state.json", {"started": time, "error": LOST})


def note_end(folder: Path, error: str | None) -> None:
    """Note in a job's folder how the job has ended."""
    write_json(folder / "job_state.json", _read(folder / "job_state.json") | {"error": error})


def read_rows(sweep: Path) -> list[Row]:
    """The rows of the sweep in the folder `sweep`, in the order of its jobs; jobs of one cross-validation share one."""
    jobs = sorted((_read_job(path.parent.parent) for path in sweep.glob("*/.hydra/overrides.yaml")), key=_number)
    groups: dict[tuple[tuple[str, str], ...], list[Job]] = {}
    for job in jobs:
        told = tuple(sorted(item for item in job.overrides.items() if not item[0].startswith(_OF_A_JOB)))
        groups.setdefault(told, []).append(job)
    return [_row(group) for group in groups.values()]


def differing_settings(rows: Sequence[Row]) -> list[dict[str, str]]:
    """For each row what tells it from the others; a key that a row leaves to the configs is `(default)`."""
    settings = [row.settings for row in rows]
    keys = [key for key in dict.fromkeys(key for one in settings for key in one) if not key.startswith(_OF_A_JOB)]
    varying = [key for key in keys if len({one.get(key) for one in settings}) > 1]
    return [{key: one.get(key, "(default)") for key in varying} for one in settings]


def _number(job: Job) -> tuple[int, str]:
    """Hydra names job folders by number, unless told otherwise."""
    return (int(job.folder.name) if job.folder.name.isdigit() else 10**9, job.folder.name)


def _row(jobs: list[Job]) -> Row:
    row = Row(jobs)
    try:
        if row.cv is None:
            scored = [job.folder for job in jobs if (job.folder / "validation.csv").is_file()]
            row.run = read_folder(scored[0]) if scored else None
            return row
        row.members = {m: row.cv.progress(m) for m in row.cv.members() if any(_trains(job, m) for job in jobs)}
        row.run = read_cv(row.cv, list(row.members)) if row.finished else None
    except (TrusError, OSError, ValueError, TypeError) as error:  # a damaged folder is one row's error, not the table's
        row.damage = str(error)
    return row


def _trains(job: Job, member: Member) -> bool:
    """Is the member one that the job was to train?"""
    return job.fold in ("all", member.fold)


def _read_job(folder: Path) -> Job:
    from omegaconf import OmegaConf

    texts = [str(text).lstrip("+") for text in OmegaConf.load(folder / ".hydra" / "overrides.yaml")]
    overrides = dict(text.split("=", 1) for text in texts if "=" in text and not text.startswith("~"))
    content, state = _read(folder / "job.json"), _read(folder / "job_state.json")
    cv = CvFolder(Path(content["cv_folder"])) if content.get("cv_folder") else None
    fold = OmegaConf.load(folder / ".hydra" / "config.yaml").split.fold
    return Job(folder, overrides, cv, fold, content.get("run_id"), state.get("error"), state.get("started"))


def _read(path: Path) -> dict[str, Any]:
    """A job writes it whole or not at all."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
