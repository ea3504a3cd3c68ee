"""What a second intake into the same folder does: it adds, goes on, takes what was accepted, and changes no more."""

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from trus.data.images import write_image
from trus.data.intake.intake import intake
from trus.data.intake.publish import TIME
from trus.data.intake.raw_files import patient_rule
from trus.data.intake.settings import Settings
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


def test_an_out_that_was_deleted_is_made_again_with_what_was_accepted(raw, tmp_path):
    out = tmp_path / "out"
    first = intake([raw], out, options())
    held = [row["id"] for row in rows(tmp_path / "out-private" / "quarantine.csv")]
    intake([raw], out, options(), accept=held)
    before = tree(out)
    shutil.rmtree(out)
    again = intake([raw], out, options())
    assert tree(out) == before
    assert again.published.new == first.published.frames + len(held)


def test_a_hidden_key_in_the_private_folder_is_kept(raw, tmp_path):
    key = tmp_path / "out-private" / ".my.key"
    intake([raw], tmp_path / "out", options(), key=key)
    (tmp_path / "out-private" / ".sources.x1.csv").write_text("half a line")
    again = intake([raw], tmp_path / "out", options(), key=key)
    assert again.new_key is None
    assert not (tmp_path / "out-private" / ".sources.x1.csv").exists()


def test_pictures_of_a_killed_run_that_were_never_listed_are_removed(raw, tmp_path):
    out = tmp_path / "out"
    intake([raw], out, options())
    before = tree(out)
    left = out / "images" / "P-0123456789" / "P-0123456789_0123456789_00000.png"
    write_image(left, np.zeros((9, 9), np.uint8))
    own = out / "images" / "added by hand.png"
    write_image(own, np.ones((9, 9), np.uint8))
    intake([raw], out, options())
    assert tree(out) == before | {"images/added by hand.png": own.read_bytes()}


def test_times_do_not_tell_the_order_of_the_raw_files(raw, tmp_path):
    intake([raw], tmp_path / "out", options())
    assert {path.stat().st_mtime for path in (tmp_path / "out" / "images").rglob("*")} == {TIME}


def test_ctrl_c_while_the_sheets_are_drawn_is_said(raw, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("trus.data.intake.intake.draw_sheets", interrupt)
    result = intake([raw], tmp_path / "out", options())
    assert result.outcome.interrupted
    assert len(rows(tmp_path / "out" / "manifest.csv")) == result.published.frames == 4


@pytest.mark.parametrize("damage", [b"", b'{"row', b'{"gar\xff\n[1]\n{}\n'])
def test_a_damaged_journal_is_mended_from_the_raw_files(raw, tmp_path, damage):
    intake([raw], tmp_path / "out", options())
    before = tree(tmp_path / "out")
    journal = tmp_path / "out-private" / "journal"
    held = rows(tmp_path / "out-private" / "quarantine.csv")
    for path in [journal / "files.jsonl", journal / "published", *(journal / "portions").iterdir()]:
        path.write_bytes(damage)
    again = intake([raw], tmp_path / "out", options())
    assert tree(tmp_path / "out") == before
    assert (again.outcome.earlier, rows(tmp_path / "out-private" / "quarantine.csv")) == (0, held)
    (journal / "settings.json").write_bytes(damage)
    with pytest.raises(IntakeError, match=r"settings\.json is damaged"):
        intake([raw], tmp_path / "out", options())
