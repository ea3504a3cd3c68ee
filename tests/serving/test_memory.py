"""What is held of requests is bounded in sum, is given back, and a machine without memory is no fault."""

import asyncio
import resource
from contextlib import contextmanager

import numpy as np
import pytest

from tests.serving.job_client import ended, parts, until
from trus.errors import ConfigError
from trus.serving.memory import Memory, Share, Upload
from trus.serving.problems import Problem
from trus.serving.settings import ServeSettings


def refused(call, *arguments) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*arguments)
    return caught.value


def test_a_part_counts_for_the_whole_and_finds_no_room_in_a_full_one():
    whole = Memory(10)
    part = Memory(6, whole)
    with Share(whole) as mine, Share(part) as theirs:
        mine.take(5)
        theirs.take(4)
        assert (whole.held, part.held) == (9, 4)
        assert refused(theirs.take, 2).status == 429
        assert refused(theirs.take, 3).status == 413
        assert refused(mine.take, 6).status == 413
        mine.close()
        mine.close()
        theirs.take(2)
    assert (whole.held, part.held) == (0, 0)


def test_one_request_must_find_room():
    with pytest.raises(ConfigError, match="--max-memory 10: less than"):
        ServeSettings(max_bytes=11, max_memory=10)


def kind(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_uploads_that_wait_are_bounded_together(open_service, run, frames, held_up):
    content = frames[0].read_bytes()

    async def work():
        async with open_service(max_bytes=2 * len(content), max_memory=3 * len(content)) as client:
            memory = client.app.state.service.memory
            engaged = held_up(client)
            waiting = [asyncio.create_task(client.post("/v1/segment", files={"file": content})) for _ in range(2)]
            await until(lambda: client.app.state.service.model().engine.depth == 3)
            declared = await client.post("/v1/segment", files={"file": content})
            dripping = await client.post("/v1/segment", content=drip(content), headers={"Content-Type": "image/png"})
            held = memory.held
            held_up.release()
            answers = await asyncio.gather(*waiting)
            await engaged
            return declared, dripping, held, answers, memory.held

    declared, dripping, held, answers, after = run(work())
    assert kind(declared) == kind(dripping) == (429, "memory")
    assert int(declared.headers["retry-after"]) > 0
    assert held == 2 * len(content)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert after == 0


async def drip(content):
    for piece in (content, content):
        yield piece


def test_jobs_leave_half_to_single_requests(open_service, run, frames):
    content = frames[0].read_bytes()

    async def work():
        async with open_service(max_bytes=3 * len(content), max_memory=4 * len(content)) as client:
            never = await client.post("/v1/jobs", files=parts(content, content))
            jobs = client.app.state.service.jobs
            with Share(jobs.memory) as others:
                others.take(jobs.memory.most)
                now = await client.post("/v1/jobs", files=parts(content))
                single = await client.post("/v1/segment", files={"file": content}, headers={"Accept": "image/png"})
            return never, now, single

    never, now, single = run(work())
    assert kind(never) == (413, "too-large")
    assert kind(now) == (429, "jobs-memory")
    assert single.status_code == 200


NO_END = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end'
WRONG = [
    ("/v1/segment", {"files": {"file": b"no picture"}}),
    ("/v1/segment", {"content": b"no picture", "headers": {"Content-Type": "image/png"}, "params": {"frames": "x"}}),
    ("/v1/segment", {"content": NO_END, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    ("/v1/jobs", {"files": parts(b"x"), "data": {"model": "other"}}),
    ("/v1/jobs", {"files": parts(b"no picture")}),
    ("/v2/models/tiny/infer", {"content": b"[" * 1000}),
]


def test_what_failed_holds_nothing(open_service, run):
    async def work():
        async with open_service() as client:
            for path, arguments in WRONG:
                answer = await client.post(path, **arguments)
                if answer.status_code == 202:
                    await ended(client, answer.headers["Location"])
                assert client.app.state.service.memory.held == 0, path

    run(work())


def test_tensors_and_results_count(open_service, run, frames):
    content = frames[0].read_bytes()

    async def work():
        async with open_service() as client:
            service = client.app.state.service
            created = await client.post("/v1/jobs", files=parts(content))
            await ended(client, created.headers["Location"])
            held = service.memory.held
            service.memory.most = service.jobs.memory.held + 100
            result = await client.get(created.headers["Location"] + "/result")
            shape = service.model().predictor.metadata.input_shape
            numbers = np.zeros(shape).ravel().tolist()
            tensor = {"name": "image", "shape": [1, *shape], "datatype": "FP32", "data": numbers}
            inferred = await client.post("/v2/models/tiny/infer", json={"inputs": [tensor]})
            return held, result, inferred, service.memory.held

    held, result, inferred, after = run(work())
    assert held == after > 0
    assert kind(result) == (429, "memory")
    assert inferred.status_code == 413


@contextmanager
def limited(limit: int, value: int):
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(limit, (soft, hard))


def test_a_machine_without_memory_or_descriptors_is_no_fault():
    memory = Memory(10**6)
    with limited(resource.RLIMIT_NOFILE, 3):
        problem = refused(Upload, memory)
    assert (problem.status, problem.kind) == (503, "no-memory")
    with Upload(memory) as upload, limited(resource.RLIMIT_FSIZE, 1000):
        assert refused(upload.write, b"x" * 5000).status == 503
    assert memory.held == 0
