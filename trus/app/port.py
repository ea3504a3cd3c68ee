"""Which port `trus app` has: the same at every start, because a browser keeps work by address, port included."""

import os
import random
import socket
from contextlib import suppress
from pathlib import Path

from trus.files import write_text

CHOICE = range(20_000, 32_000)
"""Below the ports that the system gives to outgoing connections, which could take ours."""
_TRIES = 50


def usual_port() -> tuple[int, bool]:
    """The port of last time where it is free, and True; else another free one, and whether that is the usual one now.

    False: the usual one is taken, likely by another `trus app`, so that work kept in the browser is not at hand.
    """
    usual = _remembered()
    if usual is not None:
        return (usual, True) if _is_free(usual) else (_any_free(), False)
    port = _any_free()
    _remember(port)
    return port, True


def _remembered() -> int | None:
    with suppress(OSError, ValueError):
        port = int(_memory().read_text("ascii"))
        return port if port in CHOICE else None
    return None


def _remember(port: int) -> None:
    """Where nothing can be written, the next start takes another one."""
    with suppress(OSError):
        write_text(_memory(), f"{port}\n")


def _memory() -> Path:
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "trus" / "app_port"


def _any_free() -> int:
    """0, with which the system chooses, after fifty that are taken."""
    return next((port for port in random.sample(CHOICE, _TRIES) if _is_free(port)), 0)


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
