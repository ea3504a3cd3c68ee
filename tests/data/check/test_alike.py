"""Equal and nearly equal frames: found whatever their files are, and told by what they mean."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from trus.data.check import duplicates
from trus.data.check.duplicates import find_pairs
from trus.data.check.fingerprint import TURNS, Fingerprint, digest_any_way, take_fingerprint, turn
from trus.data.check.run import check_manifest
from trus.data.classes import Classes
from trus.data.manifest import write_manifest

USGRA = Path(__file__).parents[4] / "shared" / "data" / "usgra"


def as_jpeg(image: np.ndarray) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer))


def alike(found: dict) -> dict:
    return {code: rows for code, rows in found.items() if "duplicate" in code}


def test_pictures_of_their_own_are_not_alike(data, codes):
    for name in range(40):
        data.add(str(name))
    assert alike(codes(data.check())) == {}


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_equal_pixels_are_found_in_any_file(data, codes, suffix):
    first = data.add("a", data.picture(1), patient_id="p", split="train")
    second = data.add("b", patient_id="p", split="train")
    Image.fromarray(data.picture(1)).convert("RGB").save(data.folder / f"images/копия [1]{suffix}")
    data.rows[-1]["image"] = f"images/копия [1]{suffix}"
    assert alike(codes(data.check())) == {"duplicate": [(first, second)]}


RELATIONS = {
    "same patient": (("p", "train"), ("p", "train"), "duplicate", "near-duplicate"),
    "two patients": (("p", ""), ("q", ""), "duplicate-across-patients", "near-duplicate-across-patients"),
    "patients unknown": ((None, ""), (None, ""), "duplicate", "near-duplicate-patient-unknown"),
    "one unknown": (("p", ""), (None, ""), "duplicate-across-patients", "near-duplicate-patient-unknown"),
    "across the test": ((None, "test"), (None, "train"), "duplicate-across-test", "near-duplicate-across-test"),
}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("near", [False, True])
def test_a_pair_is_told_by_what_it_means(data, codes, relation, near):
    (patient, split), (other, other_split), exact_code, near_code = RELATIONS[relation]
    rows = (
        data.add("a", data.picture(1), patient_id=patient, split=split),
        data.add("b", as_jpeg(data.picture(1)) if near else data.picture(1), patient_id=other, split=other_split),
    )
    assert alike(codes(data.check())) == {near_code if near else exact_code: [rows]}


def test_test_and_patients_are_both_told(data, codes):
    data.add("a", data.picture(1), patient_id="p", split="train")
    data.add("b", data.picture(1), patient_id="q", split="test")
    assert set(alike(codes(data.check()))) == {"duplicate-across-test", "duplicate-across-patients"}


@pytest.mark.parametrize("number", range(1, len(TURNS)))
def test_a_turned_copy_is_the_same_picture(data, number):
    data.add("a", data.picture(1))
    data.add("b", np.ascontiguousarray(turn(data.picture(1), number)))
    (finding,) = [finding for finding in data.check().findings if "duplicate" in finding.code]
    assert finding.code == "duplicate-across-patients"
    assert finding.what.startswith("2 times the same pixels, mirrored or turned: a")


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7))), st.integers(0, 7))
def test_the_digest_is_the_same_any_way(image, number):
    levels = np.bincount(image.ravel(), minlength=256)
    assert digest_any_way(image, levels) == digest_any_way(turn(image, number), levels)
    changed = image.copy()
    changed[0, 0] ^= 1
    assert digest_any_way(image, levels) != digest_any_way(changed, np.bincount(changed.ravel(), minlength=256))


def test_a_mirrored_copy_beside_a_region_is_found(data, codes):
    region = {"region_x0": 10, "region_y0": 0, "region_x1": 120, "region_y1": 160}
    rows = (data.add("a", data.picture(1), **region), data.add("b", data.picture(1)[:, ::-1], **region))
    assert alike(codes(data.check())) == {"duplicate-across-patients": [rows]}


def test_a_mirrored_jpeg_is_nearly_the_same(data):
    data.add("a", data.picture(1))
    data.add("b", as_jpeg(data.picture(1)[:, ::-1]))
    (what,) = [f.what for f in data.check().findings if f.code == "near-duplicate-across-patients"]
    assert what.endswith(", mirrored")


def test_equal_frames_with_other_masks_are_told(data, codes):
    rows = (data.add("a", data.picture(1), data.gland()), data.add("b", data.picture(1), data.gland() * 0))
    assert codes(data.check())["duplicate-other-mask"] == [rows]


def test_the_same_picture_cropped_to_its_region_is_found(data, codes):
    whole = np.zeros((220, 300), np.uint8)
    whole[30:190, 50:250] = data.picture(1)
    region = {"region_x0": 50, "region_y0": 30, "region_x1": 250, "region_y1": 190}
    rows = (data.add("a", whole, **region), data.add("b", data.picture(1)))
    assert alike(codes(data.check())) == {"near-duplicate-across-patients": [rows]}


def screen(tissue: np.ndarray) -> np.ndarray:
    """A fan with a logo beside it, faintly filled with tissue: most of it is the same for all patients."""
    y, x = np.mgrid[:160, :200]
    sector = (np.hypot(y + 20, x - 100) < 170) & (np.abs(x - 100) < 0.8 * (y + 20))
    image = np.where(sector, 90 + tissue // 4, 0).astype(np.uint8)
    image[5:25, 150:195] = 255
    return image


@pytest.mark.parametrize("patients", [3, 12])
def test_what_all_pictures_of_a_device_share_does_not_make_them_alike(data, codes, patients):
    for name in range(patients):
        data.add(str(name), screen(data.picture(name)), device="scanner")
    assert alike(codes(data.check())) == {}


@pytest.mark.parametrize("patients", [3, 12])
def test_one_picture_under_two_patients_of_a_device_is_found_in_spite_of_what_they_share(data, codes, patients):
    rows = [data.add(str(name), screen(data.picture(name)), device="scanner") for name in range(patients)]
    again = data.add("again", as_jpeg(screen(data.picture(0))), device="scanner")
    assert alike(codes(data.check())) == {"near-duplicate-across-patients": [(rows[0], again)]}


def test_blank_frames_are_blank_and_not_alike(data, codes):
    for name in range(3):
        data.add(str(name), np.full((160, 200), name, np.uint8))
    found = codes(data.check())
    assert found["blank-frame"] == [(2,), (3,), (4,)]
    assert alike(found) == {}


def test_a_hundred_copies_are_one_finding(data, codes):
    for name in range(100):
        noise = np.random.default_rng(name).integers(0, 3, (160, 200), np.uint8)
        data.add(str(name), data.picture(1) // 2 + noise, patient_id="p")
    ((rows,),) = alike(codes(data.check())).values()
    assert sorted(rows) == list(range(2, 102))


def prints(picture: Callable[[int, tuple[int, int]], np.ndarray], count: int) -> list[Fingerprint]:
    """Of `count` / 3 pictures, each three times: turned in some way and with noise of its own."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 40, (count, 130, 130), np.uint8)
    shown = [turn(picture(k % (count // 3), (130, 130)), k % 8) // 2 + noise[k] for k in range(count)]
    return [take_fingerprint(image) for image in shown]


@pytest.mark.parametrize("block", [1, 7, 512])
def test_the_block_size_does_not_matter(data, monkeypatch, block):
    """The reference compares all pairs one by one."""
    monkeypatch.setattr(duplicates, "_BLOCK", block)
    known = prints(data.picture, 30)
    groups = [("", str(k)) for k in range(30)]
    found = {
        (int(i), int(j), int(t)): float(score)
        for pairs in find_pairs(known, groups)
        for i, j, score, t in zip(pairs.first, pairs.second, pairs.score, pairs.turned, strict=True)
    }
    details = np.stack([p.detail for p in known]).astype(float)
    details -= details.mean(0)
    shared = np.stack([p.detail for p in known]).astype(float).mean(0)
    expected = {}
    for i in range(30):
        for j in range(i + 1, 30):
            for t in range(8):
                other = turn(known[j].detail.astype(float), t) - shared
                score = np.corrcoef(details[i].ravel(), other.ravel())[0, 1]
                bits = int(known[i].hashes[0] ^ known[j].hashes[t]).bit_count()
                if bits <= duplicates.HASH_DISTANCE and score >= duplicates.ALIKE:
                    expected[i, j, t] = score
    assert found.keys() == expected.keys()
    assert len(found) >= 20
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason="shared/data/usgra is not here")
def test_usgra_holds_a_repeat_with_two_masks_and_pairs_across_its_test_part(tmp_path, codes):
    parts = (("train", USGRA), ("test", USGRA / "test"))
    rows = [
        {"image_id": f"{part}_{f.stem}", "image": f, "mask": folder / "masks" / f.name, "split": part}
        for part, folder in parts
        for f in sorted((folder / "images").glob("*.png"))
    ]
    write_manifest(tmp_path / "manifest.csv", rows)
    Classes.from_dict({"labels": {"1": "nerve", "2": "vessel"}}).save(tmp_path / "classes.json")
    check = check_manifest(tmp_path / "manifest.csv", jobs=2)
    names = {frame.row: frame.image_id for frame in check.frames}
    found = codes(check)
    assert [names[row] for row in found["duplicate-other-mask"][0]] == ["train_0043", "train_0077"]
    pairs = {frozenset(names[row] for row in rows) for rows in found["near-duplicate-across-test"]}
    assert {frozenset({"train_0034", "test_0143"}), frozenset({"train_0002", "test_0047"})} <= pairs
