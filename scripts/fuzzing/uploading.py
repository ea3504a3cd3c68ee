"""Uploads as the service decodes them: any exception but a Problem with the right 4xx is a finding."""

import asyncio
import time
import traceback

from fuzzing.isolation import Outcome
from fuzzing.targets import FRAMES, TARGETS
from trus.serving.decoding.decoder import Decoder
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings

SECONDS = 20
"""Of wall clock for one upload: the service's own limits must end it long before."""


def upload_seeds(real: bool = True) -> list[bytes]:
    """Those of pictures and of DICOM."""
    return [*TARGETS["image"].seeds(real), *TARGETS["dicom"].seeds(real)]


class Uploader:
    """One running decoder that all inputs go through."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._decoder = Decoder(ServeSettings())
        self._decoder.start()
        self._runner.run(self._decoder.ready())

    def read(self, data: bytes) -> Outcome:
        """What comes of one upload."""
        return self._runner.run(_outcome(self._decoder, data))

    def close(self) -> None:
        """End the decoder."""
        self._decoder.close()
        self._runner.close()


async def _outcome(decoder: Decoder, data: bytes) -> Outcome:
    start = time.monotonic()
    try:
        await _decode(decoder, data)
        outcome = Outcome("accepted")
    except Problem as problem:
        right = problem.status in (413, 415, 422)
        outcome = Outcome("refused" if right else "uncaught", f"{problem.status} {problem.title}: {problem.detail}")
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        outcome = Outcome("uncaught", "".join(traceback.format_exception(error))[-4000:])
    taken = time.monotonic() - start
    return outcome if taken < SECONDS else Outcome("time", f"{taken:.1f} s")


async def _decode(decoder: Decoder, data: bytes) -> None:
    with await decoder.open(data) as opened:
        async for frame in opened.frames(range(min(opened.frames_held or FRAMES, FRAMES))):
            if frame.image.shape[:2] != opened.size:
                raise AssertionError(f"a frame of {frame.image.shape}, the header says {opened.size}")
