"""Paired statistics over patients: right by hand, right in the long run, defined at every edge."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from trus.evaluation.comparison.paired import (
    EXACT,
    PairedDifference,
    compare_pair,
    holm,
    patient_shares,
    sign_flip,
)
from trus.evaluation.statistics import Estimate

NAMES = ("a", "b")


def study(random: np.random.Generator, patients: int, effect: float) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two networks on patients with 1 to 5 frames and two classes, a tenth of the scores undefined."""
    frames = random.integers(1, 6, patients)
    owners = np.repeat(np.arange(patients), frames)
    first = random.uniform(0.3, 0.7, (len(owners), 2))
    second = first + random.normal(effect, 0.05, patients)[owners, None] + random.normal(0, 0.05, first.shape)
    first[random.random(first.shape) < 0.1] = np.nan
    return first, second, [f"p{owner}" for owner in owners]


def pair(p_value: float, name: str = "b") -> PairedDifference:
    nothing = Estimate(0.1, 0.05, 0.15, 10, 5)
    return PairedDifference("a", name, nothing, nothing, p_value, p_value, True, 3, 2, 0, 0.1)


def test_the_difference_is_that_of_the_means_of_each_class():
    first = np.array([[0.2, 0.5], [0.4, np.nan], [0.6, 0.7]])
    second = np.array([[0.3, 0.4], [0.6, np.nan], [0.6, 0.9]])
    found = compare_pair(first, second, ["p1", "p1", "p2"], NAMES)
    assert found.difference.value == pytest.approx((0.3 / 3 + 0.1 / 2) / 2)
    assert (found.difference.frames, found.difference.patients) == (3, 2)
    assert patient_shares(second - first, ["p1", "p1", "p2"]).mean() == pytest.approx(found.difference.value)
    assert (found.better, found.worse, found.equal) == (2, 0, 0)


def test_the_effect_size_is_the_mean_in_standard_deviations():
    first = np.zeros((5, 1))
    second = np.array([[0.1], [0.3], [0.2], [-0.1], [0.4]])
    found = compare_pair(first, second, [*"abcde"], NAMES)
    assert found.effect.value == pytest.approx(second.mean() / second.std(ddof=1))
    assert found.effect.low < found.effect.value < found.effect.high


@pytest.mark.parametrize("patients", [2, 5, 9])
def test_few_patients_are_counted_pattern_by_pattern(patients):
    shares = np.random.default_rng(patients).normal(0.3, 1, patients)
    sums = [abs(np.dot(signs, shares)) for signs in product((-1, 1), repeat=patients)]
    expected = np.mean([total >= abs(shares.sum()) - 1e-12 for total in sums])
    assert sign_flip(shares) == (pytest.approx(expected), True)


def test_many_patients_agree_with_an_independent_test():
    shares = np.random.default_rng(3).normal(0.35, 1, 40)
    p_value, exact = sign_flip(shares)
    reference = stats.permutation_test((shares,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert not exact
    assert p_value == pytest.approx(reference.pvalue, abs=0.01)
    assert p_value == pytest.approx(stats.ttest_1samp(shares, 0).pvalue, abs=0.02)


def test_patterns_that_tie_but_for_rounding_count():
    assert sign_flip(np.array([0.1, 0.2, 0.3])) == (pytest.approx(0.25), True)
    assert sign_flip(np.array([0.1, 0.1, 0.1, -0.1]) * 3) == (pytest.approx(10 / 16), True)


def test_a_drawn_p_is_never_zero_and_does_not_change_from_call_to_call():
    shares = np.full(EXACT + 5, 1.0)
    p_value, exact = sign_flip(shares)
    assert not exact
    assert 0 < p_value < 1e-3
    assert sign_flip(shares) == sign_flip(shares)


@pytest.mark.parametrize("patients", [8, 25])
def test_without_a_difference_the_test_rejects_at_its_level_and_the_interval_holds_zero(patients):
    random = np.random.default_rng(11)
    found = [compare_pair(*study(random, patients, 0.0), NAMES) for _ in range(400)]
    rejected = np.mean([one.p_value < 0.05 for one in found])
    covered = np.mean([one.difference.low <= 0 <= one.difference.high for one in found])
    assert 0.025 < rejected < 0.08  # 0.05 +- 2.7 standard errors of 400 studies
    assert 0.91 < covered < 0.98


@pytest.mark.parametrize("patients", [8, 25])
def test_with_a_difference_the_interval_holds_it_and_the_stated_one_is_found_in_four_of_five(patients):
    random = np.random.default_rng(5)
    effect = 0.065 if patients == 8 else 0.03
    found = [compare_pair(*study(random, patients, effect), NAMES) for _ in range(300)]
    covered = np.mean([one.difference.low <= effect <= one.difference.high for one in found])
    assert 0.90 < covered < 0.98
    power = np.mean([one.p_value < 0.05 for one in found])
    stated = np.median([one.detectable for one in found])
    assert stated == pytest.approx(effect, rel=0.2)
    assert 0.65 < power < 0.9


def test_holm_is_monotone_and_bounded():
    adjusted = [one.p_adjusted for one in holm([pair(0.01), pair(0.04), pair(0.03), pair(0.5)])]
    assert adjusted == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert [one.p_adjusted for one in holm([pair(0.9), pair(0.8)])] == [1.0, 1.0]


def test_holm_leaves_out_what_has_no_p():
    adjusted = holm([pair(0.04), pair(float("nan"))])
    assert adjusted[0].p_adjusted == 0.04
    assert np.isnan(adjusted[1].p_adjusted)


def test_one_patient_has_a_difference_but_neither_interval_nor_test():
    found = compare_pair(np.array([[0.2], [0.3]]), np.array([[0.4], [0.4]]), ["p", "p"], NAMES)
    assert found.difference.value == pytest.approx(0.15)
    assert np.isnan([found.p_value, found.difference.low, found.effect.value, found.detectable]).all()
    assert not found.shown


def test_the_same_scores_are_identical():
    scores = np.random.default_rng(0).random((6, 2))
    found = compare_pair(scores, scores.copy(), [*"aabbcc"], NAMES)
    assert found.identical
    assert (found.p_value, found.equal, found.shown) == (1.0, 3, False)
    assert np.isnan(found.effect.value)


def test_nothing_scored_is_nan_everywhere():
    nothing = np.full((4, 2), np.nan)
    found = compare_pair(nothing, nothing, [*"abcd"], NAMES)
    assert found.difference.patients == 0
    assert np.isnan([found.difference.value, found.p_value]).all()
    assert not found.identical
    assert found.to_dict()["p_value"] is None


def test_three_patients_can_show_nothing_whatever_the_difference():
    found = compare_pair(np.zeros((3, 1)), np.array([[0.5], [0.51], [0.52]]), [*"abc"], NAMES)
    assert found.p_value == pytest.approx(0.25)
    assert not found.shown
