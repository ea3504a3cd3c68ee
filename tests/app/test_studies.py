"""Opened files: what the pages are told of them, their pictures, their results, and their end."""

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.app.results import quantised
from trus.app.studies.store import MOST_STUDIES, Studies
from trus.data.images import read_frame
from trus.inference.predictor import OnnxPredictor

from ..dicom_region import region_item
from .in_process import API, unpack


@pytest.fixture
def png(dataset) -> bytes:
    return (dataset / "images" / "p2_0.png").read_bytes()


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(content)))


def encoded(image: np.ndarray, kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def clip(tmp_path, frames: int, kind: str = "avi") -> bytes:
    """Grey frames whose level is ten times their number."""
    path = tmp_path / f"clip.{kind}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*("MJPG" if kind == "avi" else "mp4v")), 10, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    return path.read_bytes()


def test_a_file_is_described(browser, png, make_us_dicom):
    region = region_item((10, 20, 90, 70))
    dicom = make_us_dicom([np.zeros((80, 96), np.uint8)] * 3, SequenceOfUltrasoundRegions=[region])
    still, multi = browser.open(png), browser.open(dicom)
    assert still | {"id": ""} == {
        "id": "",
        "kind": "png",
        "frames": 1,
        "size": [80, 96],
        "spacing": None,
        "spacing_note": "a picture file does not say how large a pixel is",
        "regions": [],
        "sha256": hashlib.sha256(png).hexdigest(),
    }
    assert (multi["kind"], multi["frames"]) == ("dicom", 3)
    assert multi["regions"][0]["box"] == [10, 20, 90, 70]
    assert multi["regions"][0]["spacing"] == [0.2, 0.2]


def test_frames_come_as_they_are(browser, dataset, png):
    colour = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    deep = np.linspace(1000, 3000, 600).astype(np.uint16).reshape(20, 30)
    files = png, encoded(colour, "bmp"), encoded(deep, "png")
    grey, rgb, scaled = [browser.frame(browser.open(file)) for file in files]
    assert np.array_equal(picture(grey.content), read_frame(dataset / "images" / "p2_0.png"))
    assert np.array_equal(picture(rgb.content), colour)
    assert [answer.headers["trus-range"] for answer in (grey, rgb, scaled)] == ["0,255", "0,255", "1000,3000"]
    shown = picture(scaled.content)
    assert (shown.dtype, shown.min(), shown.max()) == (np.uint8, 0, 255)
    assert np.abs(shown - (deep.astype(float) - 1000) * 255 / 2000).max() <= 0.5


def test_a_result_is_what_the_model_says(browser, tiny_model, dataset, png):
    predictor = OnnxPredictor(tiny_model.onnx, 1)
    expected = predictor.predict(read_frame(dataset / "images" / "p2_0.png"))
    study = browser.open(png)
    answer, again = browser.frame(study, 0, "/result", model="tiny"), browser.frame(study, 0, "/result")
    result = unpack(answer.content)
    assert np.array_equal(result.labels, expected.labels)
    assert np.abs(result.planes.astype(int) - quantised(expected.probabilities)).max() <= 1, "threads add otherwise"
    assert result.labels.any()
    document = result.document
    assert document["sha256"] == predictor.model_hash
    assert document["size"] == [80, 96]
    assert document["contains"] == {"gland": ["lesion"]}
    assert [target["name"] for target in document["targets"]] == ["gland", "lesion"]
    assert 0.5 < document["targets"][0]["mean_probability"] <= 1
    assert 0 <= document["targets"][0]["uncertain_share"] <= 1
    assert {*document["timings_ms"]} == {"decode", "segment"}
    assert again.content == answer.content, "kept, not computed again"


def test_a_quantised_probability_reaches_a_step_exactly_where_the_probability_does():
    steps = np.arange(1, 257) / np.float32(256)
    around = np.concatenate([np.nextafter(steps, np.float32(0)), steps, [np.float32(0), np.float32(1)]])
    found = quantised(around)
    for threshold in range(256):
        assert np.array_equal(found >= threshold, around >= threshold / 256)


def test_what_the_network_sees_lies_where_the_frame_lies(browser, make_us_dicom):
    frame = np.random.default_rng(1).integers(0, 255, (80, 96), np.uint8)
    study = browser.open(make_us_dicom([frame], SequenceOfUltrasoundRegions=[region_item((10, 20, 90, 70))]))
    answers = browser.frame(study, 0, "/preprocessed"), browser.frame(study, 0, "/preprocessed", region="file")
    whole, part = (picture(answer.content) for answer in answers)
    assert whole.shape == part.shape == (80, 96)
    assert np.corrcoef(cv2.GaussianBlur(frame, (0, 0), 2).ravel(), whole.ravel())[0, 1] > 0.5
    assert not part[:20].any()
    assert not part[:, :10].any()
    assert part[20:70, 10:90].any()


def test_the_region_is_chosen_as_in_the_web_api(browser, make_us_dicom):
    frame, region = np.full((80, 96), 90, np.uint8), region_item((10, 20, 90, 70))
    study = browser.open(make_us_dicom([frame], SequenceOfUltrasoundRegions=[region]))
    found = [browser.frame(study, 0, "/result", region=region) for region in ("auto", "file", "whole")]
    assert [unpack(answer.content).document["boxes"] for answer in found] == [[], [[10, 20, 90, 70]], []]
    assert unpack(found[0].content).document["notes"]
    outside = browser.frame(study, 0, "/result", region="0,0,999,9")
    assert (outside.status_code, outside.json()["type"]) == (422, "urn:trus:problem:parameters")


@pytest.mark.parametrize("kind", ["avi", "mp4"])
def test_any_frame_of_a_clip_can_be_had_in_any_order(browser, tmp_path, kind):
    study = browser.open(clip(tmp_path, 24, kind))
    assert study["frames"] == 24
    numbers = [23, 0, 12, 11, 3, 22, 23]
    with ThreadPoolExecutor(len(numbers)) as tabs:
        answers = list(tabs.map(lambda number: browser.frame(study, number), numbers))
    for number, answer in zip(numbers, answers, strict=True):
        assert answer.status_code == 200
        assert abs(float(picture(answer.content).mean()) - 10 * number) < 4
    missing = browser.frame(study, 24)
    assert (missing.status_code, missing.json()["type"]) == (422, "urn:trus:problem:no-such-frame")


def test_a_frame_that_cannot_be_decoded_fails_alone(open_application, run, make_us_dicom, monkeypatch):
    """The third frame's decoder is ended; those before and behind it come."""
    content = make_us_dicom([np.full((8, 8), number, np.uint8) for number in range(6)])

    async def scenario():
        async with open_application() as browser:
            decoder = browser.app.service.decoder
            usual = decoder.answer

            async def broken(connection):
                about, payload = await usual(connection)
                if about.get("number") == 2:
                    connection.close()
                    raise OSError
                return about, payload

            monkeypatch.setattr(decoder, "answer", broken)
            study = await browser.open(content)
            return await asyncio.gather(*(browser.frame(study, number) for number in range(6)))

    answers = run(scenario())
    assert [answer.status_code for answer in answers] == [200, 200, 422, 200, 200, 200]
    assert [picture(answers[number].content).max() for number in (0, 1, 3, 4, 5)] == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 422, "unreadable-file"),
        (b"just text", 415, "unsupported-file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), 422, "unreadable-file"),
    ],
)
def test_what_is_no_picture_is_refused(browser, content, status, kind):
    answer = browser.post(f"{API}/studies", content=content)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:trus:problem:{kind}")


