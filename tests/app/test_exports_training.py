"""Corrected masks become data to train on, and the loop closes: export, check, train."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trus.app.exports.deidentified import keep
from trus.cli import app
from trus.data.annotations.history import locked
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Manifest
from trus.data.phantom import write_phantom

from .. import conftest
from .exporting import MODEL_CLASSES, export, frame_of, png, problem

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> list[tuple[bytes, np.ndarray, str]]:
    """Frames of the synthetic phantom as files, their masks and patients."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder, patients=6, frames=1, seed=0)
    frames = Manifest.load(folder / "manifest.csv").frames
    return [(frame.image.read_bytes(), read_mask(frame.mask), frame.patient_id) for frame in frames]


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return conftest.draw_frame(1, (80, 96))


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def saved(open_application, run, into: Path, *exports, form="manifest", **options):
    """Answers to exports into the folder `into`; an export is a list of (file, mask, further keys of the frame)."""

    async def asked():
        answers = []
        async with open_application(save_folder=into) as browser:
            for frames in exports:
                studies = [await browser.open(content) for content, _, _ in frames]
                going = [
                    frame_of(study, labels, "Ivanov.png", **more)
                    for study, (_, labels, more) in zip(studies, frames, strict=True)
                ]
                answers.append(await export(browser, form, going, **({"folder": True} | options)))
        return answers

    return run(asked())


def test_the_loop_closes(open_application, run, phantom, tmp_path):
    folder = tmp_path / "home" / "trus-annotations"
    frames = [(content, labels, {"patient_id": patient}) for content, labels, patient in phantom]
    (answer,) = saved(open_application, run, folder, frames)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["new"], answer.json()["refused"]) == (6, [])
    check = CliRunner().invoke(app, ["check", str(folder / "manifest.csv"), "-o", str(tmp_path / "check.html")])
    assert check.exit_code == 0, check.output
    command = [
        *(sys.executable, "scripts/train.py", f"data.manifest={folder / 'manifest.csv'}", "trainer=cpu"),
        *("model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[64,64]"),
        *("trainer.max_epochs=1", "data.workers=0", "split.folds=3", "logger=none", f"outputs={tmp_path / 'outputs'}"),
        *("augmentation=none", f"hydra.run.dir={tmp_path / 'run'}", "data.batch_size=2"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ.copy())
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "run" / "model.onnx").is_file()


def test_a_row_says_who_when_how_long_by_which_model_and_nothing_of_the_file(open_application, run, drawn, tmp_path):
    image, labels = drawn
    more = {"patient_id": " P7 ", "spacing": [0.2, 0.1], "stated": True}
    (answer,) = saved(open_application, run, tmp_path / "set", [(png(image), labels, more)])
    (row,) = rows(tmp_path / "set")
    assert (row["patient_id"], row["annotator"], row["seconds"], row["corrected"]) == ("P7", "A. Nurse", "13", "yes")
    assert (row["model"], row["model_sha256"], row["thresholds"]) == ("tiny", "ab" * 32, "gland 0.5; lesion 0.375")
    assert (row["spacing_row_mm"], row["spacing_note"]) == ("0.2", "stated by the user")
    assert row["annotated"].endswith("+00:00")
    (frame,) = Manifest.load(tmp_path / "set" / "manifest.csv").frames
    np.testing.assert_array_equal(read_mask(frame.mask), labels)
    np.testing.assert_array_equal(read_frame(frame.image), image)
    assert answer.json()["kept"][0]["part"] == "whole picture"
    for name, content in files(tmp_path / "set").items():
        assert "Ivanov" not in name
        assert b"Ivanov" not in content


