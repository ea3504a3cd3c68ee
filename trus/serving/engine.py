"""One model's work: a worker thread and a bounded queue that refuses instead of piling up."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trus.inference.predictor import Predictor
from trus.serving.problems import Problem, shutting_down, timed_out

T = TypeVar("T")
Cancelled = Callable[[], bool]
Work = Callable[[Predictor, Cancelled], T]


@dataclass(eq=False)
class _Task:
    work: Work[Any]
    answer: Future[Any] = field(default_factory=Future)
    given_up: threading.Event = field(default_factory=threading.Event)


class Engine:
    """First come, first served, one at a time, because the network itself uses all cores.

    `queue` requests may be in hand, the one in work among them, each for `timeout_s` in all. `observe` is told the
    seconds of each work done.
    """

    def __init__(
        self,
        predictor: Predictor,
        queue: int = 8,
        timeout_s: float = 60.0,
        observe: Callable[[float], None] | None = None,
    ):
        self.predictor = predictor
        self.queue, self.timeout_s = queue, timeout_s
        self.mean_seconds = 0.0
        self._observe = observe
        self._waiting: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._places = 0
        self._running: _Task | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work_off, name="engine", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Requests in work or waiting."""
        return len(self._waiting) + (self._running is not None)

    async def run(self, work: Work[T], timeout_s: float | None = None) -> T:
        """What `work(predictor, cancelled)` returns, computed in the worker thread.

        Long works ask `cancelled()` between frames: True once nobody waits for the answer. Raises Problem 429 when the
        queue is full, 504 after `timeout_s`, 503 after `close`, and whatever the work raises.
        """
        task = _Task(work)
        self._enqueue(task)
        limit = self.timeout_s if timeout_s is None else timeout_s
        answer = asyncio.wrap_future(task.answer)
        try:
            await asyncio.wait({answer}, timeout=limit)
            if answer.done():
                return answer.result()
            raise timed_out(limit)
        finally:
            self._give_up(task)
            answer.cancel()

    def check_room(self) -> None:
        """Raises Problem 429 or 503 where `run` would: before an upload is decoded for nothing."""
        with self._changed:
            if self._closed:
                raise shutting_down()
            if self.depth >= self.queue:
                raise self._refusal()

    def check_place(self) -> None:
        """Raises Problem 429 or 503 where `place` would: before an upload is read for nothing."""
        self.check_room()
        if self._places >= self.queue:
            raise self._refusal()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place in the queue for a request from before its upload is decoded until it is answered.

        So no more are decoded than are served, and nobody waits longer than the queue. For the event loop's thread.
        Raises Problem 429 or 503.
        """
        self.check_place()
        self._places += 1
        try:
            yield
        finally:
            self._places -= 1

    def close(self) -> None:
        """Refuse what waits and what comes; the work in hand is told to stop. Returns at once."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
            if self._running:
                self._running.given_up.set()
            self._changed.notify()
        for task in waiting:
            task.answer.set_exception(shutting_down())

    def _enqueue(self, task: _Task) -> None:
        with self._changed:
            self.check_room()
            self._waiting.append(task)
            self._changed.notify()

    def _refusal(self) -> Problem:
        before = max(self.depth, self._places)
        seconds = max(1, math.ceil(before * self.mean_seconds))
        detail = f"{before} requests are before this one; ask again in {seconds} s"
        return Problem(429, "The queue is full", detail, "queue-full", {"Retry-After": str(seconds)})

    def _give_up(self, task: _Task) -> None:
        task.given_up.set()
        with self._changed:
            if task in self._waiting:
                self._waiting.remove(task)

    def _work_off(self) -> None:
        while (task := self._next()) is not None:
            started = time.perf_counter()
            try:
                result = task.work(self.predictor, task.given_up.is_set)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits, not to this thread
                task.answer.set_exception(error)
            else:
                task.answer.set_result(result)
                del result
            self._done(time.perf_counter() - started)
            del task

    def _next(self) -> _Task | None:
        """The oldest task that somebody still waits for; None: closed."""
        with self._changed:
            while True:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return None
                task = self._waiting.popleft()
                if task.answer.set_running_or_notify_cancel():
                    self._running = task
                    return task

    def _done(self, seconds: float) -> None:
        with self._changed:
            self._running = None
            self.mean_seconds = seconds if not self.mean_seconds else 0.8 * self.mean_seconds + 0.2 * seconds
        if self._observe:
            self._observe(seconds)
