"""Jobs over the real application: what comes out, who sees it, what is refused, and how it ends."""

import hashlib
import io
import zipfile

import numpy as np
from PIL import Image

from tests.serving.job_client import ended, parts, until
from trus.data.annotations.rle import decode, decompress
from trus.inference.predictor import open_predictor

TOKEN, OTHER = "a-token-of-the-first-group", "a-token-of-the-second-one"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_batch_gives_what_predict_gives_as_json_and_as_masks(open_service, run, frames, tiny_model):
    async def work():
        async with open_service() as client:
            created = await client.post("/v1/jobs", files=parts(*(path.read_bytes() for path in frames)))
            document = await ended(client, created.headers["Location"])
            result = await client.get(created.headers["Location"] + "/result")
            archive = await client.get(created.headers["Location"] + "/result", headers={"Accept": "application/zip"})
            return created, document, result, archive

    created, document, result, archive = run(work())
    assert created.status_code == 202
    assert created.headers["Location"] == f"/v1/jobs/{document['id']}"
    assert (document["state"], document["frames_done"], document["frames_total"]) == ("finished", 3, 3)
    assert [file["state"] for file in document["files"]] == ["finished"] * 3
    assert (result.headers["content-type"], archive.headers["content-type"]) == ("application/json", "application/zip")
    predictor = open_predictor(tiny_model.onnx, 1)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as inside:
        assert inside.read("result.json") == result.content
        for number, path in enumerate(frames):
            expected = predictor.predict(np.asarray(Image.open(path))).labels
            mask = np.asarray(Image.open(io.BytesIO(inside.read(f"masks/file00{number}_frame0000.png"))))
            np.testing.assert_array_equal(mask, expected)
            (frame,) = result.json()["files"][number]["frames"]
            lesion = next(each for each in frame["classes"] if each["name"] == "lesion")
            rle = decode(decompress(lesion["rle"]["counts"]), tuple(lesion["rle"]["size"]))
            np.testing.assert_array_equal(rle, expected == 2)


def test_nothing_of_file_names_is_said_anywhere(open_service, run, frames):
    async def work():
        async with open_service() as client:
            created = await client.post("/v1/jobs", files=parts(frames[0].read_bytes(), b"MUELLER"))
            await ended(client, created.headers["Location"])
            answers = [created, await client.get("/v1/jobs"), await client.get(created.headers["Location"] + "/result")]
            return b"".join(answer.content for answer in answers)

    assert b"MUELLER" not in run(work())


def test_a_bad_file_fails_alone(open_service, run, frames):
    good = frames[0].read_bytes()

    async def work():
        async with open_service() as client:
            created = await client.post("/v1/jobs", files=parts(b"no picture", good, good[:300]))
            document = await ended(client, created.headers["Location"])
            return document, (await client.get(created.headers["Location"] + "/result")).json()

    document, result = run(work())
    assert document["state"] == "finished"
    assert [file["state"] for file in document["files"]] == ["failed", "finished", "failed"]
    assert [file["error"] and file["error"]["status"] for file in result["files"]] == [415, None, 422]
    assert [len(file["frames"]) for file in result["files"]] == [0, 1, 0]


def test_without_a_good_file_the_job_failed_and_says_why_of_each(open_service, run):
    async def work():
        async with open_service() as client:
            created = await client.post("/v1/jobs", files=parts(b"no picture", b"no picture either"))
            document = await ended(client, created.headers["Location"])
            return document, await client.get(created.headers["Location"] + "/result")

    document, result = run(work())
    assert (document["state"], document["frames_total"], document["eta_s"]) == ("failed", 0, None)
    assert result.status_code == 200
    assert [file["error"]["status"] for file in result.json()["files"]] == [415, 415]


