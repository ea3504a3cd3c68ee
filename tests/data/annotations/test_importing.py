"""What every import does, whatever the format: frames, classes, and what is refused."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.exchange import AnnotatedFrame, Export, Format, Outline, Painted
from trus.data.classes import Classes
from trus.data.manifest import Manifest
from trus.errors import AnnotationError, ManifestError, TrusError

from .made_export import BOX, GLAND_LESION, HASHES, frame, gland, made, mask, rows, take


def test_pictures_of_the_export_become_frames_with_all_that_it_knows(source, out, shown):
    item = frame(
        "P1/a.png", gland(), image=shown("P1/a.png", 0), patient_id="P1", split="test", spacing=(0.1, 0.2),
        device="Made 1", annotator="A", source="made", licence="CC0-1.0",
    )  # fmt: skip
    summary = take(
        made(item, replace(item, name="b.png", draw=None, patient_id="P2", image=shown("b.png", 1))), source, out
    )
    row = rows(out)["P1/a"]
    assert (out / row["image"]).resolve() == source / "P1/a.png"
    assert [row[key] for key in ("patient_id", "split", "spacing_row_mm", "spacing_col_mm", "device", "annotator")] == [
        *("P1", "test", "0.1", "0.2", "Made 1", "A")
    ]
    assert rows(out)["b"]["mask"] == rows(out)["b"]["annotator"] == ""
    assert mask(out, "P1/a")[20, 20] == 2
    assert (summary.frames, summary.without_mask, summary.patients, summary.test_frames) == (2, 1, 2, 2)
    Manifest.load(out / "manifest.csv").verify()


def test_an_empty_annotation_is_a_mask_and_no_annotation_is_none(source, out, shown):
    path = shown("a.png", 0)
    take(made(frame("a.png", image=path), AnnotatedFrame("b.png", None, image=shown("b.png", 1))), source, out)
    assert not mask(out, "a").any()
    assert rows(out)["b"]["mask"] == ""


def test_slices_of_a_volume_are_written(source, out, picture, tree):
    form = made(frame("v_00001.png", gland(), picture=lambda: picture(3)))
    take(form, source, out)
    assert (np.asarray(Image.open(out / "images" / "v_00001.png")) == picture(3)).all()
    before = tree(out)
    assert take(form, source, out).changes.nothing
    assert tree(out) == before


def test_pictures_are_found_where_the_user_says(source, out, shown, tmp_path):
    shown("deep/er/a [1].png", 0)
    summary = take(made(frame("a [1].jpg", gland()), frame("x.png", gland())), source, out, images=source)
    assert (out / rows(out)["a [1]"]["image"]).resolve() == source / "deep/er/a [1].png"
    assert summary.refused == [f"x.png: its picture is not in {source}"]


def test_an_archive_leads_to_copies(out, shown, source, tmp_path):
    shown("a.png", 0)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.write(source / "a.png", "a.png")
    form = Format(
        "made", lambda folder, options: Export(GLAND_LESION, [frame("a.png", gland(), image=folder / "a.png")])
    )
    summary = take(form, tmp_path / "e.zip", out)
    assert (out / "images" / "a.png").read_bytes() == (source / "a.png").read_bytes()
    assert any("frames were copied" in note for note in summary.notes)
    assert take(form, tmp_path / "e.zip", out).changes.nothing


def roboflow(shown, name: str, hashes=HASHES, **more) -> list[AnnotatedFrame]:
    names = [f"{name}_png.rf.{text}.jpg" for text in hashes]
    return [frame(n, gland(), image=shown(n, number), **more) for number, n in enumerate(names)]


def test_copies_of_one_original_are_refused_with_the_way_out(source, out, shown):
    single = roboflow(shown, "b", HASHES[:1])
    summary = take(made(*roboflow(shown, "a"), *single), source, out)
    assert [*rows(out)] == ["b"]
    assert "a: the export holds 2 copies of it; give the originals by --manifest, or keep" in summary.refused[0]


def test_copies_are_kept_when_asked_and_say_of_what(source, out, shown):
    take(made(*roboflow(shown, "a"), *roboflow(shown, "b", HASHES[:1])), source, out, keep_copies=True)
    assert {name: row["copy_of"] for name, row in rows(out).items()} == {
        "a_01234567": "a",
        "a_fedcba98": "a",
        "b": "",
    }


def test_copies_on_both_sides_of_the_split_are_refused(source, out, shown):
    first, second = roboflow(shown, "a")
    form = made(first, replace(second, split="test"), *roboflow(shown, "b", HASHES[:1]))
    summary = take(form, source, out, keep_copies=True)
    assert "a: its 2 copies stand on both sides of the test split" in summary.refused[0]


def test_other_categories_are_one_error_that_says_what_to_do(source, out, shown):
    found = Classes.from_dict({"labels": {"1": "Prostate", "2": "gland"}})
    form = made(frame("a.png", Outline("Prostate", (BOX,)), image=shown("a.png", 0)), classes=found)
    with pytest.raises(AnnotationError) as caught:
        take(form, source, out, classes=GLAND_LESION)
    for part in ("['Prostate']", "['gland', 'lesion', 'вена 1']", "nothing was written", "--rename 'Prostate=gland'"):
        assert part in str(caught.value)
    assert not out.exists()
    take(form, source, out, classes=GLAND_LESION, rename={"Prostate": "gland"})
    assert set(np.unique(mask(out, "a"))) == {0, 2}


def test_several_categories_can_become_one(source, out, shown):
    found = Classes.from_dict({"labels": {"1": "benign", "2": "malignant"}})
    form = made(
        frame("a.png", Outline("benign", (BOX,)), Outline("malignant", (BOX + 30,)), image=shown("a.png", 0)),
        classes=found,
    )
    take(form, source, out, rename={"benign": "lesion", "malignant": "lesion"})
    assert Manifest.load(out / "manifest.csv").classes.labels == {0: "background", 1: "lesion"}
    assert set(np.unique(mask(out, "a"))) == {0, 1}


def test_background_and_unused_categories_are_left_out_and_said(source, out, shown):
    found = Classes.from_dict({"labels": {"1": "_background_", "2": "gland", "3": "my-project"}})
    drawn = (Outline("_background_", (BOX,)), gland())
    summary = take(
        made(frame("a.png", *drawn, image=shown("a.png", 0)), classes=found), source, out, classes=GLAND_LESION
    )
    assert "category '_background_': 1 object(s) left out, it means background" in summary.notes
    assert "category 'my-project': nothing is drawn with it, left out" in summary.notes


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"x": "gland"}, r"--rename \['x'\]: the export has no such"),
        ({"gland": "x"}, r"--rename to \['x'\]: no such class"),
    ],
)
def test_a_rename_of_nothing_is_refused(source, out, shown, rename, message):
    with pytest.raises(AnnotationError, match=message):
        take(made(frame("a.png", image=shown("a.png", 0))), source, out, rename=rename, classes=GLAND_LESION)


def failing() -> list:
    raise AnnotationError("polygon 3: NaN coordinates")


def test_a_frame_that_cannot_be_drawn_is_refused_and_the_rest_goes_on(source, out, shown):
    form = made(
        AnnotatedFrame("a.png", failing, image=shown("a.png", 0)),
        frame("b.png", Painted("gland", np.ones((3, 3), bool)), image=shown("b.png", 1)),
        frame("c.png", gland(), image=source / "absent.png"),
        frame("d.png", gland(), image=shown("d.png", 2)),
        refused=["line of the reader"],
    )
    summary = take(form, source, out)
    assert summary.refused[:2] == ["line of the reader", "a.png: polygon 3: NaN coordinates"]
    assert "b.png: was painted at 3x3, its picture is 120x90 px" in summary.refused[2]
    assert "c.png: " in summary.refused[3]
    assert [*rows(out)] == ["d"]


@pytest.mark.parametrize(
    "name", ["../a.png", "/a.png", "..", "a/../../b.png", "\0.png", "a\nb.png", "ж" * 200, ".", ""]
)
def test_names_that_lead_out_write_nothing(source, out, shown, tmp_path, tree, name):
    before = tree(tmp_path)
    with pytest.raises(TrusError, match=r"nothing can be imported\n .*is no name for a frame"):
        take(made(frame(name, gland(), picture=lambda: np.zeros((90, 120), np.uint8))), source, out)
    assert tree(tmp_path) == before


def test_a_target_or_a_folder_of_pictures_that_is_none_is_said(source, out, shown):
    item = frame("a.png", gland(), image=shown("a.png", 0))
    with pytest.raises(AnnotationError, match=r"--images .*nowhere: no such folder"):
        take(made(item), source, out, images=source / "nowhere")
    with pytest.raises(ManifestError, match=r"-o .*a\.png: is a file; name a folder"):
        take(made(item), source, source / "a.png")


def test_an_export_only_format_is_said(source, out):
    with pytest.raises(AnnotationError, match="can be exported only"):
        take(Format("x"), source, out)
