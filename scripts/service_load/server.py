"""A real `trus serve` or `trus app` process on a free port of loopback, and what it takes of the machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 180
"""Seconds; far more than the goal, so that a miss is measured and not guessed."""


class Server:
    """Started at once; use as a context, which ends it. `announced`: the address that it prints."""

    def __init__(self, models: Sequence[Path], options: Sequence[str] = (), command: str = "serve") -> None:
        self.begun = time.monotonic()
        command = [sys.executable, "-m", "trus.cli", command, "--port", "0", *options]
        for model in models:
            command += ["--model", str(model)]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        self.announced = self._announcement()
        self.host, _, port = self.announced.removeprefix("http://").partition("/")[0].partition(":")
        self.port = int(port)

    def _announcement(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "http://" in line:
                return "http://" + line.split("http://")[1].split()[0]
        raise SystemExit(f"trus ended with {self.process.wait()} before it listened\n{self.said()}")

    def __enter__(self) -> "Server":
        """When it is ready."""
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() - self.begun > _PATIENCE:
                self.stop()
                raise SystemExit(f"trus did not become ready\n{self.said()}")
            time.sleep(0.02)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """End it; where something went wrong, show what it said last."""
        self.stop()
        if kind:
            print(self.said(), file=sys.stderr)

    def ready(self) -> bool:
        """Whether /readyz says so."""
        connection = HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def said(self) -> str:
        """The end of its log."""
        self._log.seek(0)
        return self._log.read()[-2000:]

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help."""
        if self.process.poll() is None:
            self.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def family(self) -> list[int]:
        """Its process id and those of its children, at any depth."""
        return _family(self.process.pid)

    def memory(self) -> dict[str, float]:
        """MiB: `own` and `peak` are the service's process now and at most, `all` it and its children now.

        Pages that forks share count once in `all` (proportional set size).
        """
        own = Path(f"/proc/{self.process.pid}/status")
        shares = [_mebibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in self.family]
        return {"own": _mebibytes(own, "VmRSS"), "peak": _mebibytes(own, "VmHWM"), "all": sum(shares)}

    def cpu_seconds(self) -> float:
        """Of it, its children and those that have ended."""
        return sum(_cpu_seconds(pid) for pid in self.family)


def _family(pid: int) -> list[int]:
    children: list[str] = []
    for task in _quiet_list(Path(f"/proc/{pid}/task")):
        children += _read(task / "children").split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _quiet_list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _mebibytes(path: Path, name: str) -> float:
    """A line `NAME: N kB` of a file of /proc, in MiB; 0 for a process that has ended."""
    found = dict(line.split(":", 1) for line in _read(path).splitlines() if ":" in line)
    return float(found.get(name, "0 kB").split()[0]) / 1024


def _cpu_seconds(pid: int) -> float:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
