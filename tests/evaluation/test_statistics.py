import numpy as np
import pytest

from trus.evaluation.statistics import bootstrap_mean


def test_mean_over_frames_then_over_classes_leaving_out_what_is_not_scored():
    values = np.array([[0.2, 1.0], [0.4, np.nan], [np.nan, 0.5]])
    estimate = bootstrap_mean(values, ["a", "b", "c"])
    assert estimate.value == pytest.approx((0.3 + 0.75) / 2)
    assert (estimate.frames, estimate.patients) == (3, 3)


def test_interval_agrees_with_the_normal_one_for_many_independent_patients():
    values = np.random.default_rng(0).normal(0.5, 0.1, (400, 1))
    estimate = bootstrap_mean(values, [str(i) for i in range(400)])
    half = 1.96 * values.std() / 20
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.002)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.002)


def test_frames_of_one_patient_widen_the_interval():
    random = np.random.default_rng(1)
    values = np.repeat(random.uniform(0.2, 0.8, 10), 20)[:, None]
    apart = bootstrap_mean(values, [str(i) for i in range(200)])
    together = bootstrap_mean(values, [str(i // 20) for i in range(200)])
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_the_same_numbers_give_the_same_interval():
    values = np.random.default_rng(2).uniform(size=(30, 2))
    patients = [str(i // 3) for i in range(30)]
    assert bootstrap_mean(values, patients) == bootstrap_mean(values, patients)


def test_one_patient_has_no_interval():
    estimate = bootstrap_mean(np.array([[0.5], [0.7]]), ["a", "a"])
    assert estimate.value == pytest.approx(0.6)
    assert np.isnan(estimate.low)
    assert "no interval" in str(estimate)
    assert estimate.to_dict()["low"] is None


def test_nothing_scored_is_undefined_and_not_zero():
    estimate = bootstrap_mean(np.full((3, 1), np.nan), ["a", "b", "c"])
    assert np.isnan(estimate.value)
    assert "undefined" in str(estimate)
    assert estimate.frames == 0
