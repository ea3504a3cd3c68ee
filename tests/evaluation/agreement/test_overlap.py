"""Agreement of annotators: against values computed by hand, and the rules for empty masks."""

import csv

import numpy as np
import pytest

from trus.data.classes import Classes
from trus.evaluation.agreement.overlap import (
    class_dice,
    compare_frame,
    frame_dice,
    overall,
    summarise_pairs,
    write_frames,
    write_patients,
)

LESION = Classes.from_dict({"labels": {"0": "background", "1": "lesion"}})
NESTED = Classes.from_dict(
    {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
)


def box(x0: int, x1: int, value: int = 1) -> np.ndarray:
    labels = np.zeros((10, 20), np.uint8)
    labels[2:6, x0:x1] = value
    return labels


EMPTY = box(0, 0)


def test_dice_and_iou_by_hand():
    (one,) = compare_frame("f", "p", {"A": box(0, 10), "B": box(5, 10)}, LESION)
    assert (one.first_area, one.second_area, one.intersection) == (40, 20, 20)
    assert one.dice == pytest.approx(40 / 60)
    assert one.iou == pytest.approx(20 / 40)
    assert one.drawn_by == "both"


def test_three_annotators_make_three_pairs_of_every_class():
    rows = compare_frame("f", None, {"A": box(0, 10), "B": box(5, 10, 2), "C": EMPTY}, NESTED)
    found = {(row.first, row.second, row.class_name): row for row in rows}
    assert len(found) == 6
    assert found["A", "B", "gland"].dice == pytest.approx(40 / 60)  # B's lesion lies in B's gland
    assert found["A", "B", "lesion"].drawn_by == "second"
    assert found["A", "C", "gland"].dice == 0
    assert np.isnan(found["A", "C", "lesion"].dice)
    assert found["A", "C", "lesion"].drawn_by == "none"
    assert found["A", "B", "gland"].patient_id == "f"
    assert class_dice(rows) == pytest.approx({"gland": (2 / 3 + 0 + 0) / 3, "lesion": 0})
    assert frame_dice(rows) == pytest.approx(2 / 3 / 5)


@pytest.fixture
def comparisons():
    """Lesion: frame 1 (patient p) Dice 2/3, 2 (p) only A, 3 (q) neither, 4 (q) Dice 1, 5 (r) only B."""
    drawn = [(box(0, 10), box(5, 10)), (box(0, 4), EMPTY), (EMPTY, EMPTY), (box(1, 3), box(1, 3)), (EMPTY, box(2, 3))]
    return [
        row
        for number, (patient, (a, b)) in enumerate(zip("ppqqr", drawn, strict=True), 1)
        for row in compare_frame(f"f{number}", patient, {"A": a, "B": b}, LESION)
    ]


def test_pair_counts_means_and_kappa(comparisons):
    (pair,) = summarise_pairs(comparisons, LESION)
    assert (pair.both, pair.first_only, pair.second_only, pair.none) == (2, 1, 1, 1)
    assert pair.dice.value == pytest.approx((2 / 3 + 0 + 1 + 0) / 4)
    assert pair.iou.value == pytest.approx((1 / 2 + 0 + 1 + 0) / 4)
    assert (pair.dice.frames, pair.dice.patients) == (4, 3)
    assert pair.dice_where_both_drew.value == pytest.approx((2 / 3 + 1) / 2)
    assert pair.dice.low <= pair.dice.value <= pair.dice.high
    assert pair.kappa == pytest.approx((3 / 5 - (9 + 4) / 25) / (1 - (9 + 4) / 25))
    assert overall(comparisons).value == pytest.approx(pair.dice.value)


def test_kappa_is_undefined_where_all_drew_everywhere():
    (pair,) = summarise_pairs(compare_frame("f", "p", {"A": box(0, 3), "B": box(0, 3)}, LESION), LESION)
    assert pair.kappa is None
    assert np.isnan(pair.dice.low)  # one patient, no interval
    assert pair.to_dict()["dice"] == {"value": 1.0, "low": None, "high": None, "frames": 1, "patients": 1}


def test_all_classes_is_the_mean_of_the_classes():
    rows = compare_frame("f", "p", {"A": box(0, 10), "B": box(0, 10, 2)}, NESTED)
    gland, lesion, both = summarise_pairs(rows, NESTED)
    assert (gland.dice.value, lesion.dice.value, both.dice.value) == (1, 0, 0.5)
    assert both.class_name == "all classes"


def test_the_order_of_frames_and_annotators_changes_nothing(comparisons):
    (forward,) = summarise_pairs(comparisons, LESION)
    (backward,) = summarise_pairs(comparisons[::-1], LESION)
    assert forward == backward
    swapped = compare_frame("f", "p", {"B": box(5, 10), "A": box(0, 10)}, LESION)[0]
    assert swapped.dice == comparisons[0].dice


def test_tables(comparisons, tmp_path):
    write_frames(tmp_path / "agreement.csv", comparisons)
    write_patients(tmp_path / "patients.csv", comparisons)
    frames = list(csv.DictReader((tmp_path / "agreement.csv").open(encoding="utf-8")))
    assert [row["drawn_by"] for row in frames] == ["both", "A", "none", "both", "B"]
    assert frames[0]["dice"] == "0.666667"
    assert frames[2]["dice"] == frames[2]["iou"] == ""
    patients = {row["patient_id"]: row for row in csv.DictReader((tmp_path / "patients.csv").open(encoding="utf-8"))}
    assert [(p["dice"], p["dice_pooled"], p["frames"], p["frames_scored"]) for p in patients.values()] == [
        ("0.333333", f"{40 / 76:.6f}", "2", "2"),
        ("1.000000", "1.000000", "2", "1"),
        ("0.000000", "0.000000", "1", "1"),
    ]
