"""The port of `trus app`: the same at every start, as a browser keeps work for an address and its port."""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from trus.files import write_text

PORTS = range(20000, 30000)
"""Below those that systems give to outgoing connections, so that the port is seldom taken at the next start."""
HOST = "127.0.0.1"


def usual_port() -> int:
    """This user's port, chosen at random at the first start and kept; 0 (any) where something else listens there."""
    place = _place()
    kept = _read(place)
    if kept is not None:
        return kept if _is_free(kept) else 0
    port = next((port for port in _some() if _is_free(port)), 0)
    if port:
        with suppress(OSError):  # a home that cannot be written: work is found again while this process lives
            write_text(place, f"{port}\n")
    return port


def _place() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "trus" / "app-port"


def _read(place: Path) -> int | None:
    try:
        port = int(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return port if port in PORTS else None


def _some() -> list[int]:
    return [secrets.choice(PORTS) for _ in range(20)]


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
