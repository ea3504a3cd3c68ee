"""All opened files of a service: whose they are, how many there may be, and when they are forgotten."""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trus.app.kept import Kept
from trus.app.studies.reading import ReadFrame, Reading, gone
from trus.data.intake.sector import find_sector
from trus.data.intake.source import Box, Region
from trus.data.intake.spacing import Spacing
from trus.serving.decoding.decoder import DecodedFrame, Decoder
from trus.serving.memory import Memory, Upload
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

MOST_STUDIES = 256
IDLE_S = 30 * 60.0
WORKERS = 3
"""Decoding processes that may wait for the next frame to be asked for."""


@dataclass(eq=False)
class Study:
    """One file. `frames`: how many; `size`: (height, width); spacing (row, column) in mm where it is certain.

    `sector`: where in its first frame the ultrasound picture lies, if that is certain and the file names no region.
    """

    id: str
    caller: str
    upload: Upload
    kind: str
    frames: int
    size: tuple[int, int]
    spacing: Spacing | None
    spacing_note: str
    regions: tuple[Region, ...]
    sector: Box | None
    sha256: str
    reading: Reading = field(repr=False)
    used: float = 0.0
    users: int = 0

    @property
    def is_held(self) -> bool:
        """False once it was forgotten, perhaps in the midst of somebody's work with it."""
        return not self.reading.closed

    async def frame(self, number: int) -> ReadFrame:
        """A frame by its number, from 0. Raises Problem 422."""
        return await self.reading.frame(number)


class Studies:
    """Files in memory, until they are deleted or idle for half an hour. Callers see only their own.

    Half of the service's memory is for the files, a quarter for decoded frames, a sixteenth for `results`. For the
    event loop's thread.
    """

    def __init__(
        self, decoder: Decoder, memory: Memory, settings: ServeSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.memory = Memory(memory.most // 2, memory, _no_room)
        self.results = Kept(Memory(memory.most // 16, memory))
        self._frames = Kept(Memory(memory.most // 4, memory))
        self._whole, self._decoder, self._settings, self._clock = memory, decoder, settings, clock
        self._studies: OrderedDict[str, Study] = OrderedDict()
        self._workers: list[Reading] = []
        self._timer: asyncio.TimerHandle | None = None

    async def add(self, upload: Upload, caller: str) -> Study:
        """Open an upload, which now belongs to the study. Raises Problem as `Decoder.open`, and closes it then."""
        study_id = secrets.token_hex(16)
        reading = None
        try:
            opened = await self._decoder.open(upload)
            reading = Reading(study_id, upload, opened, self._decoder, self._frames, self._note_worker)
            frames = await reading.count(self._settings.max_frames)
            first, digest = await asyncio.gather(reading.frame(0), asyncio.to_thread(_hash, upload))
            sector = await asyncio.to_thread(_sector, first.frame)
        except BaseException:
            if reading is not None:
                reading.close()
            self._frames.forget(study_id)
            upload.close()
            raise
        about = first.frame
        study = Study(
            id=study_id,
            caller=caller,
            upload=upload,
            kind=opened.kind,
            frames=frames,
            size=opened.size,
            spacing=about.spacing,
            spacing_note=about.spacing_note,
            regions=about.regions,
            sector=sector,
            sha256=digest,
            reading=reading,
        )
        self._studies[study.id] = study
        self._touch(study)
        self._drop_surplus()
        return study

    @contextmanager
    def using(self, study_id: str, caller: str) -> Iterator[Study]:
        """The caller's study, which is not dropped meanwhile for another. Raises Problem 404."""
        study = self._studies.get(study_id)
        if study is None or study.caller != caller:
            raise gone()
        study.users += 1
        try:
            self._touch(study)
            yield study
        finally:
            study.users -= 1
            self._touch(study)

    def make_room(self, size: int) -> None:
        """Drop the studies longest idle, and what can be made again, until an upload of `size` bytes finds room.

        Raises Problem 413 and 429.
        """
        while self.memory.held + size > self.memory.most and self._drop_idlest():
            pass
        self.drop_remakeable(size)
        self.memory.check(size)

    def drop_remakeable(self, size: int) -> None:
        """Drop frames and results until `size` bytes find room in the service's memory, or none is left."""
        for kept in (self.results, self._frames):
            kept.make_room_in(self._whole, size)

    def forget(self, study_id: str, caller: str) -> None:
        """Drop the caller's study and all that is held of it. Raises Problem 404."""
        study = self._studies.get(study_id)
        if study is None or study.caller != caller:
            raise gone()
        self._drop(study)

    def forget_all(self, caller: str) -> None:
        """Drop all of the caller's studies."""
        for study in [study for study in self._studies.values() if study.caller == caller]:
            self._drop(study)

    def close(self) -> None:
        """Drop everything."""
        for study in [*self._studies.values()]:
            self._drop(study)

    def _touch(self, study: Study) -> None:
        if study.id in self._studies:
            study.used = self._clock()
            self._studies.move_to_end(study.id)
            self._plan()

    def _plan(self) -> None:
        """Look again when the one idle longest is due."""
        if self._timer is None and self._studies:
            due = next(iter(self._studies.values())).used + IDLE_S
            self._timer = asyncio.get_running_loop().call_later(max(1.0, due - self._clock()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        for study in [study for study in self._studies.values() if study.used <= self._clock() - IDLE_S]:
            if not study.users:
                self._drop(study)
        self._plan()

    def _drop_surplus(self) -> None:
        while len(self._studies) > MOST_STUDIES and self._drop_idlest():
            pass

    def _drop_idlest(self) -> bool:
        """False where all are in use."""
        idlest = next((study for study in self._studies.values() if not study.users), None)
        if idlest is not None:
            self._drop(idlest)
        return idlest is not None

    def _drop(self, study: Study) -> None:
        self._studies.pop(study.id, None)
        study.reading.close()
        for kept in (self.results, self._frames):
            kept.forget(study.id)
        study.upload.close()
        if not self._studies and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note_worker(self, reading: Reading) -> None:
        self._workers = [each for each in self._workers if each is not reading and each.is_reading]
        surplus = max(0, len(self._workers) + 1 - WORKERS)
        for idle in [each for each in self._workers if not each.is_awaited][:surplus]:
            idle.rest()
        self._workers.append(reading)


def _sector(frame: DecodedFrame) -> Box | None:
    found = None if frame.regions else find_sector(frame.image)
    return found.box if found else None


def _hash(upload: Upload) -> str:
    with open(f"/proc/self/fd/{upload.fileno()}", "rb") as file:  # noqa: PTH123 - no path of a folder
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_room() -> Problem:
    detail = "opened files take all the memory that there is for them; close some, or ask again in 5 s"
    return Problem(429, "No room", detail, "memory", {"Retry-After": "5"})
