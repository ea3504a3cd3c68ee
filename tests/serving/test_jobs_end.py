"""How jobs end other than well: full queues, limits, expiry, faults, a server that stops."""

import asyncio
import signal
import threading
from dataclasses import replace

import httpx

from tests.serving.job_client import ended, parts, until
from trus.serving.jobs import documents, running
from trus.serving.routes import jobs as routes


def test_a_full_queue_holds_a_job_up_but_does_not_fail_it(open_service, run, frames, held_up):
    async def work():
        async with open_service(queue=2) as client:
            engaged = [held_up(client), held_up(client)]
            created = await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))
            await until(lambda: client.app.state.service.jobs.of("")[0].files[0].frames_total)
            held_up.release()
            await asyncio.gather(*engaged)
            return await ended(client, created.headers["Location"])

    assert run(work())["state"] == "finished"


def test_too_many_jobs_files_or_bytes_are_refused(open_service, run, frames, held_up):
    content = frames[0].read_bytes()

    async def work():
        async with open_service() as client:
            jobs = client.app.state.service.jobs
            plenty = jobs.limits
            engaged = held_up(client)
            jobs.limits = replace(plenty, jobs=2)
            answers = [await client.post("/v1/jobs", files=parts(content)) for _ in range(3)]
            jobs.limits, jobs.memory.most = plenty, jobs.memory.held + len(content) // 2
            answers.append(await client.post("/v1/jobs", files=parts(content)))
            jobs.limits, jobs.memory.most = replace(plenty, open_files=3), jobs.memory.most * 10
            answers.append(await client.post("/v1/jobs", files=parts(content, content)))
            jobs.limits = replace(plenty, incoming=0)
            answers.append(await client.post("/v1/jobs", files=parts(content)))
            held_up.release()
            await engaged
            return answers

    answers = run(work())
    assert [answer.status_code for answer in answers] == [202, 202, 429, 429, 429, 429]
    reasons = ["too-many-jobs", "jobs-memory", "too-many-files", "too-many-jobs"]
    assert [answer.json()["type"].rpartition(":")[2] for answer in answers[2:]] == reasons
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers[2:])


def test_results_that_outgrow_the_memory_end_the_job(open_service, run, frames):
    content = frames[0].read_bytes()

    async def work():
        async with open_service() as client:
            jobs = client.app.state.service.jobs
            jobs.memory.most = len(content) + 900
            created = await client.post("/v1/jobs", files=parts(content))
            document = await ended(client, created.headers["Location"])
            return document, await client.get(created.headers["Location"] + "/result"), jobs.memory.held

    document, result, held = run(work())
    assert (document["state"], document["error"]["status"], document["frames_done"]) == ("failed", 429, 0)
    assert (result.status_code, held) == (409, 0)


def test_a_result_that_is_being_made_outlives_its_job(open_service, run, frames, monkeypatch):
    begun, deleted = threading.Event(), threading.Event()

    def slowly(job, media_type):
        begun.set()
        deleted.wait(20)
        return documents.render(job, media_type)

    monkeypatch.setattr(routes, "render", slowly)

    async def work():
        async with open_service() as client:
            memory = client.app.state.service.memory
            location = (await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))).headers["Location"]
            await ended(client, location)
            held = memory.held
            answer = asyncio.create_task(client.get(location + "/result", headers={"Accept": "application/zip"}))
            await until(begun.is_set)
            await client.delete(location)
            meanwhile = memory.held
            deleted.set()
            return held, meanwhile, await answer, memory.held

    held, meanwhile, answer, after = run(work())
    assert answer.status_code == 200
    assert held == meanwhile > after == 0


def test_results_expire(open_service, run, frames):
    async def work():
        async with open_service() as client:
            jobs = client.app.state.service.jobs
            jobs.limits = replace(jobs.limits, keep_s=0.05)
            created = await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))
            await until(lambda: not jobs.of(""))
            return await client.get(created.headers["Location"]), await client.get("/v1/jobs/unknown"), jobs.memory.held

    expired, unknown, held = run(work())
    assert (expired.status_code, unknown.status_code, held) == (410, 404, 0)


def test_a_stopping_server_cancels_jobs_and_says_so(open_service, run, frames, held_up):
    async def work():
        async with open_service() as client:
            service = client.app.state.service
            engaged = held_up(client)
            location = (await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))).headers["Location"]
            service.drain()
            document = await ended(client, location)
            result = await client.get(location + "/result")
            refused = await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))
            held_up.release()
            await engaged
            return document, result, refused

    document, result, refused = run(work())
    assert (document["state"], document["error"]["title"]) == ("cancelled", "Cancelled")
    assert "the server is stopping" in document["error"]["detail"]
    assert (result.status_code, refused.status_code) == (409, 503)


def test_a_fault_of_the_service_ends_one_job_and_not_the_next(open_service, run, frames, monkeypatch):
    async def work():
        async with open_service() as client:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
            with monkeypatch.context() as patch:
                patch.setattr(running, "encode_mask", lambda labels: labels.missing)
                first = (await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))).headers["Location"]
                broken = await ended(client, first)
            second = (await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))).headers["Location"]
            return broken, await ended(client, second)

    faults: list[Exception] = []
    broken, fine = run(work())
    assert (broken["state"], broken["error"]["status"], fine["state"]) == ("failed", 500, "finished")
    assert [type(fault) for fault in faults] == [AttributeError]


def test_a_stopping_process_does_not_wait_for_its_jobs(start_service, frames):
    running = start_service()
    created = httpx.post(f"{running.address}/v1/jobs", files=parts(*[frames[0].read_bytes()] * 250), timeout=30)
    running.process.send_signal(signal.SIGTERM)
    document = httpx.get(running.address + created.headers["Location"], timeout=30).json()
    code, log = running.end()
    assert (document["state"], document["error"]["status"], code) == ("cancelled", 503, 0)
    assert document["frames_done"] < 250
    assert "fault" not in log
    assert "MUELLER" not in log
