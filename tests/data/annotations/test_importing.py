"""What every import does, whatever the format: frames, classes, updates, history, and what is refused."""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.exchange import AnnotatedFrame, Export, Format, Outline, Painted
from trus.data.annotations.importing import ImportOptions, ImportSummary, import_annotations
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import AnnotationError, ManifestError, TrusError
from trus.files import write_text

GLAND_LESION = Classes.from_dict(
    {"labels": {"2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
BOX = np.array([[10, 10], [60, 10], [60, 40], [10, 40]], float)
HASHES = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


def made(*frames: AnnotatedFrame, classes: Classes = GLAND_LESION, **more) -> Format:
    """A format whose reader found these frames."""
    return Format("made", read=lambda source, options: Export(classes, [*frames], **more))


def frame(name: str, *drawn, **more) -> AnnotatedFrame:
    return AnnotatedFrame(name, lambda: [*drawn], **more)


def gland(ring: np.ndarray = BOX) -> Outline:
    return Outline("gland", (ring,))


@pytest.fixture
def source(tmp_path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def shown(source, picture):
    """Write a picture into the export: (name, seed or pixels) -> its path."""

    def write(name: str, pixels: int | np.ndarray) -> Path:
        pixels = picture(pixels) if isinstance(pixels, int) else pixels
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


def take(form: Format, source: Path, out: Path, **options) -> ImportSummary:
    return import_annotations(form, source, out, ImportOptions(**options))


def rows(out: Path) -> dict[str, dict[str, str]]:
    import pandas as pd

    table = pd.read_csv(out / "manifest.csv", dtype=str, keep_default_na=False)
    return {row["image_id"]: row for row in table.to_dict("records")}


def mask(out: Path, name: str) -> np.ndarray:
    return read_mask(out / "masks" / f"{name}.png")


# frames from the export's own pictures


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


# classes


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


# onto a manifest


def test_rows_are_kept_with_all_their_columns(source, out, bare):
    summary = take(made(frame("P1__кадр touching.png", gland(), size=(90, 120))), source, out, manifest=bare)
    assert summary.annotated == 1
    assert [*rows(out)] == [*rows(bare.parent)]
    row = rows(out)["P1/кадр touching"]
    assert row["grade"] == "g"
    assert (out / row["image"]).resolve() == bare.parent / "frames" / "P1" / "кадр touching.png"
    assert row["mask"] == "masks/P1/кадр touching.png"
    Manifest.load(out / "manifest.csv").verify()
    assert not (bare.parent / "masks").exists()


def test_a_manifest_can_be_filled_in_place_step_by_step(source, bare):
    for name in ("nested", "whole"):
        summary = take(made(frame(name, gland(), size=(90, 120))), source, bare.parent, manifest=bare)
        assert summary.applied
    assert "6 frame(s) that are not in this import stay as they are" in summary.notes
    assert [name for name, row in rows(bare.parent).items() if row["mask"]] == ["nested", "whole"]
    assert [*rows(bare.parent)["whole"]][-1] == "grade"


def test_columns_without_a_value_stay(source, hard):
    take(made(frame("P2/nobody", gland(), size=(90, 120))), source, hard.parent, manifest=hard)
    assert [*rows(hard.parent)["nested"]][-2:] == ["grade", "nothing"]


def test_a_second_import_elsewhere_adds_to_the_first(source, out, bare):
    take(made(frame("nested", gland(), size=(90, 120), annotator="A")), source, out, manifest=bare)
    take(made(frame("whole", gland(), size=(90, 120), annotator="B")), source, out, manifest=bare)
    assert {name: row["annotator"] for name, row in rows(out).items() if row["mask"]} == {"nested": "A", "whole": "B"}


def test_frames_of_another_size_without_their_picture_are_refused(source, out, bare):
    summary = take(
        made(frame("nested", gland(), size=(640, 640)), frame("whole", gland()), frame("P2/empty", size=(90, 120))),
        source, out, manifest=bare,
    )  # fmt: skip
    assert "nested: was drawn at 640x640, its picture is 120x90 px; with the export's own picture" in summary.refused[0]
    assert "whole: the export states no size and holds no picture" in summary.refused[1]
    assert not mask(out, "P2/empty").any()


def test_pictures_of_other_frames_are_refused_and_the_rest_goes_on(source, out, bare, shown):
    items = [frame(name, gland(), image=shown(f"{name}.png", seed)) for name, seed in (("nested", 77), ("whole", 6))]
    summary = take(made(*items), source, out, manifest=bare)
    assert "nested: is not the picture of this frame" in summary.refused[0]
    assert [name for name, row in rows(out).items() if row["mask"]] == ["whole"]


def test_an_export_of_other_frames_writes_no_mask(source, out, bare, shown):
    items = [frame(f"other{n}.png", gland(), image=shown(f"other{n}.png", n)) for n in range(3)]
    summary = take(made(*items), source, out, manifest=bare)
    assert summary.refused == [f"other{n}.png: no frame of the manifest has this name" for n in range(3)]
    assert summary.annotated == 0


def resized(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA)


def test_a_resized_picture_is_mapped_back(source, out, bare, shown, picture):
    path = shown("nested.jpg", resized(picture(0)))
    outline = gland(BOX * [200 / 120, 200 / 90])
    plane = np.zeros((200, 200), bool)
    plane[150:, 150:] = True
    item = frame("nested.jpg", outline, Painted("вена 1", plane), image=path, size=(200, 200))
    summary = take(made(item), source, out, manifest=bare)
    expected = np.zeros((90, 120), np.uint8)
    expected[10:40, 10:60] = 2
    assert (mask(out, "nested")[:60] == expected[:60]).all()
    assert (mask(out, "nested")[70:, 95:] == 7).all()
    assert any("1 frame(s) resampled from 200x200 px" in note for note in summary.notes)


def test_of_several_copies_the_upright_one_wins(source, out, bare, shown, picture):
    upright = frame("nested_png.rf." + HASHES[0] + ".jpg", gland(BOX * [200 / 120, 200 / 90]),
                    image=shown("a.jpg", resized(picture(0))))  # fmt: skip
    mirrored = frame("nested_png.rf." + HASHES[1] + ".jpg", gland([200, 0] + BOX * [-200 / 120, 200 / 90]),
                     image=shown("b.jpg", np.ascontiguousarray(resized(picture(0))[:, ::-1])))  # fmt: skip
    summary = take(made(mirrored, upright), source, out, manifest=bare)
    assert not summary.refused
    assert not any("drawn differently" in note for note in summary.notes)
    assert (mask(out, "nested")[10:40, 10:60] == 2).all()
    other = replace(mirrored, draw=lambda: [gland()])
    summary = take(made(other, upright), source, out.parent / "second", manifest=bare)
    assert any("mirrored or turned, and drawn differently" in note for note in summary.notes)
    assert (mask(out.parent / "second", "nested") == mask(out, "nested")).all()


def test_copies_that_disagree_are_refused(source, out, bare, shown, picture):
    image = shown("a.jpg", resized(picture(0)))
    first = frame("nested_png.rf." + HASHES[0] + ".jpg", gland(), image=image)
    second = frame("nested_png.rf." + HASHES[1] + ".jpg", gland(BOX + 20), image=image)
    summary = take(made(first, second), source, out, manifest=bare)
    assert "nested: its copies are drawn differently" in summary.refused[0]
    assert rows(out)["nested"]["mask"] == ""


def test_a_copy_that_does_not_fit_gives_way_to_one_that_does(source, out, bare, shown, picture):
    good = frame("nested_png.rf." + HASHES[0] + ".jpg", gland(BOX * [200 / 120, 200 / 90]),
                 image=shown("a.jpg", resized(picture(0))))  # fmt: skip
    crop = frame("nested_png.rf." + HASHES[1] + ".jpg", gland(), image=shown("b.jpg", resized(picture(0)[20:, 20:])))
    summary = take(made(crop, good), source, out, manifest=bare)
    assert not summary.refused
    assert any(HASHES[1] in note and "another copy of the frame was taken" in note for note in summary.notes)
    assert (mask(out, "nested")[10:40, 10:60] == 2).all()
    assert take(made(crop), source, out, manifest=bare).refused[0].startswith("nested_png.rf." + HASHES[1])


def test_a_broken_manifest_is_told_before_anything_else(source, out, bare):
    write_text(bare, bare.read_text().replace("nested", "whole"))
    with pytest.raises(ManifestError, match="stands in more than one row"):
        take(made(frame("whole", gland(), size=(90, 120))), source, out, manifest=bare)
    assert not out.exists()


# annotators


def test_one_annotator_is_chosen(source, out, bare):
    both = [frame("nested", gland(BOX + shift), size=(90, 120), annotator=who) for who, shift in (("A", 0), ("B", 9))]
    summary = take(made(*both), source, out, manifest=bare)
    assert "nested: drawn by A, B; take one by --annotator" in summary.refused[0]
    take(made(*both), source, out, manifest=bare, annotator="B")
    assert rows(out)["nested"]["annotator"] == "B"
    assert mask(out, "nested")[12, 12] == 0
    with pytest.raises(AnnotationError, match="--annotator C: the export's annotators are A, B"):
        take(made(*both), source, out, manifest=bare, annotator="C")


def test_the_only_annotator_can_be_named(source, out, bare):
    take(made(frame("nested", gland(), size=(90, 120))), source, out, manifest=bare, annotator="Dr. A")
    assert rows(out)["nested"]["annotator"] == "Dr. A"


# importing again


def test_a_changed_mask_is_shown_and_only_replaced_when_told(source, out, bare, tree):
    take(made(frame("nested", gland(), size=(90, 120)), frame("whole", size=(90, 120))), source, out, manifest=bare)
    before = tree(out)
    changed = made(frame("nested", gland(BOX + 1), size=(90, 120)), frame("P2/empty", size=(90, 120)))
    summary = take(changed, source, out, manifest=bare)
    assert not summary.applied
    assert summary.changes.lines() == ["nested: 158 px change; Dice gland 0.947"]
    assert tree(out) == before
    summary = take(changed, source, out, manifest=bare, update=True)
    assert summary.applied
    assert summary.earlier is not None
    kept = tree(summary.earlier)
    assert kept["masks/nested.png"] == before["masks/nested.png"]
    assert kept["classes.json"] == before["classes.json"]
    earlier = Manifest.load(summary.earlier / "manifest.csv")
    earlier.verify()
    assert {f.image_id for f in earlier.frames if f.mask} == {"nested", "whole"}
    assert mask(out, "nested")[40, 60] == 2
    after = tree(out)
    assert take(changed, source, out, manifest=bare, update=True).changes.nothing
    assert tree(out) == after


def test_new_frames_and_first_masks_need_no_update(source, out, shown):
    first = frame("a.png", gland(), image=shown("a.png", 0))
    later = [AnnotatedFrame("b.png", None, image=shown("b.png", 1)), frame("c.png", gland(), image=shown("c.png", 2))]
    take(made(first, later[0]), source, out)
    summary = take(made(replace(later[0], draw=lambda: [gland()]), later[1]), source, out)
    assert summary.applied
    assert (summary.changes.added, summary.changes.annotated) == (["c"], ["b"])
    assert [*rows(out)] == ["a", "b", "c"]
    assert not (out / "earlier").exists()


def test_what_a_person_filled_in_stays(source, out, shown):
    form = made(frame("a.png", gland(), image=shown("a.png", 0)))
    take(form, source, out)
    write_text(out / "manifest.csv", (out / "manifest.csv").read_text().replace("masks/a.png,,", "masks/a.png,P7,"))
    assert take(form, source, out).changes.nothing
    assert rows(out)["a"]["patient_id"] == "P7"
    summary = take(form, source, out, patient_regex="a")
    assert summary.changes.lines() == ["a: patient_id 'P7' -> 'a'"]
    assert not summary.applied


def test_classes_with_masks_may_grow_but_not_move(source, out, shown):
    item = frame("a.png", gland(), image=shown("a.png", 0))
    take(made(item), source, out)
    with pytest.raises(ManifestError, match="label 2 is 'gland', not 'cyst'"):
        take(made(item), source, out, classes=Classes.from_dict({"labels": {"1": "gland", "2": "cyst"}}))
    more = Classes.from_dict({"labels": {**GLAND_LESION.to_dict()["labels"], "9": "cyst"}})
    assert take(made(item), source, out, classes=more).changes.lines() == ["classes.json changes"]
    take(made(item), source, out, classes=more, update=True)
    assert Manifest.load(out / "manifest.csv").classes.labels[9] == "cyst"


def test_a_file_that_no_row_names_is_not_lost(source, out, bare):
    write_image(out / "masks" / "nested.png", np.full((90, 120), 9, np.uint8))
    (out / "manifest.csv").write_bytes(bare.read_bytes().replace(b"frames/", b"../bare/frames/"))
    shutil.copy(bare.parent / "classes.json", out)
    form = made(frame("nested", gland(), size=(90, 120)))
    assert not take(form, source, out, manifest=bare).applied
    summary = take(form, source, out, manifest=bare, update=True)
    assert read_mask(summary.earlier / "replaced" / "masks" / "nested.png")[0, 0] == 9


@pytest.mark.parametrize("step", [0, 1])
def test_stopped_halfway_the_earlier_state_can_be_read_and_the_import_repeated(
    source, out, bare, tree, monkeypatch, step
):
    form = made(frame("nested", gland(), size=(90, 120)), frame("whole", gland(), size=(90, 120)))
    take(form, source, out, manifest=bare)
    before = tree(out)
    changed = made(frame("nested", gland(BOX + 5), size=(90, 120)), frame("whole", gland(BOX + 5), size=(90, 120)))
    moved, original = [], Path.replace

    def stop(path: Path, target: Path) -> Path:
        if ".import-" in str(path) and ".import-" not in str(target):
            moved.append(target)
            if len(moved) > step:
                raise OSError(28, "No space left on device")
        return original(path, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(OSError, match="No space"):
        take(changed, source, out, manifest=bare, update=True)
    monkeypatch.undo()
    Manifest.load(out / "manifest.csv").verify()
    (earlier,) = (out / "earlier").iterdir()
    assert {name: data for name, data in tree(earlier).items() if "masks" in name} == {
        name: data for name, data in before.items() if "masks" in name
    }
    assert not list(out.glob(".import-*"))
    take(changed, source, out, manifest=bare, update=True)
    assert mask(out, "whole")[44, 64] == mask(out, "nested")[44, 64] == 2


# what a frame's drawing may do


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


def test_an_export_only_format_is_said(source, out):
    with pytest.raises(AnnotationError, match="can be exported only"):
        take(Format("x"), source, out)
