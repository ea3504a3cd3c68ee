"""Annotations laid onto the frames of a manifest: which frame, which copy, whose drawing."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from trus.data.annotations.exchange import Painted
from trus.data.manifest import Manifest
from trus.errors import AnnotationError, ManifestError
from trus.files import write_text

from .made_export import BOX, HASHES, frame, gland, made, mask, rows, take


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


def test_a_name_in_another_folder_needs_its_picture(source, out, bare, shown):
    items = [frame("P7/border.png", gland(), size=(90, 120)), frame("train/nested.png", gland(), size=(90, 120))]
    summary = take(made(*items), source, out, manifest=bare)
    assert [line.partition(";")[0] for line in summary.refused] == [
        "P7/border.png: has only its file name in common with P2.2/border"
    ]
    assert [name for name, row in rows(out).items() if row["mask"]] == ["nested"]
    seen = frame("P7/border.png", gland(), image=shown("P7/border.png", 3))
    assert take(made(seen), source, out, manifest=bare).refused == []


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