def test_limits_of_the_service_hold(open_application, run, make_us_dicom):
    large, long = encoded(np.zeros((50, 50), np.uint8), "png"), make_us_dicom([np.zeros((8, 8), np.uint8)] * 9)

    async def scenario():
        async with open_application(max_pixels=2000, max_frames=8, max_bytes=5000, max_memory=20000) as browser:
            return [await browser.post(f"{API}/studies", content=each) for each in (large, long, bytes(6000))]

    assert [answer.status_code for answer in run(scenario())] == [413, 413, 413]


def test_a_study_is_its_browsers_own(open_application, run, png):
    async def scenario():
        async with open_application() as browser, browser.stranger() as other:
            await other.come_in()
            study = await browser.open(png)
            address = f"{API}/studies/{study['id']}"
            refused = await other.get(address), await other.frame(study), await other.delete(address)
            return refused, await browser.get(address)

    refused, own = run(scenario())
    assert {answer.json()["type"] for answer in refused} == {"urn:trus:problem:no-such-study"}
    assert own.status_code == 200


def test_what_is_deleted_is_gone(open_application, run, png):
    async def scenario():
        async with open_application() as browser:
            refused = await browser.post(f"{API}/studies", content=png[:-50])
            assert (refused.status_code, browser.app.service.memory.held) == (422, 0)
            study = await browser.open(png)
            await browser.frame(study, 0, "/result")
            held = browser.app.service.memory.held
            deleted = await browser.delete(f"{API}/studies/{study['id']}")
            return held, deleted, await browser.frame(study), browser.app.service.memory.held

    held, deleted, after, held_after = run(scenario())
    assert held > len(png)
    assert deleted.status_code == 204
    assert (after.status_code, after.json()["type"]) == (404, "urn:trus:problem:no-such-study")
    assert held_after == 0


