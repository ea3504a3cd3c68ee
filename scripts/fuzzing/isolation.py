"""A process that reads one input after another and may die of any of them."""

import faulthandler
import multiprocessing
import resource
import signal
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from fuzzing.targets import Target
from trus.data.intake.quiet import silence_process
from trus.errors import TrusError

CPU_SECONDS, MEMORY = 5, 512 * 2**20
"""Of one input. The seconds are of processor time, so that a busy machine finds nothing that is not there."""

_WALL_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """`kind`: accepted, refused, or a finding: uncaught, crash or time. `text`: the message or the traceback."""

    kind: str
    text: str = ""

    @property
    def found(self) -> bool:
        """Whether it must not happen."""
        return self.kind not in ("accepted", "refused")


class Reader:
    """Reads inputs of a target in a process with limits of memory and time; a new one after each death."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target, self._folder = target, folder
        self._start()

    def read(self, data: bytes) -> Outcome:
        """What comes of one input."""
        self._connection.send_bytes(data)
        try:
            if self._connection.poll(_WALL_SECONDS):
                return Outcome(*self._connection.recv())
            self._process.kill()
        except EOFError:
            pass
        self._process.join()
        code = self._process.exitcode or 0
        self.close()
        self._start()
        if code in (-signal.SIGPROF, -signal.SIGKILL):
            return Outcome("time", f"more than {CPU_SECONDS} s of processor time, or {_WALL_SECONDS} s")
        return Outcome("crash", f"the process died of signal {-code}" if code < 0 else f"the process left with {code}")

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(5)
        self._process.kill()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")  # nothing is imported again after a crash
        cv2.setNumThreads(1)  # here: a fork would wait for ever for threads that it does not have
        self._connection, other = context.Pipe()
        arguments = (other, self._connection, self._target, self._folder)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other.close()


def _serve(connection: Connection, others: Connection, target: Target, folder: Path) -> None:
    others.close()  # else the end of the parent would not be seen
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()
    silence_process()
    _limit()
    with suppress(EOFError):
        while True:
            data = connection.recv_bytes()
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its default action ends the process
            answer = _attempt(target, data, folder)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send(answer)


def _attempt(target: Target, data: bytes, folder: Path) -> tuple[str, str]:
    path = folder / "input"
    path.write_bytes(data)
    try:
        target.read(path)
    except TrusError as error:
        return "refused", f"{type(error).__name__}: {error}"
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        return "uncaught", "".join(traceback.format_exception(error))[-4000:]
    return "accepted", ""


def _limit() -> None:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
