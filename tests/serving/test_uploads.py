"""Decoding in processes that may die: what comes back, and what a death costs."""

import asyncio
import io
import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.images import read_frame
from trus.serving.decoding.decoder import Decoder
from trus.serving.decoding.limits import Limits
from trus.serving.memory import Memory, Upload
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png")
    return buffer.getvalue()


NOISE = png(np.random.default_rng(0).integers(0, 255, (50, 60), np.uint8))


@pytest.fixture
def with_decoder(run):
    """Run `work(decoder)` with a ready decoder."""

    def use(work, limits=None, **settings):
        async def inner():
            decoder = Decoder(ServeSettings(**settings), limits)
            decoder.start()
            await decoder.ready()
            try:
                return await work(decoder)
            finally:
                decoder.close()

        return run(inner())

    return use


async def images(decoder, content) -> list[np.ndarray]:
    with await decoder.open(content) as opened:
        return [frame.image async for frame in opened.frames(range(opened.frames_held))]


def workers() -> list[int]:
    """Process ids of what the fork server made, oldest first; the last one waits for an upload."""
    return children(fork_server())


def fork_server() -> int:
    """Process id of the newest one of this process."""
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(os.getpid())}
    return max(pid for pid, command in commands.items() if b"trus.serving.decoding.forkserver" in command)


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # gone since
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return sorted(found)


def test_frames_of_every_kind_come_back_as_they_are(with_decoder, dataset, make_us_dicom):
    frame = read_frame(dataset / "images" / "p2_0.png")
    deep = (frame.astype(np.uint16) << 8) + 3
    pages = io.BytesIO()
    Image.fromarray(frame).save(pages, "tiff", save_all=True, append_images=[Image.fromarray(255 - frame)])
    cases = {png(frame): [frame], png(deep): [deep], pages.getvalue(): [frame, 255 - frame]}
    cases[make_us_dicom([frame, 255 - frame])] = [frame, 255 - frame]

    async def work(decoder):
        return [await images(decoder, content) for content in cases]

    for found, expected in zip(with_decoder(work), cases.values(), strict=True):
        assert len(found) == len(expected)
        for image, original in zip(found, expected, strict=True):
            assert image.dtype == original.dtype
            assert np.array_equal(image, original)


def test_a_killed_worker_costs_only_its_own_upload(with_decoder):
    async def work(decoder):
        opened = await decoder.open(NOISE)
        other = await decoder.open(NOISE)
        os.kill(workers()[0], signal.SIGKILL)
        results = []
        for each in (opened, other):
            try:
                results.append([frame.number async for frame in each.frames(range(1))])
            except Problem as problem:
                results.append(problem.status)
            each.close()
        return results, await images(decoder, NOISE)

    results, after = with_decoder(work)
    assert results == [422, [0]]
    assert after[0].shape == (50, 60)


def test_a_killed_fork_server_is_replaced(with_decoder):
    async def work(decoder):
        first = fork_server()
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        return await images(decoder, NOISE)

    assert with_decoder(work)[0].shape == (50, 60)


def test_nothing_is_left_behind(with_decoder):
    async def work(decoder):
        opened = await decoder.open(NOISE)
        await images(decoder, NOISE)
        while len(workers()) < 2:  # the next one is forked a little later
            await asyncio.sleep(0.01)
        started = [fork_server(), *workers()]
        opened.close()
        return started

    started = with_decoder(work)
    assert len(started) >= 3
    for _ in range(600):
        left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
        if not left:
            return
        time.sleep(0.05)
    assert left == []


def test_a_decoder_that_takes_too_long_is_ended(with_decoder):
    limits = Limits(seconds=0.005, bytes_a_second=10**12, pixels_a_second=10**12)
    large = png(np.random.default_rng(0).integers(0, 255, (3000, 3000), np.uint8))
    with pytest.raises(Problem) as refused:
        with_decoder(lambda decoder: images(decoder, large), limits)
    assert refused.value.status == 422
    assert "time" in refused.value.detail


def test_a_frame_that_needs_too_much_memory_is_refused(with_decoder):
    content = png(np.zeros((7000, 8000, 3), np.uint8))
    with pytest.raises(Problem) as refused:
        with_decoder(lambda decoder: images(decoder, content), max_pixels=64_000_000)
    assert refused.value.status == 413
    assert "memory" in refused.value.detail


def test_more_than_can_wait_is_refused(with_decoder):
    async def work(decoder):
        found = await asyncio.gather(*(images(decoder, NOISE) for _ in range(12)), return_exceptions=True)
        return [each.status if isinstance(each, Problem) else 200 for each in found]

    assert set(with_decoder(work, queue=2)) == {200, 429}
    assert with_decoder(lambda decoder: images(decoder, NOISE), queue=1)[0].shape == (50, 60)


def test_a_machine_without_descriptors_refuses_uploads_and_goes_on(with_decoder):
    async def work(decoder):
        with Upload(Memory(len(NOISE)), NOISE) as upload:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                await decoder.open(upload)
            except Problem as problem:
                status = problem.status
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return status, await images(decoder, NOISE)

    status, after = with_decoder(work)
    assert (status, after[0].shape) == (503, (50, 60))


def test_an_upload_has_no_name_and_no_folder():
    with Upload(Memory(6), b"abc") as upload:
        upload.write(b"def")
        assert upload.size == 6
        assert str(Path(f"/proc/self/fd/{upload.fileno()}").readlink()).startswith("/memfd:")
        assert os.pread(upload.fileno(), 10, 0) == b"abcdef"
    upload.close()