def test_a_file_that_is_deleted_in_the_midst_of_work_leaves_nothing(open_application, run, png, make_us_dicom):
    clip = make_us_dicom([np.full((64, 64), number, np.uint8) for number in range(40)])
    release = threading.Event()

    async def scenario():
        async with open_application() as browser:
            still, multi = await browser.open(png), await browser.open(clip)
            engine = browser.app.service.model().engine
            busy = asyncio.create_task(engine.run(lambda _predictor, _cancelled: release.wait(20)))
            works = [asyncio.create_task(browser.frame(still, 0, "/result"))]
            works += [asyncio.create_task(browser.frame(multi, number)) for number in (39, 20, 5)]
            await asyncio.sleep(0.05)
            for study in (still, multi):
                await browser.delete(f"{API}/studies/{study['id']}")
            release.set()
            await busy
            codes = [answer.status_code for answer in await asyncio.gather(*works)]
            return codes, browser.app.service.memory.held, browser.app.service.decoder._server is not None

    codes, held, alive = run(scenario())
    assert {*codes} <= {200, 404}
    assert (held, alive) == (0, True)


def test_a_result_that_nobody_waits_for_is_not_computed(open_application, run, png):
    """The page shows another frame meanwhile and has closed its request."""
    release, left, sent = threading.Event(), asyncio.Event(), []

    async def receive():
        if left.is_set():
            return {"type": "http.disconnect"}
        left.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    async def scenario():
        async with open_application() as browser:
            study = await browser.open(png)
            engine = browser.app.service.model().engine
            busy = asyncio.create_task(engine.run(lambda _predictor, _cancelled: release.wait(20)))
            await asyncio.sleep(0)
            name, value = next(iter(browser.cookies.items()))
            scope = {
                "type": "http",
                "method": "GET",
                "path": f"{API}/studies/{study['id']}/frames/0/result",
                "query_string": b"",
                "headers": [(b"host", b"127.0.0.1:8321"), (b"cookie", f"{name}={value}".encode())],
                "server": ("127.0.0.1", 8321),
            }
            await asyncio.wait_for(browser.asgi(scope, receive, send), 20)
            waiting = engine.depth
            release.set()
            await busy
            return waiting

    assert run(scenario()) == 1, "the one in work"
    assert sent == []


