"""Everything wrong with a manifest and its files is told at once, and one bad file stops nothing."""

import csv
import os
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.check import KINDS, Severity, check_manifest
from trus.data.images import write_image
from trus.data.manifest import Manifest
from trus.data.schema import COLUMNS
from trus.errors import ConfigError, ManifestError

HUGE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (2**20).to_bytes(4) * 2 + b"\x08\x00\x00\x00\x00" + b"\x00" * 4


def errors(check) -> set[str]:
    return {finding.code for finding in check.findings if finding.kind.severity is Severity.ERROR}


def test_the_shared_set_is_clean_and_has_the_hash_that_trainings_log(manifest):
    check = check_manifest(manifest.path)
    assert errors(check) == set()
    assert check.data_hash == manifest.verify().data_hash
    assert {
        f.code for f in check.findings if f.rows == (next(x.row for x in check.frames if x.image_id == "p1_0"),)
    } >= {"mask-empty"}


def unreadable(folder):
    (folder / "images" / "p1_1.png").write_bytes(b"")


def bomb(folder):
    (folder / "images" / "p1_1.png").write_bytes(HUGE)


def missing(folder):
    (folder / "images" / "p1_1.png").unlink()


def pipe(folder):
    missing(folder)
    os.mkfifo(folder / "images" / "p1_1.png")


def cut_mask(folder):
    path = folder / "masks" / "p1_1.png"
    path.write_bytes(path.read_bytes()[:60])


def other_size(folder):
    write_image(folder / "masks" / "p1_1.png", np.ones((10, 12), np.uint8))


def other_labels(folder):
    write_image(folder / "masks" / "p1_1.png", np.full((80, 96), 7, np.uint8))


def copied_to_another_patient(folder):
    (folder / "images" / "p1_1.png").write_bytes((folder / "images" / "p2_0.png").read_bytes())


def copied_across_the_test(folder):
    (folder / "images" / "p1_1.png").write_bytes((folder / "images" / "p5_0.png").read_bytes())


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (unreadable, "image-unreadable"),
        (bomb, "image-unreadable"),
        (missing, "image-unreadable"),
        (cut_mask, "mask-unreadable"),
        (other_size, "mask-size"),
        (other_labels, "mask-label-unknown"),
        (copied_to_another_patient, "duplicate-across-patients"),
        (copied_across_the_test, "duplicate-across-test"),
    ],
)
def test_what_verify_refuses_is_an_error_and_the_rest_goes_on(dataset_copy, damage, code):
    damage(dataset_copy)
    path = dataset_copy / "manifest.csv"
    with pytest.raises(ManifestError):
        Manifest.load(path).verify()
    check = check_manifest(path, jobs=3)
    assert code in errors(check)
    assert check.data_hash is None
    assert sum(known.size is not None for known in check.facts) == (11 if code == "image-unreadable" else 12)


def test_a_pipe_is_told_and_not_waited_for(dataset_copy):
    pipe(dataset_copy)
    assert errors(check_manifest(dataset_copy / "manifest.csv")) == {"image-unreadable"}


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("spacing_row_mm", "-1", "manifest-schema"),
        ("spacing_row_mm", "", "manifest-schema"),
        ("region_x1", "0.5", "manifest-schema"),
        ("region_x1", "9" * 5000, "manifest-schema"),
        ("region_x1", "97", "region-beyond-frame"),
        ("region_x1", "8", "region-beyond-frame"),
        ("split", "tset", "manifest-schema"),
        ("split", "test", "patient-on-both-sides"),
        ("image_id", "p2_0", "manifest-schema"),
        ("image_id", "../p", "manifest-schema"),
        ("image", "", "manifest-schema"),
        ("image", "images/\0.png", "image-unreadable"),
        ("image", "x" * 5000, "image-unreadable"),
        ("image", "images", "image-unreadable"),
        ("mask", "masks/none.png", "mask-unreadable"),
    ],
)
def test_a_wrong_cell_is_an_error_and_the_rest_goes_on(edit_cell, column, text, code):
    check = check_manifest(edit_cell("p1_1", column, text))
    assert code in errors(check)
    assert len(check.frames) == (11 if (column, text) == ("image", "") else 12)
    assert sum(known.size is not None for known in check.facts) >= 11


def test_without_usable_classes_labels_go_by_their_numbers(dataset_copy):
    (dataset_copy / "classes.json").write_text('{"labels": ' + "[" * 100_000)
    check = check_manifest(dataset_copy / "manifest.csv")
    assert errors(check) == {"classes-unreadable"}
    assert check.classes.targets == ("label 1", "label 2")


@pytest.mark.parametrize("text", ["image_id,mask\na,b\n", "image_id,image,image\na,b,c\n"])
def test_without_its_columns_the_manifest_is_the_finding(tmp_path, text):
    (tmp_path / "manifest.csv").write_text(text)
    (tmp_path / "classes.json").write_text('{"labels": {"1": "gland"}}')
    check = check_manifest(tmp_path / "manifest.csv")
    assert errors(check) == {"manifest-schema"}
    assert check.frames == []


