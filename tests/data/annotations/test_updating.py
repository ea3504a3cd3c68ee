"""Importing again: nothing changes, or what changes is shown first and the state before is kept."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trus.data.annotations.exchange import AnnotatedFrame
from trus.data.annotations.store import claimed
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import ManifestError
from trus.files import write_text

from .made_export import BOX, GLAND_LESION, frame, gland, made, mask, rows, take


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


def test_a_classes_json_that_lies_in_an_empty_target_counts(source, out, shown):
    mine = Classes.from_dict({"labels": {"1": "lesion", "3": "gland"}})
    out.mkdir()
    mine.save(out / "classes.json")
    item = frame("a.png", gland(), image=shown("a.png", 0))
    assert take(made(item), source, out).classes == mine
    assert mask(out, "a")[20, 20] == 3


def test_a_classes_json_in_an_empty_target_is_replaced_only_when_told(source, out, shown):
    mine = Classes.from_dict({"labels": {"1": "lesion", "3": "gland"}})
    out.mkdir()
    mine.save(out / "classes.json")
    item = frame("a.png", gland(), image=shown("a.png", 0))
    assert not take(made(item), source, out, classes=GLAND_LESION).applied
    summary = take(made(item), source, out, classes=GLAND_LESION, update=True)
    assert Manifest.load(out / "manifest.csv").classes == GLAND_LESION
    assert Classes.load(summary.earlier / "replaced" / "classes.json") == mine


def test_masks_of_a_manifest_with_other_labels_are_not_mixed_in(source, out, shown, hard):
    item = frame("a.png", gland(), image=shown("a.png", 0))
    take(made(item, classes=Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}})), source, out)
    with pytest.raises(ManifestError, match="label 2 is 'gland', not 'lesion'"):
        take(made(frame("nested", gland(), size=(90, 120))), source, out, manifest=hard)


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


def test_a_mask_that_lies_elsewhere_or_is_anothers_is_not_written_over(source, hard, tree):
    text = hard.read_text().replace("masks/nested.png", "theirs/x.png").replace("masks/whole.png", "masks/nested.png")
    hard.write_text(text)
    (hard.parent / "theirs").mkdir()
    (hard.parent / "masks/nested.png").rename(hard.parent / "theirs/x.png")
    (hard.parent / "masks/whole.png").rename(hard.parent / "masks/nested.png")
    before = tree(hard.parent)
    items = [frame(name, gland(), size=(90, 120)) for name in ("nested", "P2/nobody")]
    summary = take(made(*items), source, hard.parent, manifest=hard, update=True)
    assert "masks/nested.png, which is the mask of whole; rename one" in summary.refused[0]
    after = tree(hard.parent)
    assert {name: after[name] for name in before if name != "manifest.csv"} == {
        name: data for name, data in before.items() if name != "manifest.csv"
    }


def test_two_imports_into_one_folder_do_not_run_at_once(source, out, bare):
    form = made(frame("nested", gland(), size=(90, 120)))
    with claimed(out), pytest.raises(ManifestError, match="another import is writing into it"):
        take(form, source, out, manifest=bare)
    assert not out.exists()
    assert take(form, source, out, manifest=bare).applied


def test_what_a_killed_import_left_is_cleared_away(source, out, bare):
    for left in (".import-x", "earlier/.unfinished-x"):
        write_image(out / left / "masks" / "a.png", np.zeros((2, 2), np.uint8))
    take(made(frame("nested", gland(), size=(90, 120))), source, out, manifest=bare)
    assert not [*out.glob(".import-*"), *out.glob("earlier/.unfinished-*")]