def test_callers_see_only_their_own_jobs(open_service, run, frames):
    async def work():
        async with open_service(tokens=(digest(TOKEN), digest(OTHER))) as client:
            mine = {"headers": bearer(TOKEN)}
            created = await client.post("/v1/jobs", files=parts(frames[0].read_bytes()), **mine)
            location = created.headers["Location"]
            await ended(client, location, **mine)
            foreign = {"headers": bearer(OTHER)}
            seen = [
                await client.get(location, **foreign),
                await client.get(location + "/result", **foreign),
                await client.delete(location, **foreign),
                await client.get(location),
            ]
            lists = [(await client.get("/v1/jobs", headers=bearer(token))).json()["jobs"] for token in (TOKEN, OTHER)]
            return seen, lists

    seen, (mine, theirs) = run(work())
    assert [answer.status_code for answer in seen] == [404, 404, 404, 401]
    assert (len(mine), theirs) == (1, [])


def test_a_job_that_is_deleted_stops_and_is_forgotten(open_service, run, frames, held_up):
    async def work():
        async with open_service() as client:
            jobs = client.app.state.service.jobs
            engaged = held_up(client)
            locations = [
                (await client.post("/v1/jobs", files=parts(frames[0].read_bytes()))).headers["Location"]
                for _ in range(3)
            ]
            await until(lambda: client.app.state.service.model().engine.depth == 2)
            early = await client.get(locations[0] + "/result")
            states = [job["state"] for job in (await client.get("/v1/jobs")).json()["jobs"]]
            deleted = [await client.delete(location) for location in locations[:2]]
            gone = [await client.get(location) for location in locations[:2]]
            held_up.release()
            await engaged
            last = await ended(client, locations[2])
            before = jobs.memory.held
            await client.delete(locations[2])
            return early, states, deleted, gone, last, before, jobs.memory.held

    early, states, deleted, gone, last, before, after = run(work())
    assert (early.status_code, early.headers["retry-after"]) == (409, "1")
    assert states == ["running", "waiting", "waiting"]
    assert [answer.status_code for answer in deleted] == [204, 204]
    assert [answer.status_code for answer in gone] == [404, 404]
    assert last["state"] == "finished"
    assert before > 0
    assert after == 0


def test_a_single_request_waits_for_one_frame_of_a_job_at_most(open_service, run, frames):
    """Ten frames in a job; a request that comes while the first is in work is the second thing done."""

    async def work():
        async with open_service() as client:
            engine = client.app.state.service.model().engine
            order, original = [], engine.run

            async def noted(work, *arguments):
                def seen(predictor, cancelled):
                    order.append("single" if work is single else "job")
                    return work(predictor, cancelled)

                return await original(seen, *arguments)

            def single(_predictor, _cancelled):
                return None

            engine.run = noted
            created = await client.post("/v1/jobs", files=parts(*[frames[0].read_bytes()] * 10))
            await until(lambda: "job" in order)
            await engine.run(single)
            await ended(client, created.headers["Location"])
            return order

    order = run(work())
    assert order.count("job") == 10
    assert order.index("single") <= 3


WRONG = [
    ({"files": [("frames", (None, "0"))]}, 422),
    ({"files": parts(b"x"), "data": {"threshold": "2"}}, 422),
    ({"files": parts(b"x"), "data": {"model": "other"}}, 404),
    ({"files": parts(b"x"), "data": {"classes": "other"}}, 422),
    ({"files": parts(b"x"), "data": {"frames": "0-999999"}}, 422),
    ({"files": [("other", b"x")]}, 422),
    ({"data": {"frames": "0"}}, 415),
    ({"files": parts(*[b"x"] * 257)}, 422),
]


def test_wrong_requests_are_refused_at_once(open_service, run):
    async def work():
        async with open_service() as client:
            answers = [await client.post("/v1/jobs", **arguments) for arguments, _ in WRONG]
            return answers, client.app.state.service.jobs.of("")

    answers, jobs = run(work())
    assert [answer.status_code for answer in answers] == [status for _, status in WRONG]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert jobs == []
