"""Exports over the service: each format is read back by the project's own reader and by another one."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from trus.app.exports.names import disposition, safe_stem, stems
from trus.data.annotations import format_named
from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.objects import compose
from trus.data.classes import Classes

from .. import conftest
from .exporting import MODEL_CLASSES, export, frame_of, png, problem
from .in_process import API, unpack


@pytest.fixture(scope="module")
def drawn() -> list[tuple[np.ndarray, np.ndarray]]:
    """Two frames (H, W) with their masks."""
    return [conftest.draw_frame(seed, shape) for seed, shape in ((1, (80, 96)), (2, (88, 112)))]


def test_a_mask_is_a_png_of_its_label_values(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[0][0]))
            return await export(browser, "mask", [frame_of(study, drawn[0][1], "../Mr. X/scan 1.png")])

    answer = run(asked())
    assert answer.headers["content-type"] == "image/png"
    assert 'filename="scan_1_mask.png"' in answer.headers["content-disposition"]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), drawn[0][1])


def test_many_masks_are_an_archive_that_the_project_reads_again(open_application, run, drawn, tmp_path):
    async def asked():
        async with open_application() as browser:
            frames = [frame_of({"id": None}, labels, "a.png", size=labels.shape) for _, labels in drawn]
            return await export(browser, "mask", frames)

    zipfile.ZipFile(io.BytesIO(run(asked()).content)).extractall(tmp_path)
    assert Classes.load(tmp_path / "classes.json") == MODEL_CLASSES
    found = format_named("masks").read(tmp_path, ReadOptions()).frames
    assert [frame.name for frame in found] == ["a-2.png", "a.png"]
    np.testing.assert_array_equal(compose(found[1].draw(), MODEL_CLASSES, (80, 96))[0], drawn[0][1])


def test_an_overlay_shows_the_frame_and_the_outlines(open_application, run, drawn):
    image, labels = drawn[0]

    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(image))
            return await export(browser, "overlay", [frame_of(study, labels), frame_of(study, labels * 0)])

    with zipfile.ZipFile(io.BytesIO(run(asked()).content)) as archive:
        first, second = (np.asarray(Image.open(archive.open(name))) for name in archive.namelist())
    np.testing.assert_array_equal(second, np.repeat(image[..., None], 3, 2))
    assert (first != second).any(axis=2)[labels > 0].mean() > 0.9
    np.testing.assert_array_equal(first[:5], second[:5])


@pytest.mark.parametrize("geometry", ["rle", "polygon"])
def test_coco_is_read_by_pycocotools_and_by_the_import(open_application, run, drawn, tmp_path, geometry):
    from pycocotools.coco import COCO

    async def asked():
        async with open_application() as browser:
            studies = [await browser.open(png(image)) for image, _ in drawn]
            pairs = zip(studies, drawn, strict=True)
            frames = [frame_of(study, labels, f"{i}.png") for i, (study, (_, labels)) in enumerate(pairs)]
            return await export(browser, "coco", frames, geometry=geometry, tolerance=0)

    zipfile.ZipFile(io.BytesIO(run(asked()).content)).extractall(tmp_path)
    coco = COCO(tmp_path / "annotations.json")
    assert len(coco.getImgIds()) == 2
    for number, (image, labels) in enumerate(drawn, 1):
        held = np.asarray(Image.open(tmp_path / "images" / coco.imgs[number]["file_name"]))
        np.testing.assert_array_equal(held, image)
        glands = [coco.annToMask(a) for a in coco.loadAnns(coco.getAnnIds([number], [1]))]
        np.testing.assert_array_equal(np.any(glands, axis=0), labels > 0)
    found = format_named("coco").read(tmp_path, ReadOptions(classes=MODEL_CLASSES)).frames
    np.testing.assert_array_equal(compose(found[0].draw(), MODEL_CLASSES, (80, 96))[0], drawn[0][1])


def test_coco_without_pictures_needs_no_file(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            frames = [frame_of({"id": "gone"}, labels, size=labels.shape) for _, labels in drawn]
            return await export(browser, "coco", frames, pictures=False)

    document = json.loads(run(asked()).content)
    assert [image["height"] for image in document["images"]] == [80, 88]


def test_labelme_is_read_by_the_import(open_application, run, drawn, tmp_path):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[1][0]))
            return await export(browser, "labelme", [frame_of(study, drawn[1][1], "Иванов.tif")])

    zipfile.ZipFile(io.BytesIO(run(asked()).content)).extractall(tmp_path)
    (found,) = format_named("labelme").read(tmp_path, ReadOptions(classes=MODEL_CLASSES)).frames
    assert found.name == "Иванов.png"
    np.testing.assert_array_equal(compose(found.draw(), MODEL_CLASSES, (88, 112))[0], drawn[1][1])


def test_the_table_has_a_row_a_class_and_measurement(open_application, run):
    labels = np.zeros((100, 120), np.uint8)
    labels[20:60, 30:90] = 1
    labels[30:40, 40:60] = 2
    measured = [{"kind": "calliper", "value": 12.34567, "unit": "mm", "spacing_source": "stated"}]
    more = {"size": labels.shape, "spacing": [0.2, 0.1], "stated": True, "patient_id": "=1+1", "measurements": measured}

    async def asked():
        async with open_application() as browser:
            frame = frame_of({"id": None}, labels, mean_probability={"gland": 0.9}, **more)
            return await export(browser, "csv", [frame])

    found = pd.read_csv(io.BytesIO(run(asked()).content))
    gland, lesion, calliper = (row for _, row in found.iterrows())
    assert (gland["class"], gland["area_px"], gland["area_mm2"], gland["components"]) == ("gland", 2400, 48.0, 1)
    assert (lesion["area_px"], lesion["threshold"]) == (200, 0.375)
    assert gland["mean_probability"] == 0.9
    assert gland["widest_mm"] == pytest.approx(np.hypot(60 * 0.1, 40 * 0.2), rel=0.02)
    assert gland["spacing_note"] == "stated by the user"
    assert gland["patient_id"] == "'=1+1", "no spreadsheet takes it for a formula"
    assert (calliper["measurement"], calliper["measured"], calliper["unit"]) == ("calliper", 12.346, "mm")
    assert (gland["corrected"], gland["annotator"], gland["model_sha256"]) == ("yes", "A. Nurse", "ab" * 32)


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"rows": [[1, 5]]}, 422, "mask-does-not-fit"),
        ({"rows": [[7, 80 * 96]]}, 422, "mask-does-not-fit"),
        ({"rows": [[1, -1]]}, 422, "parameters"),
        ({"rows": [[1, 2**40]]}, 422, "parameters"),
        ({"size": [81, 96]}, 422, "mask-does-not-fit"),
        ({"study": "0" * 32}, 404, "no-such-study"),
        ({"model": "other"}, 404, "no-such-model"),
        ({"model_sha256": "short"}, 422, "parameters"),
        ({"frame": 5}, 422, "no-such-frame"),
        ({"password": "x"}, 422, "parameters"),
    ],
)
def test_what_does_not_fit_is_refused(open_application, run, drawn, change, status, kind):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[0][0]))
            return await export(browser, "overlay", [frame_of(study, drawn[0][1]) | change])

    answer = run(asked())
    assert (answer.status_code, problem(answer)) == (status, kind)


def test_a_size_that_no_frame_has_is_refused_before_it_takes_memory(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            frame = frame_of({"id": None}, drawn[0][1], size=[65535, 65535]) | {
                "rows": [[0, 2**31], [0, 2**31 - 131071]]
            }
            return await export(browser, "mask", [frame])

    answer = run(asked())
    assert (answer.status_code, problem(answer)) == (413, "too-large")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"frames": []}', b"[" * 10**6, b'{"frames": [{"rows": NaN}]}', b"\xff"]
)
def test_a_body_that_is_no_request_is_refused(open_application, run, body):
    async def asked():
        async with open_application() as browser:
            return await browser.post(f"{API}/exports/mask", content=body)

    answer = run(asked())
    assert (answer.status_code, problem(answer)) == (422, "parameters")


def test_a_body_may_not_be_endless(open_application, run, monkeypatch):
    monkeypatch.setattr("trus.app.exports.routes.MOST_BYTES", 1000)

    async def asked():
        async with open_application() as browser:
            answer = await browser.post(f"{API}/exports/mask", content=b" " * 1001)
            return answer, browser.app.service.memory.held

    answer, held = run(asked())
    assert (answer.status_code, problem(answer), held) == (413, "body", 0)


def test_nothing_that_was_sent_is_quoted_back(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[0][0]))
            frame = frame_of(study, drawn[0][1], "Ivanov Ivan.png", patient_id="Ivanov", thresholds={"Ivanov": "Ivan"})
            return await export(browser, "mask", [frame])

    answer = run(asked())
    assert answer.status_code == 422
    assert "Ivan" not in answer.text


def test_another_browsers_file_is_not_exported(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[0][0]))
            other = browser.stranger()
            refused = await export(other, "overlay", [frame_of(study, drawn[0][1])])
            await other.come_in()
            return refused, await export(other, "overlay", [frame_of(study, drawn[0][1])])

    refused, answer = run(asked())
    assert refused.status_code == 401
    assert (answer.status_code, problem(answer)) == (404, "no-such-study")


def test_the_models_own_mask_goes_out_as_it_is(open_application, run, drawn):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(drawn[0][0]))
            result = unpack((await browser.frame(study, part="/result")).content)
            answer = await export(browser, "mask", [frame_of(study, result.labels, corrected=False)])
            return result.labels, answer.content

    labels, content = run(asked())
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), labels)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("/home/x/Иванов И.И.dcm", "Иванов_И.И"),
        ("C:\\scans\\a:b*c?.png", "a_b_c"),
        ("..", "frame"),
        ("con.png", "_con"),
        ("<script>.png", "script"),
        ("a" * 300 + ".png", "a" * 80),
        (".hidden", "hidden"),
        ("=cmd|x.png", "cmd_x"),
    ],
)
def test_names_are_safe(name, stem):
    assert safe_stem(name) == stem


def test_a_download_is_named_in_any_letters():
    name = disposition("Снимок;1.png")
    assert (
        name == "attachment; filename=\"_______1.png\"; filename*=UTF-8''%D0%A1%D0%BD%D0%B8%D0%BC%D0%BE%D0%BA%3B1.png"
    )
    assert name.isascii()


def test_names_are_unique_whatever_the_capitals():
    assert stems([("a.png", 0), ("A.jpg", 0), ("clip.mp4", 3), ("clip.mp4", 0)]) == [
        *("a", "A-2", "clip_00003", "clip_00000"),
    ]