def test_a_page_that_is_closed_leaves_nothing(open_application, run, png):
    async def scenario():
        async with open_application() as browser, browser.stranger() as other:
            await other.come_in()
            studies = [await browser.open(png) for _ in range(3)]
            ids = [study["id"] for study in studies]
            await other.post(f"{API}/leave", json={"studies": ids})
            left = await browser.post(f"{API}/leave", json={"studies": [*ids[:2], "unknown"]})
            odd = await browser.post(f"{API}/leave", content=b"odd"), await browser.post(f"{API}/leave")
            codes = [(await browser.get(f"{API}/studies/{each}")).status_code for each in ids]
            return left.status_code, [answer.status_code for answer in odd], codes

    assert run(scenario()) == (204, [422, 204], [404, 404, 200])


def test_a_study_that_nobody_looks_at_is_dropped(open_application, run, png, monkeypatch):
    monkeypatch.setattr("trus.app.studies.store.IDLE_S", 0.0)

    async def scenario():
        async with open_application() as browser:
            await browser.open(png)
            studies = browser.app.studies
            assert studies._studies
            studies._clock = lambda: 1e12
            studies._expire()
            return studies._studies, studies._timer, browser.app.service.memory.held

    assert run(scenario()) == ({}, None, 0)


def test_the_timer_waits_for_the_next_study_that_is_due(open_application, run, png):
    async def scenario():
        async with open_application() as browser:
            studies: Studies = browser.app.studies
            now = studies._clock()
            studies._clock = lambda: now
            first = await browser.open(png)
            studies._clock = lambda: now + 1000
            second = await browser.open(png)
            studies._clock = lambda: now + 1801
            studies._expire()
            left = [*studies._studies]
            return left == [second["id"]] and first["id"] not in left, studies._timer is not None

    assert run(scenario()) == (True, True)


def test_of_too_many_studies_the_one_idle_longest_goes(open_application, run, png, monkeypatch):
    assert MOST_STUDIES >= 100
    monkeypatch.setattr("trus.app.studies.store.MOST_STUDIES", 2)

    async def scenario():
        async with open_application() as browser:
            opened = [await browser.open(png) for _ in range(2)]
            await browser.frame(opened[0])
            opened.append(await browser.open(png))
            return [(await browser.get(f"{API}/studies/{study['id']}")).status_code for study in opened]

    assert run(scenario()) == [200, 404, 200]


def test_where_memory_is_full_idle_studies_make_room(open_application, run):
    noise = np.random.default_rng(0).integers(0, 255, (100, 100), np.uint8)
    content = encoded(noise, "png")
    assert len(content) > 10_000

    async def scenario():
        async with open_application(max_bytes=12_000, max_memory=120_000) as browser:
            opened = [await browser.open(content) for _ in range(8)]
            codes = [(await browser.get(f"{API}/studies/{study['id']}")).status_code for study in opened]
            frame = await browser.frame(opened[-1], 0, "/result")
            return codes, frame.status_code, browser.app.service.memory.held

    codes, status, held = run(scenario())
    assert codes == [404] * 3 + [200] * 5
    assert status == 200
    assert held <= 120_000


def test_memory_that_others_hold_is_a_problem_to_try_again(open_application, run, png):
    async def scenario():
        async with open_application(max_bytes=20_000, max_memory=40_000) as browser:
            browser.app.service.memory.count(39_999)
            return await browser.post(f"{API}/studies", content=png)

    answer = run(scenario())
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:trus:problem:memory")
    assert answer.headers["retry-after"]


def test_a_service_that_shuts_down_says_so(open_application, run, png):
    async def scenario():
        async with open_application() as browser:
            study = await browser.open(png)
            browser.app.service.drain()
            posted = await browser.post(f"{API}/studies", content=png)
            return posted, await browser.frame(study, 0, "/result"), await browser.get(f"{API}/session")

    for answer in run(scenario()):
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:trus:problem:draining")
        assert answer.headers["retry-after"]


def test_results_are_compressed_for_other_computers_only(open_application, run, png):
    async def scenario(local):
        async with open_application(local=local, tokens=()) as browser:
            return await browser.frame(await browser.open(png), 0, "/result")

    remote, local = run(scenario(False)), run(scenario(True))
    assert remote.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in local.headers
    assert np.array_equal(unpack(remote.content).planes, unpack(local.content).planes)
