"""What decoding one upload may cost, and how a process is held to it."""

import os
import resource
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trus.data.images import MAX_PIXELS
from trus.data.intake.quiet import silence_process

_SLOWNESS = 4
"""By how much the clock may run ahead of the processor's seconds, on a machine that has other work."""


@dataclass(frozen=True)
class Limits:
    """What decoding one upload may cost: bytes of memory, seconds of the processor for each step of a small file.

    A step of a large one may take longer: a second for every `bytes_a_second` of the file and every `pixels_a_second`
    of a frame, at most `longest` together.
    """

    memory: int = 512 * 2**20
    seconds: float = 1.5
    bytes_a_second: int = 64 * 2**20
    pixels_a_second: int = 4_000_000
    longest: float = 60.0
    pixels: int = MAX_PIXELS
    frames: int = 2000

    def budget(self, size: int, pixels: int) -> float:
        """Seconds for a step over a file of `size` bytes that makes `pixels` pixels."""
        return min(self.seconds + size / self.bytes_a_second + pixels / self.pixels_a_second, self.longest)


def enter(limits: Limits) -> None:
    """Silence and the limits; what is shared with the service's other decoders counts, too."""
    silence_process()
    page = resource.getpagesize()
    pages, resident = map(int, Path("/proc/self/statm").read_text().split()[:2])
    room = (pages - resident) * page + limits.memory
    for limit, value in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_FSIZE, limits.memory),
        (resource.RLIMIT_CORE, 0),  # a core dump would hold the patient's data
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"  # an inflated DICOM file lies in memory, too, without a name
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)


def allow(seconds: float) -> None:
    """Seconds for the next step (0: no bound); beyond them the system ends this process, wherever a decoder hangs."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _SLOWNESS)
