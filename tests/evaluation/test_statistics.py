import numpy as np
import pytest

from trus.evaluation.statistics import (
    bootstrap,
    bootstrap_curve,
    bootstrap_mean,
    bootstrap_ratio,
    patient_bootstrap,
    tail,
)


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


def test_resamples_draw_as_many_patients_as_there_are_and_are_the_same_each_time():
    weights = patient_bootstrap(12, 500, seed=3)
    assert weights.shape == (500, 12)
    assert (weights.sum(1) == 12).all()
    assert (weights == np.round(weights)).all()
    assert weights.mean() == pytest.approx(1)
    patient_bootstrap.cache_clear()
    assert (patient_bootstrap(12, 500, seed=3) == weights).all()
    assert (patient_bootstrap(12, 500, seed=4) != weights).any()
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 5


def test_a_weighted_statistic_is_that_of_the_patients_drawn():
    random = np.random.default_rng(0)
    above, below = random.integers(0, 50, (9, 1)).astype(float), random.integers(1, 90, (9, 1)).astype(float)
    estimate = bootstrap_ratio(above, below, frames=9, resamples=400, seed=1)
    drawn = [np.repeat(np.arange(9), row.astype(int)) for row in patient_bootstrap(9, 400, seed=1)]
    ratios = [above[who].sum() / below[who].sum() for who in drawn]
    assert estimate.value == pytest.approx(above.sum() / below.sum())
    assert [estimate.low, estimate.high] == pytest.approx(np.quantile(ratios, [tail(9), 1 - tail(9)]).tolist())


def test_the_interval_of_a_ratio_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        size = random.gamma(4, 25, 40)
        hit = size * np.clip(random.normal(0.6, 0.15, 40), 0, 1)
        estimate = bootstrap_ratio(hit[:, None], size[:, None], frames=40, resamples=400)
        covered += estimate.low <= 0.6 <= estimate.high
    assert 0.90 <= covered / 300 <= 0.98


def test_resamples_that_leave_a_statistic_undefined_are_left_out():
    estimate = bootstrap(lambda w: np.where(w[:, 0] > 0, w[:, 1], np.nan), 3, 3, resamples=300)
    assert estimate.value == 1
    assert 0 <= estimate.low <= estimate.high <= 3


def test_an_interval_holds_its_own_value_where_resampling_raises_the_statistic():
    error = np.array([0.02, -0.02, 0.01, -0.01, 0.0])
    estimate = bootstrap(lambda w: np.abs(w @ error), 5, 5, resamples=300)
    assert estimate.value == pytest.approx(0)
    assert estimate.low <= estimate.value < estimate.high


def test_one_resample_that_is_undefined_gives_no_interval():
    estimate = bootstrap(lambda w: np.where((w == 1).all(1), 0.5, np.nan), 9, 9, resamples=5)
    assert estimate.value == 0.5
    assert np.isnan([estimate.low, estimate.high]).all()


def test_patients_without_a_share_are_not_counted():
    estimate = bootstrap_ratio(np.array([[1.0], [0], [3]]), np.array([[2.0], [0], [4]]), frames=5, resamples=50)
    assert (estimate.value, estimate.patients, estimate.frames) == (pytest.approx(4 / 6), 2, 5)
    nothing = bootstrap_ratio(np.zeros((3, 1)), np.zeros((3, 1)), frames=0, resamples=50)
    assert np.isnan(nothing.value)
    assert nothing.patients == 0


def test_a_curve_has_the_interval_of_each_of_its_points():
    random = np.random.default_rng(2)
    above, below = random.uniform(0, 1, (10, 3)), np.ones((10, 3))
    below[:, 2] = 0
    value, low, high = bootstrap_curve(above, below, resamples=300)
    for t in range(2):
        point = bootstrap_ratio(above[:, t : t + 1], below[:, t : t + 1], 10, 300)
        assert (value[t], low[t], high[t]) == pytest.approx((point.value, point.low, point.high))
    assert np.isnan([value[2], low[2], high[2]]).all()
    assert np.isnan(bootstrap_curve(above[:1], below[:1])[1]).all()


def test_the_interval_of_few_patients_is_expanded_and_then_holds_the_truth():
    assert tail(6) < 0.005
    assert tail(1000) == pytest.approx(0.025, abs=1e-3)
    random = np.random.default_rng(2)
    studies = [bootstrap_mean(random.beta(2, 2, (8, 1)), [*"abcdefgh"], resamples=500) for _ in range(400)]
    assert np.mean([study.low <= 0.5 <= study.high for study in studies]) > 0.91
