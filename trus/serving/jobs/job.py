"""One job: files to segment, how far it is, and what came out. All of it in memory."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from trus.serving.memory import Share, Upload
from trus.serving.problems import Problem
from trus.serving.requests.options import Decision, Options

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
    DICOM SEG of a job with one DICOM file, or why there is none. `share`: what the results take of the memory.
    """

    upload: Upload
    share: Share
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

    def end(self, state: State, problem: Problem | None = None) -> None:
        """Settle the file's state and give its upload back."""
        self.state, self.problem = state, problem
        self.upload.close()

    def drop_results(self) -> None:
        """Give back what its results take."""
        self.documents.clear()
        self.masks.clear()
        self.segmentation = None
        self.share.close()


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
    def result_bytes(self) -> int:
        """Memory that its results take."""
        return sum(file.share.size for file in self.files)

    @property
    def frames_done(self) -> int:
        """Frames segmented in all files."""
        return sum(len(file.numbers) for file in self.files)

    @property
    def frames_total(self) -> int | None:
        """Frames of all files, of failed ones those that were done; None while it is not known of all."""
        totals = [len(file.numbers) if file.state is State.FAILED else file.frames_total for file in self.files]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at the pace so far; None where there is no telling."""
        done, total = self.frames_done, self.frames_total
        if self.state is not State.RUNNING or self._started is None or not done or total is None:
            return None
        return round((time.monotonic() - self._started) / done * (total - done), 1)

    def give_back(self) -> None:
        """Its results count no more; an answer that is being made of them counts with its own request."""
        for file in self.files:
            file.share.close()

    def start(self) -> None:
        """It is this job's turn."""
        self.state, self._started = State.RUNNING, time.monotonic()

    def end(self, state: State, problem: Problem | None = None) -> None:
        """Settle the state of the job and of the files that were not done; with a problem there is no result."""
        for file in self.files:
            if not file.state.ended:
                file.end(state, problem)
        if problem is not None:
            for file in self.files:
                file.drop_results()
        self.state, self.problem, self.finished = state, problem, datetime.now(UTC)
