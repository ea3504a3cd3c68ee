"""A real MLflow server on loopback that tests stop, kill and start again, and a line to it that can be cut."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path


class Server:
    """`mlflow server` with one worker, its store below `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen | None = None

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder}/server.db"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", self.database, "--artifacts-destination", f"{self.folder}/artifacts"]
        log = (self.folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            [*command, "--workers", "1"],
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=self.folder,
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{self.uri}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=60).close()
                return
            except OSError:
                time.sleep(0.5)
        raise RuntimeError((self.folder / "server.log").read_text())

    def signal(self, number: int) -> None:
        assert self._process
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


class Line:
    """A port of its own that leads to the server's while it is not cut; a server takes long to start again."""

    def __init__(self, server: Server):
        self._target = server.port
        self._listener: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.mend()

    def mend(self) -> None:
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        assert self._listener
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._target))
                self._open += [ours, theirs]
                for ends in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