def test_a_frame_that_comes_again_replaces_its_mask_and_the_former_is_kept(open_application, run, drawn, tmp_path):
    image, labels = drawn
    folder, other = tmp_path / "set", np.flipud(labels).copy()
    sent = [(png(image), labels, {}), (png(image), labels, {}), (png(image), other, {"annotator": "B"})]
    first, same, changed = saved(open_application, run, folder, *([frame] for frame in sent))
    counts = [[answer.json()[name] for name in ("new", "unchanged", "replaced")] for answer in (first, same, changed)]
    assert counts == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert same.json()["earlier"] is None
    (row,) = rows(folder)
    assert row["annotator"] == "B"
    np.testing.assert_array_equal(read_mask(folder / row["mask"]), other)
    earlier = Manifest.load(Path(changed.json()["earlier"]) / "manifest.csv").frames[0]
    np.testing.assert_array_equal(read_mask(earlier.mask), labels)
    assert earlier.annotator == "A. Nurse"


def test_what_others_wrote_into_the_data_set_stays(open_application, run, drawn, tmp_path):
    folder = tmp_path / "set"
    saved(open_application, run, folder, [(png(drawn[0]), drawn[1], {})])
    text = (folder / "manifest.csv").read_text()
    header, line = text.splitlines()
    cells = dict(zip(header.split(","), next(csv.reader([line])), strict=True)) | {"split": "train", "licence": "ours"}
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*cells, "ward"])
        writer.writeheader()
        writer.writerow(cells | {"ward": "3"})
    saved(open_application, run, folder, [(png(drawn[0]), drawn[1] * 0, {})])
    (row,) = rows(folder)
    assert (row["split"], row["licence"], row["ward"]) == ("train", "ours", "3")
    assert not read_mask(folder / row["mask"]).any()


def test_other_classes_are_one_clear_error(open_application, run, drawn, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "classes.json").write_text(json.dumps({"labels": {"1": "nerve", "2": "vessel"}}))
    before = files(folder)
    (answer,) = saved(open_application, run, folder, [(png(drawn[0]), drawn[1], {})])
    assert (answer.status_code, problem(answer)) == (409, "other-classes")
    assert "1 nerve, 2 vessel" in answer.json()["detail"]
    assert files(folder) == before


def test_a_full_disk_is_named_and_nothing_is_half_written(open_application, run, phantom, drawn, small_disk):
    folder = small_disk / "set"
    (first,) = saved(open_application, run, folder, [(png(drawn[0]), drawn[1], {})])
    before = files(folder)
    assert first.status_code == 200
    frames = [(content, labels, {}) for content, labels, _ in phantom]
    (answer,) = saved(open_application, run, folder, frames)
    assert (answer.status_code, problem(answer)) == (507, "disk-full")
    assert files(folder) == before


@pytest.mark.parametrize("form", ["manifest", "labelme"])
def test_where_there_is_no_room_for_an_archive_fewer_frames_help(
    open_application, run, phantom, small_disk, monkeypatch, form
):
    monkeypatch.setattr("trus.app.exports.folders.IN_MEMORY", small_disk)
    frames = [(content, labels, {}) for content, labels, _ in phantom]
    (answer,) = saved(open_application, run, small_disk / "no", frames, form=form, folder=False)
    assert (answer.status_code, problem(answer)) == (507, "export-too-large")
    assert [*small_disk.iterdir()] == []


def test_a_folder_that_is_a_file_or_in_use_is_named(open_application, run, drawn, tmp_path):
    (tmp_path / "file").write_text("")
    (answer,) = saved(open_application, run, tmp_path / "file" / "set", [(png(drawn[0]), drawn[1], {})])
    assert (answer.status_code, problem(answer)) == (403, "folder-not-writable")
    (tmp_path / "set").mkdir()
    with locked(tmp_path / "set"):
        (answer,) = saved(open_application, run, tmp_path / "set", [(png(drawn[0]), drawn[1], {})])
    assert (answer.status_code, problem(answer)) == (409, "folder-in-use")


