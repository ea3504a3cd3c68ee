"""Worker processes that may crash: a decoder's segmentation fault costs the file that caused it, and nothing else."""

import os
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from multiprocessing import forkserver, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from typing import Any, Protocol

from trus.data.intake.quiet import quietly, silence_process
from trus.data.intake.tasks import Context, Refusal, Stopped, Unwritable


class Task(Protocol):
    """Something that a worker can do, within so many seconds."""

    def seconds(self) -> int:
        """The worker is ended after so long: a decoder can hang."""
        ...

    def perform(self, context: Context) -> Any:
        """The work itself."""
        ...


class Crashed:
    """The result of a task whose process was ended: by a fault of a decoder, for its memory, or for its time."""


class Workers:
    """A pool of `jobs` processes, ended on leaving. At most 2 x jobs tasks wait; a broken pool is replaced."""

    def __init__(self, jobs: int, context: Context) -> None:
        self._jobs = jobs
        self._stop = _processes().Event()
        self._context = replace(context, stop=self._stop)
        self._running: dict[Future[Any], Task] = {}
        self._pool = self._new(jobs)

    def __enter__(self) -> "Workers":
        """Nothing starts before the first task."""
        return self

    def __exit__(self, *error: object) -> None:
        """End what is under way at its next frame."""
        self.stop()

    @property
    def free(self) -> bool:
        """Whether another task can be given."""
        return len(self._running) < 2 * self._jobs

    @property
    def busy(self) -> bool:
        """Whether any task is under way."""
        return bool(self._running)

    def submit(self, task: Task) -> None:
        """Give a task; its result comes from `finished`."""
        try:
            self._running[self._pool.submit(_perform, task)] = task
        except BrokenProcessPool:  # noticed before any of the running tasks has been asked for
            broken: Future[Any] = Future()
            broken.set_exception(BrokenProcessPool())
            self._running[broken] = task

    def finished(self) -> list[tuple[Task, Any]]:
        """Wait for one task at least; (task, result) of all that are done. Raises what a task has no answer for."""
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            return self._find_culprit()
        return [(self._running.pop(future), future.result()) for future in done]

    def stop(self) -> None:
        """End what is under way at its next frame, and the processes with it."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _find_culprit(self) -> list[tuple[Task, Any]]:
        """Which of the tasks ended its process cannot be told: each that has no result runs again, alone."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        running, self._running = self._running, {}
        self._pool = self._new(self._jobs)
        return [(task, self._result(future, task)) for future, task in running.items()]

    def _result(self, future: Future[Any], task: Task) -> Any:
        if future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool):
            return future.result()
        with self._new(1) as pool:
            try:
                return pool.submit(_perform, task).result()
            except BrokenProcessPool:
                return Crashed()

    def _new(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, _processes(), _begin, (self._context,))


_PRELOADED = (
    *("trus.cli", "trus.data.intake.sheet", "trus.data.intake.dicom", "trus.data.intake.stills"),
    *("pydicom.pixels", "pydicom.encaps", "scipy.sparse.csgraph"),
)


def _processes() -> BaseContext:
    """With a fork server, everything is imported once, and each process starts at once, also after a crash."""
    long = len(tempfile.gettempdir()) > 70  # its socket lies there, and the name of a socket has 104 bytes at most
    if long or "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    processes = get_context("forkserver")
    processes.set_forkserver_preload([__name__, *_PRELOADED])
    # what the server and its children say until they are silenced, such as a traceback after Ctrl-C, is for nobody
    quietly("the worker processes cannot be started", forkserver.ensure_running)
    return processes


_context: Context


def _begin(context: Context) -> None:
    """Keep a worker silent, alone with one core, and no longer alive than its parent."""
    global _context  # noqa: PLW0603 - a process's own settings; an argument of each task would be sent each time
    _context = context
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence_process()
    tempfile.tempdir = os.fspath(context.folders.scratch)
    with suppress(ModuleNotFoundError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the patient's data
    import cv2

    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform(task: Task) -> Any:
    alarm: Callable[[int], Any] = getattr(signal, "alarm", lambda seconds: None)
    alarm(task.seconds())  # its default action ends the process, wherever a decoder hangs
    try:
        return task.perform(_context)
    except (Stopped, Unwritable) as error:
        return error
    except Exception as error:  # noqa: BLE001 - only the type: the message of a library can quote the file
        return Refusal("", f"cannot be taken in ({type(error).__name__})")
    finally:
        alarm(0)
