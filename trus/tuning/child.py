"""The process of a trial: started in a session of its own, watched, ended; found again after its worker has died."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trus.files import write_json
from trus.tuning.lock import Lock

LOG = "train.log"
NOTE = "child.json"
_ERROR_LENGTH = 600


class Child:
    """A `scripts/train.py` below `folder`. It holds a lock as long as it lives, so that whoever comes next sees it."""

    def __init__(self, folder: Path, pid: int | None, process: subprocess.Popen[bytes] | None):
        self.folder, self.pid, self._process = folder, pid, process

    @classmethod
    def start(cls, folder: Path, command: Sequence[str], environment: dict[str, str]) -> "Child":
        """Start it, its output at the end of train.log; Ctrl-C in the terminal does not reach it."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / "child.lock")
        lock.take(wait=True)
        (folder / NOTE).unlink(missing_ok=True)  # until the new one is there, no id is better than that of another
        with (folder / LOG).open("ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        write_json(folder / NOTE, {"pid": process.pid, "command": list(command)})
        lock.close()
        return cls(folder, process.pid, process)

    @classmethod
    def find(cls, folder: Path) -> "Child | None":
        """The process that a worker which has died left behind, if it still runs."""
        if not _is_held(folder):
            return None
        note = folder / NOTE
        return cls(folder, json.loads(note.read_text(encoding="utf-8"))["pid"] if note.exists() else None, None)

    @property
    def running(self) -> bool:
        """Does it live? Its lock says so where it is no child of this process: a process id may be another's by now."""
        return self._process.poll() is None if self._process else _is_held(self.folder)

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and where another worker started it."""
        return self._process.poll() if self._process else None

    def end(self, grace: float) -> None:
        """SIGTERM, which lets it write its checkpoint; after `grace` seconds SIGKILL to all of its session."""
        if self.pid is None:  # its worker died in the moment of the start: nobody knows whom to tell
            return
        if self.running:
            os.kill(self.pid, signal.SIGTERM)
        limit = time.monotonic() + grace
        while self.running and time.monotonic() < limit:
            time.sleep(0.1)
        while self.running:
            os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.1)

    def complaint(self) -> str:
        """Why it failed: the error that it printed, else how it ended and its last line."""
        text = (self.folder / LOG).read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2]
        lines = [line for line in text.splitlines() if line.strip()]
        last = next((n for n in reversed(range(len(lines))) if lines[n].startswith("error: ")), None)
        if last is not None:
            return "\n".join(lines[last:]).removeprefix("error: ")[:_ERROR_LENGTH]
        code = self.exit_code or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        return f"{how}{hint}; the last line of {LOG}: {lines[-1] if lines else 'none'}"[:_ERROR_LENGTH]


def _is_held(folder: Path) -> bool:
    lock = Lock(folder / "child.lock")
    free = lock.take()
    lock.close()
    return not free
