"""All jobs of a service: who may see which, how many there may be, and whose turn it is."""

import asyncio
import math
import resource
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trus.serving.decoding.decoder import Decoder
from trus.serving.jobs.job import Job, State
from trus.serving.jobs.running import Runner
from trus.serving.memory import Memory
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

STOPPING = Problem(503, "Cancelled", "the server is stopping; send the job to it again later", "draining")
_REMEMBERED = 1000
"""Ids of jobs that expired, so that they are told from those that never were."""


@dataclass(frozen=True)
class JobLimits:
    """`jobs`: waiting, running and kept ones together; `files` of one.

    `open_files`: of all that have not ended, each a descriptor. `incoming`: jobs whose uploads come in at a time.
    `keep_s`: how long results are kept after the end.
    """

    open_files: int
    jobs: int = 32
    files: int = 256
    incoming: int = 2
    keep_s: float = 15 * 60


class Jobs:
    """Jobs are run one after the other, a frame at a time, and are kept in memory for a while after their end.

    Callers see only their own. To be used within the event loop.
    """

    def __init__(self, decoder: Decoder, memory: Memory, settings: ServeSettings, count: Callable[[str], None]):
        """Half of `memory` is theirs at most, so that single requests go on. `count` is told each frame's model."""
        half = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        self.limits = JobLimits(open_files=min(half, 1024))
        self.memory = Memory(memory.most // 2, memory, self._no_memory)
        self._runner = Runner(decoder, self.memory, settings.max_frames, count)
        self._jobs: dict[str, Job] = {}
        self._expired: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        self._waiting: deque[Job] = deque()
        self._incoming = 0
        self._worker: asyncio.Task[None] | None = None
        self._running: tuple[Job, asyncio.Task[None]] | None = None

    @contextmanager
    def incoming(self) -> Iterator[None]:
        """While a job's uploads come in. Raises Problem 429 where there is no room for them."""
        self._check_room(1)
        if self._incoming >= self.limits.incoming:
            raise self._refusal(f"the files of {self._incoming} jobs are coming in", "too-many-jobs")
        self._incoming += 1
        try:
            yield
        finally:
            self._incoming -= 1

    def add(self, job: Job) -> None:
        """Take a job in. Raises Problem 429."""
        self._check_room(len(job.files))
        self._jobs[job.id] = job
        self._waiting.append(job)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work_off())

    def _check_room(self, files: int) -> None:
        """Raise Problem 429 where a further job with `files` uploads would be too much."""
        if len(self._jobs) >= self.limits.jobs:
            raise self._refusal(f"{len(self._jobs)} jobs are waiting, running or kept", "too-many-jobs")
        waiting = sum(not file.state.ended for job in self._jobs.values() for file in job.files)
        if waiting + files > self.limits.open_files:
            raise self._refusal(f"{waiting} files wait to be segmented", "too-many-files")

    def of(self, caller: str) -> list[Job]:
        """The caller's jobs, oldest first."""
        return [job for job in self._jobs.values() if job.caller == caller]

    def find(self, job_id: str, caller: str) -> Job:
        """The caller's job. Raises Problem 404, and 410 where it has expired."""
        job = self._jobs.get(job_id)
        if job is not None and job.caller == caller:
            return job
        if (job_id, caller) in self._expired:
            kept = f"results are kept for {self.limits.keep_s / 60:g} minutes after a job's end"
            raise Problem(410, "Expired", kept, "expired")
        raise Problem(404, "No such job", "there is no job of this id for this token", "no-such-job")

    def forget(self, job: Job) -> None:
        """Cancel it, where it has not ended, and drop all that is held of it."""
        self._drop(job.id)
        self._cancel(job, Problem(409, "Cancelled", "the job was deleted", "cancelled"))

    def stop(self) -> None:
        """Cancel what has not ended. Documents can be asked for as before."""
        for job in self._jobs.values():
            self._cancel(job, STOPPING)

    def _cancel(self, job: Job, why: Problem) -> None:
        if job.state.ended:
            return
        if job in self._waiting:
            self._waiting.remove(job)
        if self._running is not None and self._running[0] is job:
            self._running[1].cancel()
        self._settle(job, State.CANCELLED, why)

    async def _work_off(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            task = asyncio.create_task(self._runner.run(job))
            self._running = job, task
            await asyncio.wait({task})
            self._running = None
            self._conclude(job, task)
        self._worker = None

    def _conclude(self, job: Job, task: asyncio.Task[None]) -> None:
        """Settle the job's end, unless it was cancelled."""
        error = None if task.cancelled() else task.exception()
        if job.state.ended:
            return
        if error is None:
            good = any(file.state is State.FINISHED for file in job.files)
            self._settle(job, State.FINISHED if good else State.FAILED)
        elif isinstance(error, Problem):
            self._settle(job, State.CANCELLED if error.kind == STOPPING.kind else State.FAILED, error)
        else:
            self._settle(job, State.FAILED, Problem(500, "Internal error", "a fault of the service", "fault"))
            asyncio.get_running_loop().call_exception_handler({"message": "a job failed", "exception": error})

    def _settle(self, job: Job, state: State, problem: Problem | None = None) -> None:
        job.end(state, problem)
        job.expires = datetime.now(UTC) + timedelta(seconds=self.limits.keep_s)
        asyncio.get_running_loop().call_later(self.limits.keep_s, self._expire, job.id)

    def _expire(self, job_id: str) -> None:
        if job := self._drop(job_id):
            self._expired.append((job_id, job.caller))

    def _drop(self, job_id: str) -> Job | None:
        """Hold it no more; None where it is not held."""
        job = self._jobs.pop(job_id, None)
        if job is not None:
            job.give_back()
        return job

    def _no_memory(self) -> Problem:
        return self._refusal("jobs hold all the memory that there is for them (half of --max-memory)", "jobs-memory")

    def _refusal(self, why: str, kind: str) -> Problem:
        """To be asked again when the first result expires, or what runs may be done."""
        now = datetime.now(UTC)
        ends = [(job.expires - now).total_seconds() for job in self._jobs.values() if job.expires is not None]
        etas = [job.eta_s for job in self._jobs.values() if job.eta_s is not None]
        seconds = max(1, math.ceil(min([*ends, *etas, 60.0])))
        detail = f"{why}; delete one that is done, or ask again in {seconds} s"
        return Problem(429, "No room for jobs", detail, kind, {"Retry-After": str(seconds)})
