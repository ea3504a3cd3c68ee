"""The whole intake in one process's eyes: what comes out, what waits, what is refused, and what a second run does."""

import csv
import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.images import read_frame, write_image
from trus.data.intake.intake import intake
from trus.data.intake.pseudonyms import load_key
from trus.data.intake.raw_files import patient_rule
from trus.data.intake.settings import Settings
from trus.data.intake.side_files import SpacingList
from trus.data.manifest import Manifest
from trus.errors import IntakeError

BOX = (40, 50, 280, 230)


def options(kind="dicom", pattern=None, **changes):
    return Settings(patient_rule(kind, pattern, False), **changes)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def raw(tmp_path, make_dicom, screen):
    """Two patients: one with a still and a clip of three frames, one whose frame carries a text; and rubbish."""
    folder = tmp_path / "raw"
    make_dicom(
        folder / "Иванов (1)" / "a.dcm", [screen(1)], PatientID="77", Manufacturer="Made", ManufacturerModelName="Up 7"
    )
    make_dicom(folder / "Иванов (1)" / "clip", [screen(n) for n in (2, 3, 4)], PatientID="77 ")
    make_dicom(folder / "Petrov" / "b.dcm", [screen(5, inside="PETROV P.")], PatientID="78")
    (folder / "notes.txt").write_text("Petrov, born 1950")
    (folder / "empty.png").touch()
    return folder


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


def test_running_again_changes_nothing_and_decodes_nothing(raw, tmp_path):
    out = tmp_path / "out"
    intake([raw], out, options())
    before, times = tree(out), {path: path.stat().st_mtime_ns for path in (out / "images").rglob("*.png")}
    again = intake([raw], out, options())
    assert tree(out) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert (again.outcome.earlier, again.published.new) == (3, 0)


def test_further_files_are_added_and_rows_that_people_edited_stay(raw, tmp_path, make_dicom, screen):
    out = tmp_path / "out"
    intake([raw], out, options())
    text = (out / "manifest.csv").read_text(encoding="utf-8")
    lines = text.splitlines()
    dropped, kept = lines[1], lines[2]
    (out / dropped.split(",")[1]).unlink()
    mask = kept.replace(".png,,", ".png,masks/m.png,", 1)
    (out / "manifest.csv").write_text(
        "\n".join([lines[0] + ",seen_by", f"{mask},K.", *lines[3:]]) + "\n", encoding="utf-8"
    )
    make_dicom(raw / "Petrov" / "c.dcm", [screen(6)], PatientID="78")
    result = intake([raw], out, options())
    after = {row["image_id"]: row for row in rows(out / "manifest.csv")}
    assert (result.published.new, len(after)) == (1, 4)
    assert after[kept.split(",")[0]]["mask"] == "masks/m.png"
    assert after[kept.split(",")[0]]["seen_by"] == "K."
    assert dropped.split(",")[0] not in after  # what a user took out is not put back


def test_the_same_patient_has_one_pseudonym_across_folders_and_outs_with_one_key(raw, tmp_path):
    key = tmp_path / "keys" / "clinic.key"
    first = intake([raw / "Иванов (1)"], tmp_path / "one", options(), key=key)
    second = intake([raw], tmp_path / "two", options(), key=key)
    assert (first.new_key, second.new_key) == (key.resolve(), None)
    one, two = (rows(tmp_path / name / "manifest.csv") for name in ("one", "two"))
    assert one == two
    assert intake([raw], tmp_path / "three", options()).published.frames == 4
    assert {r["patient_id"] for r in rows(tmp_path / "three" / "manifest.csv")} != {r["patient_id"] for r in one}


def test_a_person_accepts_what_waits(raw, tmp_path):
    out, private = tmp_path / "out", tmp_path / "out-private"
    write_image(raw / "Sidorov" / "n.png", np.full((50, 60), 7, np.uint8))
    first = intake([raw], out, options("regex", "^([^/]+)/"))
    assert first.published.held == {"text inside the region": 1, "no ultrasound region found": 1}
    waiting = {row["reason"]: row for row in rows(private / "quarantine.csv")}
    assert waiting["no ultrasound region found"]["if_accepted"] == "the whole frame, uncut"
    ids = [row["id"] for row in waiting.values()]
    result = intake([raw], out, options("regex", "^([^/]+)/"), accept=[*ids, "P-0_x_00000"])
    assert (result.published.accepted, result.published.accepted_whole) == (2, 1)
    assert result.published.unknown == ["P-0_x_00000"]
    assert {*ids} <= {frame.image_id for frame in Manifest.load(out / "manifest.csv").frames}
    assert rows(private / "quarantine.csv") == []
    assert [*(private / "quarantine").rglob("*.png")] == []
    later = intake([raw], out, options("regex", "^([^/]+)/"), accept=ids)
    assert (later.published.frames, later.published.unknown, later.outcome.earlier) == (6, [], 4)


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


def test_other_settings_need_another_out(raw, tmp_path):
    intake([raw], tmp_path / "out", options())
    before = tree(tmp_path / "out")
    with pytest.raises(IntakeError, match="--outside, --every"):
        intake([raw], tmp_path / "out", options(blank=True, every=2))
    (tmp_path / "out-private" / "pseudonyms.key").unlink()
    with pytest.raises(IntakeError, match="the key of this OUT is not there"):
        intake([raw], tmp_path / "out", options())
    with pytest.raises(IntakeError, match="--key"):
        intake([raw], tmp_path / "out", options(), key=tmp_path / "out" / "my.key")
    shutil.rmtree(tmp_path / "out-private")
    with pytest.raises(IntakeError, match="--private"):
        intake([raw], tmp_path / "out", options())
    assert tree(tmp_path / "out") == before


def test_a_region_given_later_frees_what_waits_and_leaves_what_is_out(tmp_path, screen):
    write_image(tmp_path / "raw" / "n.png", np.full((240, 320), 7, np.uint8))
    first = intake([tmp_path / "raw"], tmp_path / "out", options("none"))
    assert first.published.held == {"no ultrasound region found": 1}
    second = intake([tmp_path / "raw"], tmp_path / "out", options("none", region=BOX))
    assert (second.published.frames, second.published.held.total()) == (1, 0)
    assert [*(tmp_path / "out-private" / "quarantine").rglob("*.png")] == []
    before = tree(tmp_path / "out")
    third = intake([tmp_path / "raw"], tmp_path / "out", options("none", region=(0, 0, 9, 9)))
    assert third.outcome.changed == 1
    assert tree(tmp_path / "out") == before


def test_pictures_that_were_lost_are_made_again(raw, tmp_path):
    out = tmp_path / "out"
    intake([raw], out, options())
    before = tree(out)
    shutil.rmtree(out / "images")
    intake([raw], out, options())
    assert tree(out) == before


def test_a_full_disk_is_said_and_what_is_done_is_kept(small_disk, tmp_path, make_dicom, screen):
    noise = [np.random.default_rng(n).integers(20, 200, (240, 320)).astype(np.uint8) for n in range(3)]
    for n, frame in enumerate(noise):
        make_dicom(tmp_path / "raw" / f"{n}.dcm", [cv2.blur(frame, (3, 3))], PatientID="1")
    with pytest.raises(IntakeError, match="no room left"):
        intake([tmp_path / "raw"], small_disk / "out", options(), private=tmp_path / "private")
    again = intake([tmp_path / "raw"], tmp_path / "out", options(), private=tmp_path / "private")
    assert again.published.frames + again.published.held.total() == 3
