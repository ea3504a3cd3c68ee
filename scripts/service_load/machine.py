"""How busy the machine is with others while something is measured."""

import os
import resource
import time
from pathlib import Path

from service_load.server import TICKS, Server


class Shares:
    """From its making to `taken`: parts of all cores that this process, the service and others took.

    `server` can also be set when it has started.
    """

    def __init__(self, server: Server | None = None) -> None:
        self.server = server
        self._start = self._now()

    def taken(self) -> dict[str, float]:
        """Parts of 1: `load_generator`, `service`, `others`."""
        wall, busy, own, service = (now - then for now, then in zip(self._now(), self._start, strict=True))
        capacity = max(1e-9, wall * (os.cpu_count() or 1))
        parts = {"load_generator": own, "service": service, "others": max(0.0, busy - own - service)}
        return {name: round(seconds / capacity, 3) for name, seconds in parts.items()}

    def _now(self) -> tuple[float, float, float, float]:
        fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        use = resource.getrusage(resource.RUSAGE_SELF)
        service = self.server.cpu_seconds() if self.server else 0.0
        busy = (sum(fields) - fields[3] - fields[4]) / TICKS
        return time.monotonic(), busy, use.ru_utime + use.ru_stime, service
