import numpy as np
import pytest

from trus.evaluation.measures.areas import area_points, summarise_areas
from trus.evaluation.measures.score_table import ScoreTable

from .made_scores import made, made_class


def table(*frames: tuple[str, int, int, tuple[float, float] | None], resamples: int = 200) -> ScoreTable:
    """Frames as (patient, predicted, reference, spacing)."""
    scores = [
        made(f"f{n}", patient, made_class(predicted=predicted, reference=reference), spacing=spacing)
        for n, (patient, predicted, reference, spacing) in enumerate(frames)
    ]
    return ScoreTable(scores, resamples)


def test_bias_and_limits_by_hand():
    differences = np.array([10, -4, 6, 0])
    found = summarise_areas(table(*((f"p{n}", 100 + d, 100, None) for n, d in enumerate(differences.tolist()))), 0)
    assert found["area_bias_px"]["value"] == pytest.approx(3)
    assert found["area_upper_px"]["value"] == pytest.approx(3 + 1.96 * differences.std(ddof=1))
    assert found["area_lower_px"]["value"] == pytest.approx(3 - 1.96 * differences.std(ddof=1))
    assert found["area_bias_px"]["low"] < 3 < found["area_bias_px"]["high"]


def test_two_frames_have_a_spread():
    found = summarise_areas(table(("a", 110, 100, None), ("b", 100, 100, None)), 0)
    assert found["area_upper_px"]["value"] == pytest.approx(5 + 1.96 * np.std([10, 0], ddof=1))


def test_mm2_and_px_are_two_groups():
    known = table(("a", 120, 100, (0.5, 0.2)), ("b", 140, 100, (0.5, 0.2)), ("c", 200, 100, None))
    found = summarise_areas(known, 0)
    assert found["area_bias_mm2"]["value"] == pytest.approx(3.0)
    assert found["area_bias_mm2"]["frames"] == 2
    assert found["area_bias_px"]["value"] == 100
    assert area_points(known, 0)["mm2"]["mean"] == pytest.approx([11, 12])


def test_only_frames_that_hold_the_class_count():
    found = summarise_areas(table(("a", 120, 100, None), ("b", 500, 0, None), ("c", 130, 100, None)), 0)
    assert found["area_bias_px"]["value"] == 25
    assert found["area_bias_px"]["patients"] == 2


def test_what_is_undefined_says_why():
    nothing = summarise_areas(table(("a", 5, 0, None)), 0)["area_bias_px"]
    assert (nothing["value"], nothing["reason"]) == (None, "no frame whose reference holds the class")
    single = summarise_areas(table(("a", 5, 4, None)), 0)
    assert single["area_bias_px"]["value"] == 1
    assert single["area_upper_px"]["reason"] == "a single frame has no spread"


def test_frames_of_one_patient_widen_the_interval():
    random = np.random.default_rng(0)
    bias = np.repeat(random.normal(0, 20, 12), 10)
    frames = [(int(100 + d), 100, None) for d in bias + random.normal(0, 2, 120)]
    apart = summarise_areas(table(*((f"p{n}", *frame) for n, frame in enumerate(frames)), resamples=1000), 0)
    together = summarise_areas(table(*((f"p{n // 10}", *frame) for n, frame in enumerate(frames)), resamples=1000), 0)
    width = [found["area_bias_px"]["high"] - found["area_bias_px"]["low"] for found in (together, apart)]
    assert width[0] > 2 * width[1]
