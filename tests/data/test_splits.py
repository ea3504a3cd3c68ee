"""Splits: patients stay together, strata spread, and a split is data that cannot be mistaken for another."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Contents, Frame
from trus.data.splits import Split, make_split, require_patients
from trus.errors import SplitError

CLASSES = Classes.from_dict({"labels": {"1": "lesion"}})
CONFIG = {
    "kind": "kfold", "folds": 3, "repeats": 1, "fold": 0, "val_fraction": 0.2, "seed": 0, "stratify": True,
    "allow_ungrouped": False,
    "file": None,
}  # fmt: skip


@pytest.fixture(scope="session")
def mask_files(tmp_path_factory) -> list[Path]:
    """Masks with 0, 4, 16 and 36 pixels of lesion."""
    folder = tmp_path_factory.mktemp("masks")
    for side in (0, 2, 4, 6):
        mask = np.zeros((8, 8), np.uint8)
        mask[:side, :side] = 1
        write_image(folder / f"{side}.png", mask)
    return [folder / f"{side}.png" for side in (0, 2, 4, 6)]


def frame(name: str, patient: str | None, mask: Path | None, split: str | None = "train") -> Frame:
    nothing = {"spacing": None, "region": None, "source": None, "licence": None}
    return Frame(row=2, image_id=name, image=Path(name), mask=mask, patient_id=patient, split=split, **nothing)


@pytest.fixture
def frames(mask_files) -> list[Frame]:
    """24 patients with 2 frames each; every fourth patient has no lesion, the others one of three sizes."""
    return [frame(f"p{p:02}_{n}", f"p{p:02}", mask_files[p % 4]) for p in range(24) for n in range(2)]


def contents(frames: list[Frame], image: dict[str, str]) -> Contents:
    """What `Manifest.verify` would have read of these masks."""
    masks = {frame.image_id: read_mask(frame.mask) for frame in frames if frame.mask}
    return Contents(image, {}, {name: np.bincount(mask.ravel(), minlength=256) for name, mask in masks.items()}, "")


def split(frames: list[Frame], **changes) -> Split:
    read = contents(frames, {frame.image_id: f"hash of {frame.image_id}" for frame in frames})
    return make_split(frames, CLASSES, read, CONFIG | changes)


def patients(image_ids: set[str]) -> set[str]:
    return {image_id.split("_")[0] for image_id in image_ids}


def test_no_patient_is_on_both_sides(frames):
    folds = split(frames, folds=5)
    for fold in range(5):
        training, validation = folds.part(fold)
        assert training
        assert validation
        assert not patients(training) & patients(validation)
    assert folds.grouped


def test_every_frame_validates_once(frames):
    folds = split(frames, folds=5)
    assert sorted(name for fold in folds.validation for name in fold) == sorted(frame.image_id for frame in frames)


def test_strata_are_even(frames):
    for part in split(frames, folds=3).validation:
        strata = np.bincount([int(patient[1:]) % 4 for patient in patients(set(part))], minlength=4)
        assert strata.tolist() == [2, 2, 2, 2]


def test_strata_are_of_the_rarest_target_and_hold_what_lies_inside_it():
    classes = Classes.from_dict(
        {"labels": {"1": "gland", "2": "lesion", "3": "core"}, "contains": {"gland": ["lesion"], "lesion": ["core"]}}
    ).select(("gland", "lesion"))
    made = [frame(f"p{p:02}_0", f"p{p:02}", Path("drawn.png")) for p in range(24)]
    pixels = {each.image_id: np.zeros(256, np.int64) for each in made}
    for n, counts in enumerate(pixels.values()):
        counts[1] = 10 + n
        counts[2 + n % 4 // 2] = 5 * (n % 2)  # lesions in every second frame, half of them all core
        counts[0] = 100 - counts.sum()
    read = Contents({name: name for name in pixels}, {}, pixels, "")
    for part in make_split(made, classes, read, CONFIG | {"folds": 4}).validation:
        assert sum(int(name[1:3]) % 2 for name in part) == 3


def measured(held: list[tuple[int, int]]) -> tuple[list[Frame], Contents]:
    """A frame of a patient of its own for each (pixels of lesion, pixels in all)."""
    made = [frame(f"p{p:02}_0", f"p{p:02}", Path("drawn.png")) for p in range(len(held))]
    pixels = {each.image_id: np.zeros(256, np.int64) for each in made}
    for counts, (lesion, whole) in zip(pixels.values(), held, strict=True):
        counts[:2] = whole - lesion, lesion
    return made, Contents({name: name for name in pixels}, {}, pixels, "")


@pytest.mark.parametrize("seed", range(4))
def test_strata_are_thirds_of_the_share_of_the_frame_beside_the_frames_without(seed):
    shares = [0] * 8 + [*range(1, 25)]
    made, read = measured([(share * whole, 100 * whole) for share, whole in zip(shares, [1, 100] * 16, strict=True)])
    for part in make_split(made, CLASSES, read, CONFIG | {"folds": 4, "seed": seed}).validation:
        sizes = [shares[int(name[1:3])] for name in part]
        assert np.bincount(np.digitize(sizes, [1, 9, 17]), minlength=4).tolist() == [2, 2, 2, 2]


def test_the_second_repeat_is_the_split_of_the_next_seed(frames):
    twice = split(frames, repeats=2, seed=4)
    assert twice.validation == split(frames, seed=4).validation + split(frames, seed=5).validation


def test_without_stratification_strata_may_be_uneven(frames):
    unevenness = [
        np.ptp([sum(int(patient[1:]) % 4 == 0 for patient in patients(set(part))) for part in folds.validation])
        for folds in (split(frames, stratify=False, seed=seed) for seed in range(5))
    ]
    assert max(unevenness) > 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_patients_can_be_split_and_no_fold_is_empty(mask_files, data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=12))
    kinds = data.draw(st.lists(st.integers(0, 3), min_size=sum(sizes), max_size=sum(sizes)))
    names = [f"p{p:02}_{n}" for p, size in enumerate(sizes) for n in range(size)]
    made = [frame(name, name.split("_")[0], mask_files[kind]) for name, kind in zip(names, kinds, strict=True)]
    folds = split(made, folds=data.draw(st.integers(2, len(sizes))), seed=data.draw(st.integers(0, 9)))
    assert sorted(name for fold in folds.validation for name in fold) == sorted(names)
    for fold in range(len(folds.validation)):
        training, validation = folds.part(fold)
        assert validation
        assert not patients(training) & patients(validation)


def test_the_same_seed_gives_the_same_split_whatever_the_row_order(frames):
    assert split(frames).hash == split(frames[::-1]).hash
    assert split(frames) == split(frames[::-1])


def test_other_seeds_folds_and_frames_give_other_hashes(frames):
    made = [
        split(frames),
        split(frames, seed=1),
        split(frames, folds=4),
        split(frames[:-2]),
        split(frames, kind="holdout"),
    ]
    assert len({each.hash for each in made}) == len(made)


@pytest.mark.parametrize(("fraction", "expected"), [(0.2, 0.2), (0.25, 0.25), (0.4, 0.4), (0.6, 0.6), (0.1, 0.1)])
def test_a_holdout_has_the_share_asked_for(frames, fraction, expected):
    holdout = split(frames, kind="holdout", val_fraction=fraction)
    assert len(holdout.validation) == 1
    training, validation = holdout.part(0)
    assert not patients(training) & patients(validation)
    assert abs(len(validation) / len(frames) - expected) < 0.05


@pytest.mark.parametrize("fraction", [0.1, 0.9])
def test_a_holdout_with_nobody_on_one_side_is_refused(frames, fraction):
    with pytest.raises(
        SplitError, match=rf"split\.val_fraction={fraction}: of 2 patients .* leaves nobody on one side"
    ):
        split(frames[:4], kind="holdout", val_fraction=fraction)


def test_test_frames_and_frames_without_a_mask_are_in_no_part(frames, mask_files):
    others = [frame("test_0", "t", mask_files[0], "test"), frame("bare_0", "b", None)]
    assert split(frames + others).hash == split(frames).hash


def test_fewer_patients_than_folds_are_refused(frames):
    with pytest.raises(SplitError, match=r"split\.folds=5: patients .*: 4; ask for at most split\.folds=4"):
        split(frames[:8], folds=5)
    with pytest.raises(SplitError, match=r"split\.folds=2: patients .*: 1; one cannot both train and validate"):
        split(frames[:1], folds=2)


def test_nothing_to_split_is_refused(mask_files):
    with pytest.raises(SplitError, match="no frame to split"):
        split([frame("t_0", "t", mask_files[0], "test")])


def test_no_patient_id_is_refused_with_the_ways_out(frames):
    frames[3] = replace(frames[3], patient_id=None)
    with pytest.raises(SplitError, match=r"1 of 48 frames have no patient_id \(first: row 2, p01_1\)") as caught:
        split(frames)
    assert "--patient-regex" in str(caught.value)
    assert "split.allow_ungrouped=true" in str(caught.value)


def test_a_test_frame_needs_no_patient_id(frames, mask_files):
    require_patients([*frames, frame("t", None, mask_files[0], "test")], allow_ungrouped=False)


def test_ungrouped_frames_are_split_when_the_user_says_so(frames):
    nameless = [replace(each, patient_id=None) for each in frames]
    folds = split(nameless, allow_ungrouped=True)
    assert not folds.grouped
    assert sum(map(len, folds.validation)) == 48


def test_identical_frames_stay_together_without_patients(frames):
    nameless = [replace(each, patient_id=None) for each in frames]
    image = {each.image_id: f"hash {i // 2}" for i, each in enumerate(nameless)}  # p00_0 is p00_1, and so on
    folds = make_split(nameless, CLASSES, contents(nameless, image), CONFIG | {"allow_ungrouped": True})
    for fold in range(3):
        training, validation = folds.part(fold)
        assert not patients(training) & patients(validation)


@pytest.mark.parametrize("fold", [-1, 3])
def test_a_fold_that_is_not_there_is_refused(frames, fold):
    with pytest.raises(SplitError, match=rf"split\.fold={fold}: this split has folds 0 to 2"):
        split(frames).part(fold)


def test_a_saved_split_is_loaded(frames, tmp_path):
    made = split(frames)
    made.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json", frames[::-1]) == made


def test_a_split_is_plain_json(frames, tmp_path):
    made = split(frames)
    made.save(tmp_path / "split.json")
    assert json.loads((tmp_path / "split.json").read_text()) == {
        "kind": "kfold",
        "grouped": True,
        "hash": made.hash,
        "image_ids": [*made.image_ids],
        "validation": [[*fold] for fold in made.validation],
    }


def edited(path: Path, **changes) -> Path:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_an_edited_split_is_refused(frames, tmp_path):
    made = split(frames)
    made.save(tmp_path / "split.json")
    moved = [list(fold) for fold in made.validation]
    moved[0].append(moved[1].pop())
    with pytest.raises(SplitError, match="was made for other frames or edited"):
        Split.load(edited(tmp_path / "split.json", validation=moved), frames)


def test_a_split_of_other_frames_is_refused(frames, tmp_path):
    split(frames).save(tmp_path / "split.json")
    with pytest.raises(SplitError, match=r"\(2 frames differ\); make a new one"):
        Split.load(tmp_path / "split.json", frames[2:])


def test_a_split_that_separates_a_patient_as_known_now_is_refused(frames, tmp_path):
    nameless = [replace(each, patient_id=None) for each in frames]
    split(nameless, allow_ungrouped=True).save(tmp_path / "split.json")
    assert not Split.load(tmp_path / "split.json", nameless).grouped
    said = r"split\.json: fold 0 trains and validates on patients \[('p\d\d', ){4}'p\d\d'\], .* leaving split.file out"
    with pytest.raises(SplitError, match=said):
        Split.load(tmp_path / "split.json", frames)


def test_whether_a_split_is_grouped_is_not_taken_from_the_file(frames, tmp_path):
    nameless = [replace(each, patient_id=None) for each in frames]
    split(nameless, allow_ungrouped=True).save(tmp_path / "split.json")
    assert not Split.load(edited(tmp_path / "split.json", grouped=True), nameless).grouped


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "kfold", "validation": 3}', "\x00"])
def test_a_file_that_is_no_split_is_refused(frames, tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(SplitError, match=r"split\.file=.*not a split\.json of trus"):
        Split.load(tmp_path / "split.json", frames)
    with pytest.raises(SplitError, match=r"absent\.json: no such file; every run folder"):
        Split.load(tmp_path / "absent.json", frames)