@pytest.mark.parametrize("text", [None, "", "a;b\n1;2\n", "image_id,image\n"])
def test_where_there_is_no_table_the_check_says_so(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ManifestError, match=re.escape(str(tmp_path))):
        check_manifest(tmp_path / "manifest.csv")


CELLS = st.one_of(
    st.sampled_from(
        ["", "0", "7", "-1", "nan", "1e400", "inf", "٣", "test", "train", "../x", "images/a.png", "a\u202eb"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_the_check_finds_what_load_finds(tmp_path, rows):
    path = tmp_path / "manifest.csv"
    with path.open("w", encoding="utf-8", newline="", errors="replace") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (tmp_path / "classes.json").write_text('{"labels": {"1": "gland"}}')
    try:
        Manifest.load(path)
    except ManifestError:
        refused = True
    else:
        refused = False
    try:
        check = check_manifest(path)
    except ManifestError:
        assert refused
        return
    assert errors(check) >= ({"image-unreadable"} if check.frames else set())
    assert bool(errors(check) - {"image-unreadable", "mask-unreadable"}) == refused


def test_the_set_is_looked_at_as_a_whole(data, codes):
    for name in range(12):
        data.add(str(name), data.picture(name), data.gland(), split="train", device="d")
    grey = data.add("dim", data.picture(50) // 8, device="d")
    small = data.add("small", data.picture(51, (60, 60)), device="d")
    wide = data.add("wide", data.picture(52, (80, 400)), device="d", spacing_row_mm=1.0, spacing_col_mm=1.0)
    other = data.add(
        "x", device="d", patient_id="P-07", split="test", licence=None, spacing_row_mm=None, spacing_col_mm=None
    )
    same = data.add("y", device="d", patient_id="p7", spacing_row_mm=0.1, spacing_col_mm=0.4)
    seventh = 9  # data.add("7") has the patient p7
    unknown = data.add("z", device="d", patient_id=None)
    found = codes(data.check())
    assert found["unusual-intensity"] == [(grey,)]
    assert found["unusual-size"] == [(small,), (wide,)]
    assert found["unusual-spacing"] == [(wide,), (same,)]
    assert found["patient-ids-alike"] == [(seventh, same, other)]
    assert found["patient-unknown"] == [(unknown,)]
    assert found["licence-unknown"] == found["spacing-unknown"] == [(other,)]
    assert found["test-frame-without-mask"] == [(other,)]
    assert found["not-annotated"] == [(grey, small, wide, same, unknown)]


def test_classes_are_expected_in_both_parts(data, codes):
    without = np.where(data.gland() > 0, 1, 0).astype(np.uint8)
    data.add("a", mask=data.gland(), split="train")
    data.add("b", mask=np.roll(without, 5), split="test")
    check = data.check()
    assert [f.what for f in check.findings if f.code == "class-in-one-part"] == [
        "lesion is only in masks of the training part"
    ]
    data.rows = data.rows[1:]
    assert [f.what for f in data.check().findings if f.code == "class-never-used"] == ["lesion (label 2) is in no mask"]


def test_an_accepted_warning_is_a_note(data):
    data.add("a", patient_id=None)
    assert data.check().count(Severity.WARNING) == 1
    accepted = data.check(accepted=["patient-unknown"])
    assert accepted.count(Severity.WARNING) == 0
    for code in ("image-unreadable", "not-annotated", "nonsense"):
        with pytest.raises(ConfigError, match=code):
            data.check(accepted=[code])


def test_sixteen_bits_are_measured_on_their_own_scale(data):
    data.add("a", data.picture(1).astype(np.uint16) * 257)
    data.add("b", data.picture(2))
    first, second = (known.intensity for known in data.check().facts)
    shown = data.picture(1) / 255
    assert (first.mean, first.std) == pytest.approx((shown.mean(), shown.std()), abs=1e-6)
    assert (first.black, first.saturated) == pytest.approx(((shown == 0).mean(), (shown == 1).mean()))
    assert first.span == pytest.approx(np.subtract(*np.quantile(shown, (0.99, 0.01))), abs=0.01)
    assert second.span <= 1


def test_the_intensity_is_that_of_the_region(data):
    image = np.zeros((160, 200), np.uint8)
    image[20:60, 30:90] = data.picture(1, (40, 60))
    data.add("a", image, region_x0=30, region_y0=20, region_x1=90, region_y1=60)
    assert data.check().facts[0].intensity.mean == pytest.approx(data.picture(1, (40, 60)).mean() / 255)


def test_every_kind_says_what_to_do():
    for code, kind in KINDS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert kind.remedy.endswith(".")
        assert not kind.title.endswith(".")
