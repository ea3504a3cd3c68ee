"""A real `trus app` process, and the way in."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

ENTRANCE = re.compile(r"http://\S+/app/enter\?token=\S+")


@dataclass
class RunningApp:
    """A process that is ready. `entrance` is the address with the one-time token; the log goes to a file."""

    process: subprocess.Popen
    entrance: str
    log: Path
    save_folder: Path

    @property
    def address(self) -> str:
        """http://127.0.0.1:PORT"""
        return self.entrance.partition("/app/")[0]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    @cached_property
    def cookie(self) -> tuple[str, str]:
        """Name and value of the cookie of one login; spends the token."""
        answer = httpx.get(self.entrance, follow_redirects=False)
        assert len(answer.cookies) == 1, answer.text
        return next(iter(answer.cookies.items()))

    def client(self) -> httpx.Client:
        """A client that is logged in; addresses are relative to the service's."""
        return httpx.Client(base_url=self.address, cookies=dict([self.cookie]), timeout=60)

    def end(self, kill: bool = False) -> int:
        """Stop it (SIGTERM, or SIGKILL) and return its exit code."""
        self.process.kill() if kill else self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code


def start(folder: Path, *arguments: str) -> RunningApp:
    """Start `trus app --no-browser ARGUMENTS` with `folder` as its working and home folder; a free port by default."""
    log, save_folder = folder / "log", folder / "saved"
    ports = () if "--port" in arguments else ("--port", "0")
    options = ("--no-browser", "--threads", "1", "--save-to", str(save_folder), *ports)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "trus.cli", "app", *options, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=os.environ | home,
        )
    for line in process.stdout:
        if found := ENTRANCE.search(line):
            return RunningApp(process, found.group(), log, save_folder)
    raise AssertionError(f"trus app ended with {process.wait()}\n{log.read_text()}")