def test_a_name_in_the_picture_is_refused_until_a_person_has_looked(open_application, run, tmp_path):
    import cv2

    image, labels = conftest.draw_frame(1, (300, 400))
    image = cv2.GaussianBlur(image, (0, 0), 3)
    cv2.putText(image, "IVANOV A. 1958", (60, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    frame = (png(image), labels, {})
    (answer,) = saved(open_application, run, tmp_path / "set", [frame])
    assert [entry["reason"] for entry in answer.json()["refused"]] == ["text"]
    assert not (tmp_path / "set").exists(), "nothing to write, nothing made"
    (accepted,) = saved(open_application, run, tmp_path / "set", [frame], accept_text=True)
    assert accepted.json()["new"] == 1


def test_of_a_file_that_names_its_tissue_nothing_else_goes_out(open_application, run, drawn, tmp_path, make_us_dicom):
    from ..dicom_region import region_item

    image, labels = drawn
    content = make_us_dicom([image], SequenceOfUltrasoundRegions=[region_item((10, 8, 80, 70), 0.02)])
    (answer,) = saved(open_application, run, tmp_path / "set", [(content, labels, {})], accept_text=True)
    (kept,) = answer.json()["kept"]
    assert kept["part"] == "region named by the file"
    assert kept["mask_outside_px"] > 0
    (frame,) = Manifest.load(tmp_path / "set" / "manifest.csv").frames
    x0, y0, x1, y1 = frame.region
    assert [x0, y0, x1, y1] == kept["box"]
    assert frame.spacing is not None
    picture = read_frame(frame.image)
    assert picture.shape == image.shape
    picture = picture.copy()
    picture[y0:y1, x0:x1] = 0
    assert not picture.any()


def test_frames_of_sixteen_bits_stay_so(open_application, run, drawn, tmp_path):
    image = drawn[0].astype(np.uint16) * 250 + 17
    (answer,) = saved(open_application, run, tmp_path / "set", [(png(image), drawn[1], {})])
    assert answer.status_code == 200, answer.text
    (frame,) = Manifest.load(tmp_path / "set" / "manifest.csv").frames
    np.testing.assert_array_equal(read_frame(frame.image), image)


def test_the_same_picture_twice_in_one_export_goes_in_once(open_application, run, drawn, tmp_path):
    frame = (png(drawn[0]), drawn[1], {})
    (answer,) = saved(open_application, run, tmp_path / "set", [frame, frame])
    assert [entry["reason"] for entry in answer.json()["refused"]] == ["same-picture"]
    assert len(rows(tmp_path / "set")) == 1


def test_an_export_that_nobody_waits_for_writes_nothing(open_application, run, drawn, tmp_path, monkeypatch):
    looking, go_on = threading.Event(), threading.Event()

    def slowly(image, regions):
        looking.set()
        go_on.wait(20)
        return keep(image, regions)

    monkeypatch.setattr("trus.app.exports.training_set.keep", slowly)

    async def asked():
        async with open_application(save_folder=tmp_path / "set") as browser:
            studies = [await browser.open(png(np.roll(drawn[0], n))) for n in (0, 5)]
            task = asyncio.create_task(
                export(browser, "manifest", [frame_of(study, drawn[1]) for study in studies], folder=True)
            )
            await asyncio.to_thread(looking.wait, 20)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            go_on.set()
            for _ in range(200):
                if not (tmp_path / "set").exists():
                    return
                await asyncio.sleep(0.05)

    run(asked())
    assert not (tmp_path / "set").exists()


def test_a_service_on_another_computer_gives_an_archive_and_writes_no_folder(open_application, run, drawn, tmp_path):
    async def asked():
        async with open_application(local=False) as browser:
            browser.app.login.required = False
            study = await browser.open(png(drawn[0]))
            frame = frame_of(study, drawn[1], "Ivanov.png", patient_id="P1")
            return await export(browser, "manifest", [frame], folder=True), await export(browser, "manifest", [frame])

    refused, archive = run(asked())
    assert (refused.status_code, problem(refused)) == (403, "not-local")
    zipfile.ZipFile(io.BytesIO(archive.content)).extractall(tmp_path)
    loaded = Manifest.load(tmp_path / "manifest.csv")
    loaded.verify()
    assert loaded.classes == MODEL_CLASSES
    assert json.loads((tmp_path / "export.json").read_text())["new"] == 1
    assert all(b"Ivanov" not in content for content in files(tmp_path).values())
