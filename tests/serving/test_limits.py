import asyncio
import json

import pytest

from trus.serving.guards import limits


async def echo(request):
    """A route that reads its body."""
    return len(await request.body())


def add_echo(client):
    from fastapi import Request

    async def route(request: Request):
        return await echo(request)

    client.app.add_api_route("/echo", route, methods=["POST"])


async def pieces(*sizes, pause=0.0):
    for size in sizes:
        await asyncio.sleep(pause)
        yield b"x" * size


def post(open_service, run, content, headers=None, **settings):
    async def scenario():
        async with open_service(**settings) as client:
            add_echo(client)
            return await client.post("/echo", content=content, headers=headers)

    return run(scenario())


def test_a_body_at_the_limit_is_read(open_service, run):
    assert post(open_service, run, b"x" * 1000, max_bytes=1000).json() == 1000


def test_a_longer_body_is_refused_before_it_is_read(open_service, run):
    async def never():
        raise AssertionError("was read")
        yield

    answer = post(open_service, run, never(), {"Content-Length": "1001"}, max_bytes=1000)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:trus:problem:body")


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(open_service, run):
    answer = post(open_service, run, pieces(600, 600, 600), max_bytes=1000)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:trus:problem:body")


def test_a_body_that_drips_is_given_up(open_service, run, monkeypatch):
    monkeypatch.setattr(limits, "BODY_GRACE_S", 0.05)
    monkeypatch.setattr(limits, "BODY_RATE", 1e9)
    answer = post(open_service, run, pieces(*[1] * 100, pause=0.02))

    assert (answer.status_code, answer.json()["type"]) == (408, "urn:trus:problem:too-slow")


def test_a_slow_body_that_keeps_its_rate_is_read(open_service, run, monkeypatch):
    monkeypatch.setattr(limits, "BODY_GRACE_S", 0.5)
    monkeypatch.setattr(limits, "BODY_RATE", 1)

    assert post(open_service, run, pieces(*[50] * 4, pause=0.2)).json() == 200


@pytest.mark.parametrize("headers", [{"X-Long": "x" * 40_000}, {f"X-{i}": "x" for i in range(120)}])
def test_a_long_header_is_refused(open_service, run, headers):
    assert post(open_service, run, b"", headers).status_code == 431


def test_more_requests_than_can_be_queued_are_refused_before_their_body_is_read(open_service, run):
    """One model and queue=2: 2 places at it, 2 for decoding in turn and 1 in a decoder."""

    async def scenario():
        async with open_service(queue=2) as client:
            gate = asyncio.Event()

            async def wait():
                await gate.wait()

            client.app.add_api_route("/wait", wait, methods=["POST"])
            waiting = [asyncio.create_task(client.post("/wait")) for _ in range(5)]
            await asyncio.sleep(0.05)
            refused, asked = await client.post("/wait"), await client.get("/v1/models")
            gate.set()
            await asyncio.gather(*waiting)
            return refused, asked.status_code, [task.result().status_code for task in waiting]

    refused, asked, answered = run(scenario())

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert asked == 200
    assert answered == [200] * 5


def test_a_frame_without_a_place_at_any_model_is_refused_before_its_body_is_read(open_service, run):
    read = []

    async def body():
        read.append(1)
        yield b"x"

    async def scenario():
        async with open_service(queue=2) as client:
            engine = client.app.state.service.models["tiny"].engine
            with engine.place():
                first = await client.post("/v1/segment", content=body(), headers={"content-type": "image/png"})
                with engine.place():
                    refused = await client.post("/v1/segment", content=body(), headers={"content-type": "image/png"})
            return first.status_code, refused

    first, refused = run(scenario())

    assert first == 415
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:trus:problem:queue-full")
    assert refused.headers["retry-after"] == "1"
    assert len(read) == 1


def test_while_draining_new_work_is_refused_and_questions_are_answered(open_service, run):
    async def scenario():
        async with open_service() as client:
            add_echo(client)
            client.app.state.service.drain()
            return [await client.post("/echo"), await client.get("/readyz"), await client.get("/v1/models")]

    refused, unready, asked = run(scenario())

    assert [answer.status_code for answer in (refused, unready, asked)] == [503, 503, 200]
    assert refused.headers["retry-after"] == "5"
    assert all(answer.headers["connection"] == "close" for answer in (refused, unready, asked))


def test_work_taken_before_draining_is_answered(open_service, run):
    async def scenario():
        async with open_service() as client:
            service, gate = client.app.state.service, asyncio.Event()

            async def work():
                await gate.wait()
                return await service.model().engine.run(lambda predictor, cancelled: "done")

            client.app.add_api_route("/work", work, methods=["POST"])
            taken = asyncio.create_task(client.post("/work"))
            await asyncio.sleep(0.05)
            service.drain()
            busy = service.busy
            gate.set()
            return busy, (await taken).json(), service.busy

    assert run(scenario()) == (True, "done", False)


def test_refusals_are_counted_by_reason(open_service, run):
    async def scenario():
        async with open_service(max_bytes=10) as client:
            await client.post("/v1/models", content=json.dumps("x" * 100))
            return (await client.get("/metrics")).text

    assert 'trus_rejections_total{reason="body"} 1.0' in run(scenario())


def test_a_queue_of_one_serves_one_after_the_other(open_service, run, frames, held_up):
    async def scenario():
        async with open_service(queue=1) as client:
            upload = {"files": {"file": frames[0].read_bytes()}}
            alone = [(await client.post("/v1/segment", **upload)).status_code for _ in range(2)]
            engaged = held_up(client)
            await asyncio.sleep(0)
            refused = await client.post("/v1/segment", **upload)
            held_up.release()
            await engaged
            return alone, refused.status_code, (await client.post("/v1/segment", **upload)).status_code

    assert run(scenario()) == ([200, 200], 429, 200)
