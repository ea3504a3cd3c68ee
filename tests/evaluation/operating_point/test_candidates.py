"""Counting all thresholds and rules at once gives what deciding each one gives."""

from pathlib import Path

import numpy as np
import pytest

from trus.data.classes import Classes
from trus.data.manifest import Frame
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.operating_point.candidates import class_reach, count_rules, count_thresholds, list_rules
from trus.inference.postprocessing import Rule, decide

NESTED = {"labels": {"1": "gland", "2": "lesion", "3": "core"}, "contains": {"gland": ["lesion"], "lesion": ["core"]}}
BESIDE = {"labels": {"1": "nerve", "2": "vessel", "3": "fat"}, "contains": {}}
MIXED = {"labels": {"1": "gland", "2": "lesion", "3": "bladder"}, "contains": {"gland": ["lesion"]}}


@pytest.fixture(params=[NESTED, BESIDE, MIXED], ids=["nested", "beside", "mixed"])
def classes(request) -> Classes:
    return Classes.from_dict(request.param)


def levels(seed: int, shape=(3, 20, 24)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def as_read(kept: np.ndarray) -> np.ndarray:
    """As Predictions gives them."""
    return np.where(kept > 0, (kept + np.float32(0.5)) / 256, 0).astype(np.float32)


def test_the_histogram_holds_the_mask_of_every_threshold(classes):
    kept = levels(0)
    probabilities = as_read(kept)
    reference = np.random.default_rng(1).random(kept.shape) < 0.4
    for k in range(3):
        intersection, predicted = count_thresholds(kept[k], *class_reach(probabilities, classes, k), reference[k])
        for level in (1, 16, 100, 128, 129, 200, 255):
            thresholds = [0.5, 0.5, 0.5]
            thresholds[k] = level / 256
            planes = classes.planes(decide(probabilities, classes, thresholds))
            truth = Overlap.of(planes, reference)
            assert (intersection[level], predicted[level]) == (truth.intersection[0, k], truth.predicted[0, k])


@pytest.mark.parametrize("spacing", [None, (0.3, 0.5)])
def test_rules_are_counted_as_they_are_applied(spacing):
    kept = as_read((levels(0, (1, 60, 60)) > 140).astype(np.uint8) * 255)
    reference = np.random.default_rng(2).random((60, 60)) < 0.4
    classes = Classes.from_dict({"labels": {"1": "gland"}})
    sizes = [{}, {"smallest_px": 4}, {"smallest_px": 60}, {"smallest_mm2": 2.0}, {"largest_only": True}]
    rules = [Rule(fill_holes=fill, **size) for fill in (False, True) for size in sizes]
    intersection, predicted = count_rules(kept[0] > 0.5, reference, rules, spacing)
    for r, rule in enumerate(rules):
        labels = decide(kept, classes, [0.5], {"gland": rule}, spacing)
        assert (intersection[r], predicted[r]) == (((labels > 0) & reference).sum(), (labels > 0).sum())
    assert len({*predicted.tolist()}) >= 6  # the rules differ, or the test shows nothing


def frame(spacing) -> Frame:
    return Frame(2, "a", Path("a.png"), None, "p", None, spacing, None, None, None)


def test_rules_are_in_mm2_only_where_every_spacing_is_known():
    known, unknown = frame((0.1, 0.2)), frame(None)
    rules = list_rules([known] * 3, [50_000] * 3)
    assert rules[0] == Rule()
    assert [rule.smallest_mm2 for rule in rules[1:4]] == [0.5, 1.0, 2.0]
    assert not any(rule.smallest_px for rule in rules)
    assert sum(rule.largest_only for rule in rules) == 2
    rules = list_rules([known, unknown], [50_000] * 2)
    assert [rule.smallest_px for rule in rules[1:4]] == [25, 50, 100]
    assert not any(rule.smallest_mm2 for rule in rules)
