"""One job: files to segment, how far it is, and what came out. All of it in memory."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from trus.serving.options import Decision, Options
from trus.serving.problems import Problem
from trus.serving.uploads import Upload

if TYPE_CHECKING:
    from trus.serving.service import ServedModel


class State(StrEnum):
    """Where a job or a file of it is. A job with at least one good file is finished, with none failed."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Nothing more happens."""
        return self in (State.FINISHED, State.FAILED, State.CANCELLED)


@dataclass(eq=False)
class JobFile:
    """One file of a job.

    `frames_total`: frames to segment, None until the file was opened and where a clip does not say. `documents` are
    the answers of its frames as JSON, `masks` their label masks as PNG, in the order of `numbers`. `segmentation`: the
    DICOM SEG of a job with one DICOM file, or why there is none.
    """

    upload: Upload
    state: State = State.WAITING
    frames_total: int | None = None
    frames_held: int | None = None
    kind: str | None = None
    numbers: list[int] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    masks: list[bytes] = field(default_factory=list)
    segmentation: bytes | None = None
    segmentation_problem: Problem | None = None
    problem: Problem | None = None

    @property
    def held(self) -> int:
        """Bytes of memory."""
        results = sum(map(len, self.documents)) + sum(map(len, self.masks)) + len(self.segmentation or b"")
        return self.upload.size * (not self.state.ended) + results

    def end(self, state: State, problem: Problem | None = None) -> None:
        """Settle the file's state and give its upload back."""
        self.state, self.problem = state, problem
        self.upload.close()


@dataclass(eq=False)
class Job:
    """Files with one model and one set of options, of one caller.

    `caller` is the digest of the caller's token, empty where none is asked for.
    """

    caller: str
    model: "ServedModel"
    options: Options
    decision: Decision
    files: list[JobFile]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    state: State = State.WAITING
    problem: Problem | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    expires: datetime | None = None
    _started: float | None = None

    @property
    def held(self) -> int:
        """Bytes of memory."""
        return sum(file.held for file in self.files)

    @property
    def frames_done(self) -> int:
        """Frames segmented in all files."""
        return sum(len(file.masks) for file in self.files)

    @property
    def frames_total(self) -> int | None:
        """Frames of all files, of failed ones those that were done; None while it is not known of all."""
        totals = [len(file.masks) if file.state is State.FAILED else file.frames_total for file in self.files]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at the pace so far; None where there is no telling."""
        done, total = self.frames_done, self.frames_total
        if self.state is not State.RUNNING or self._started is None or not done or total is None:
            return None
        return round((time.monotonic() - self._started) / done * (total - done), 1)

    def start(self) -> None:
        """It is this job's turn."""
        self.state, self._started = State.RUNNING, time.monotonic()

    def end(self, state: State, problem: Problem | None = None) -> None:
        """Settle the state of the job and of the files that were not done."""
        for file in self.files:
            if not file.state.ended:
                file.end(state, problem)
        self.state, self.problem, self.finished = state, problem, datetime.now(UTC)
