"""The service's end of the fork server."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict

from trus.serving.decoding.limits import Limits
from trus.serving.memory import Upload


class ForkServer:
    """The process of `forkserver`, which makes a worker for each upload."""

    def __init__(self, limits: Limits) -> None:
        self._ready = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = str(theirs.fileno()), json.dumps(asdict(limits))
        command = [sys.executable, "-m", "trus.serving.decoding.forkserver", *given]
        one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        with theirs:
            self._process = subprocess.Popen(  # in a session of its own: Ctrl-C is for the service
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **one_core},
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until everything is imported. Raises ChildProcessError where it cannot be."""
        self._ready = self._ready or bool(self._control.recv(16))
        if not self._ready:
            raise ChildProcessError("the process that decodes uploads cannot be started; see the messages above")

    def fork(self, connection: socket.socket, upload: Upload) -> None:
        """Hand an upload to a new worker. Raises OSError where the process is gone."""
        socket.send_fds(self._control, [b"u"], [connection.fileno(), upload.fileno()])

    def close(self) -> None:
        """End it, without a trace of it left in the system's list of processes."""
        self._control.close()
        self._process.kill()
        self._process.wait()
