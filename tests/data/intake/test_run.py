"""The whole intake in one process's eyes: what comes out, what waits, and what is refused."""

import csv
import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from trus.data.images import read_frame, write_image
from trus.data.intake.intake import intake
from trus.data.intake.pseudonyms import load_key
from trus.data.intake.raw_files import patient_rule
from trus.data.intake.settings import Settings
from trus.data.intake.side_files import SpacingList
from trus.data.manifest import Manifest

BOX = (40, 50, 280, 230)


def options(kind="dicom", pattern=None, **changes):
    return Settings(patient_rule(kind, pattern, False), **changes)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_frames_come_out_cut_under_pseudonyms_and_the_manifest_loads(raw, tmp_path, screen):
    result = intake([raw], tmp_path / "out", options(licence="CC0-1.0"), jobs=2)
    manifest = Manifest.load(tmp_path / "out" / "manifest.csv")
    manifest.verify()
    assert manifest.classes.contains == {"gland": ("lesion",)}
    names = load_key(tmp_path / "out-private" / "pseudonyms.key")
    assert {frame.patient_id for frame in manifest.frames} == {names.patient("77")}
    assert [frame.image_id[-5:] for frame in manifest.frames].count("00000") == 2
    still = next(frame for frame in manifest.frames if frame.device)
    assert (still.device, still.source, still.licence) == (names.device("Made Up 7"), "dicom", "CC0-1.0")
    assert still.spacing == (0.2, 0.2)
    np.testing.assert_array_equal(read_frame(still.image), screen(1)[BOX[1] : BOX[3], BOX[0] : BOX[2]])
    with Image.open(still.image) as image:
        assert image.info == {}
    assert result.published.held == {"text inside the region": 1}
    assert sorted(reason for _, reason in result.outcome.refused) == [
        "an empty file",
        "not a DICOM, image, volume or clip",
    ]


def test_the_private_folder_is_closed_and_says_where_everything_is_from(raw, tmp_path):
    intake([raw], tmp_path / "out", options())
    private = tmp_path / "out-private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for path in private.rglob("*"):
        if path.parent in (private, private / "contact_sheets", private / "journal", private / "journal" / "portions"):
            assert path.is_dir() or stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == ".lock", path
    sources = {Path(row["path"]).name: row for row in rows(private / "sources.csv")}
    assert {name: row["status"] for name, row in sources.items()} == {
        "a.dcm": "taken", "clip": "taken", "b.dcm": "taken", "notes.txt": "refused", "empty.png": "refused",
    }  # fmt: skip
    assert (sources["clip"]["frames"], sources["b.dcm"]["quarantined"]) == ("3", "1")
    assert len([*(private / "contact_sheets").glob("*.png")]) == 2


def test_two_people_under_one_patient_id_wait_also_in_a_later_run(tmp_path, make_dicom, screen):
    raw, out = tmp_path / "raw", tmp_path / "out"
    who = {"PatientID": "1", "PatientBirthDate": "19500101"}
    make_dicom(raw / "a.dcm", [screen(1)], PatientName="Ivanov^Ivan", **who)
    make_dicom(raw / "b.dcm", [screen(2)], PatientName="IVANOV^Ivan ", PatientID="1")
    make_dicom(raw / "c.dcm", [screen(3)], PatientName="Petrov^Petr", **who)
    result = intake([raw], out, options())
    assert result.published.held == {"the same patient id stands for two different people": 1}
    assert result.published.frames == 2
    make_dicom(raw / "0.dcm", [screen(4)], PatientName="Petrov^Petr", **who)
    assert intake([raw], out, options()).published.held.total() == 2
    everything = b"".join(tree(tmp_path / "out-private" / "journal").values())
    assert b"etrov" not in everything
    assert b"1950" not in everything


def test_the_same_content_twice_is_one_set_of_frames_unless_two_patients_claim_it(tmp_path, make_dicom, screen):
    raw = tmp_path / "raw"
    first = make_dicom(raw / "Ivanov" / "a.dcm", [screen(1)], PatientID="1")
    shutil.copy(first, raw / "Ivanov" / "copy.dcm")
    (raw / "Petrov").mkdir()
    shutil.copy(first, raw / "Petrov" / "a.dcm")
    result = intake([raw], tmp_path / "out", options("parent-folder"))
    assert (result.outcome.same, result.published.frames) == (1, 1)
    assert "under two patients" in result.outcome.refused[0][1]


def test_frames_of_clips_and_several_regions(tmp_path, make_dicom, screen, region):
    halves = [region((40, 50, 160, 230)), region((160, 50, 280, 230), delta=0.03)]
    make_dicom(tmp_path / "raw" / "clip.dcm", [screen(n) for n in range(9)], halves, PatientID="1")
    intake([tmp_path / "raw"], tmp_path / "out", options(every=4, blank=True))
    manifest = Manifest.load(tmp_path / "out" / "manifest.csv")
    manifest.verify()
    assert [frame.image_id[-6:] for frame in manifest.frames] == [f"0000{n}{x}" for n in (0, 4, 8) for x in "ab"]
    assert [frame.spacing for frame in manifest.frames[:2]] == [(0.2, 0.2), (0.3, 0.3)]
    assert [frame.region for frame in manifest.frames[:2]] == [(40, 50, 160, 230), (160, 50, 280, 230)]


def test_a_long_clip_is_the_same_in_portions_and_processes(tmp_path, make_dicom, screen):
    frames = [screen(n % 5) + np.uint8(n // 5) for n in range(130)]
    make_dicom(tmp_path / "raw" / "clip.dcm", frames, PatientID="1")
    key = tmp_path / "key"
    for jobs in (1, 2):
        intake([tmp_path / "raw"], tmp_path / f"out{jobs}", options(), key=key, jobs=jobs)
    assert tree(tmp_path / "out1") == tree(tmp_path / "out2")
    assert len(rows(tmp_path / "out1" / "manifest.csv")) == 130
    assert len([*(tmp_path / "out1-private" / "journal" / "portions").iterdir()]) == 3


def test_a_clip_that_ends_early_keeps_the_frames_it_has(tmp_path, screen):
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / "c.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240), isColor=True)
    for n in range(20):
        writer.write(np.repeat(screen(n)[..., None], 3, axis=2))
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    result = intake([tmp_path / "raw"], tmp_path / "out", options("none", region=BOX))
    assert 8 <= result.published.frames < 20
    assert len(result.outcome.refused) == 1
    (source,) = rows(tmp_path / "out-private" / "sources.csv")
    assert source["status"] == "taken in part"


def test_spacing_by_file_name_but_not_where_two_files_share_it(tmp_path, screen):
    for seed, name in enumerate(("a/one.png", "a/two.png", "b/two.png", "b/three.png")):
        write_image(tmp_path / "raw" / name, screen(seed))
    spacings = SpacingList({"one.png": (0.1, 0.1), "two.png": (0.2, 0.2), "b/three.png": (0.3, 0.3)})
    intake([tmp_path / "raw"], tmp_path / "out", options("parent-folder", region=BOX), spacings=spacings)
    frames = Manifest.load(tmp_path / "out" / "manifest.csv").frames
    assert sorted(frame.spacing or (0, 0) for frame in frames) == [(0, 0), (0, 0), (0.1, 0.1), (0.3, 0.3)]
    assert all(frame.spacing_note for frame in frames if not frame.spacing)
