import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from trus.evaluation.evaluate import Evaluation
from trus.evaluation.measures.aggregate import curves, summarise
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.measures.scores import FrameScore, ScoreSettings, score_frame

from .made_scores import frame_of, made, made_class

SETTINGS = ScoreSettings(resamples=300)
TARGETS = ("gland", "lesion")


def predicted_frames(count: int, spacing: tuple[float, float] | None = None) -> list[tuple]:
    """Frames of three a patient with noisy predictions: (frame, probabilities, predicted, reference)."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64]
    made_frames = []
    for n in range(count):
        y, x = random.uniform(16, 32, 2)
        gland = (rows - y) ** 2 + (columns - x) ** 2 < 144
        lesion = gland & (columns > x + 5) & (n % 4 > 0)
        reference = np.stack([gland, lesion])
        logits = 4.0 * reference - 2 + gaussian_filter(random.normal(size=(2, 48, 64)), (0, 2, 2)) * 12
        said = (1 / (1 + np.exp(-logits))).astype(np.float32)
        frame = frame_of(f"f{n:02}", f"p{n // 3}", spacing)
        made_frames.append((frame, said, said >= 0.5, reference))
    return made_frames


def scored(count: int = 18) -> list[FrameScore]:
    return [score_frame(*parts, None, SETTINGS) for parts in predicted_frames(count)]


def numbers(summary: dict) -> dict[str, float | None]:
    parts = {"all": summary["all"], **summary["classes"]}
    return {
        f"{name}/{key}/{end}": entry[end]
        for name, part in parts.items()
        for key, entry in part.items()
        if key != "counts"
        for end in ("value", "low", "high")
    }


def test_headline_is_that_of_the_training_run():
    frames = predicted_frames(12)
    overlap = Overlap.stack([Overlap.of(predicted, reference) for _, _, predicted, reference in frames])
    theirs = Evaluation([frame for frame, *_ in frames], TARGETS, overlap).summary(300)
    ours = summarise([score_frame(*parts, None, SETTINGS) for parts in frames], TARGETS, SETTINGS)
    assert ours["all"]["iou"] == theirs["all"]["iou"]
    for name in TARGETS:
        assert ours["classes"][name]["dice"] == theirs["classes"][name]["dice"]
        assert ours["classes"][name]["pooled_iou"]["value"] == pytest.approx(theirs["classes"][name]["pooled_iou"])
        assert ours["classes"][name]["counts"]["missed"] == theirs["classes"][name]["missed"]


def test_every_number_has_an_interval_around_it_and_is_json():
    summary = summarise(scored(), TARGETS, SETTINGS)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    for part in (summary["all"], *summary["classes"].values()):
        for key, entry in part.items():
            if key != "counts" and entry["value"] is not None:
                assert entry["low"] <= entry["value"] <= entry["high"], key
                assert entry["frames"] > 0
            elif key != "counts":
                assert entry["reason"], key


def test_the_order_of_the_scores_changes_nothing():
    scores = scored(12)
    assert summarise(scores, TARGETS, SETTINGS) == summarise(scores[::-1], TARGETS, SETTINGS)
    assert curves(scores, TARGETS, 100) == curves(scores[::-1], TARGETS, 100)


def test_several_networks_of_the_same_word_count_as_one():
    scores = scored(12)
    thrice = [replace(score, seed=seed) for score in scores for seed in range(3)]
    one, three = (numbers(summarise(given, TARGETS, SETTINGS)) for given in (scores, thrice))
    assert {key: value for key, value in one.items() if value is not None} == pytest.approx(
        {key: value for key, value in three.items() if value is not None}
    )
    counts = summarise(thrice, TARGETS, SETTINGS)["all"]["counts"]
    assert (counts["frames"], counts["networks"]) == (12, 3)
    assert counts["scored"] == summarise(scores, TARGETS, SETTINGS)["all"]["counts"]["scored"]


def test_networks_are_averaged_for_each_frame_first():
    scores = [
        made("f0", "a", made_class(50, 50, 100, hd95=2), seed=0),
        made("f0", "a", made_class(100, 100, 100, hd95=4), seed=1),
        made("f1", "b", made_class(20, 20, 100, hd95=9), seed=0),  # its second network failed
    ]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert summary["iou"]["value"] == pytest.approx(((0.5 + 1) / 2 + 0.2) / 2)
    assert summary["hd95_px"]["value"] == pytest.approx((3 + 9) / 2)
    assert summary["pooled_recall"]["value"] == pytest.approx((75 + 20) / 200)


def test_precision_is_averaged_over_the_networks_that_said_something():
    scores = [
        made("f0", "a", made_class(50, 100, 100), seed=0),
        made("f0", "a", made_class(0, 0, 100), seed=1),
        made("f1", "b", made_class(100, 100, 100), seed=0),
    ]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert summary["precision"]["value"] == pytest.approx((0.5 + 1) / 2)
    assert summary["counts"]["missed"] == 0.5


def test_frames_patients_and_pixels_are_averaged_as_their_names_say():
    scores = [
        made("f0", "a", made_class(10, 10, 100, hd95=4)),
        made("f1", "a", made_class(30, 30, 100, hd95=6)),
        made("f2", "b", made_class(800, 800, 1000, hd95=1)),
    ]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert summary["iou"]["value"] == pytest.approx((0.1 + 0.3 + 0.8) / 3)
    assert summary["hd95_px"]["value"] == pytest.approx((4 + 6 + 1) / 3)
    assert summary["patient_hd95_px"]["value"] == pytest.approx((5 + 1) / 2)
    assert summary["patient_iou"]["value"] == pytest.approx((0.2 + 0.8) / 2)
    assert summary["pooled_iou"]["value"] == pytest.approx(840 / 1200)


def test_pooled_scores_hold_false_positive_frames_and_means_do_not():
    scores = [made("f0", "a", made_class(100, 100, 100)), made("f1", "b", made_class(0, 100, 0))]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert summary["precision"]["value"] == 1
    assert summary["pooled_precision"]["value"] == 0.5
    assert summary["pooled_dice"]["value"] == pytest.approx(200 / 300)
    assert summary["counts"]["false_positive_frames"] == 1
    assert summary["iou"]["frames"] == 1


def test_mm_and_px_are_never_one_mean():
    scores = [
        made("f0", "a", made_class(9, 9, 9, hd95=1.5), spacing=(0.1, 0.1)),
        made("f1", "b", made_class(9, 9, 9, hd95=80.0)),
        made("f2", "c", made_class(9, 9, 9, hd95=2.5), spacing=(0.1, 0.1)),
    ]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert (summary["hd95_mm"]["value"], summary["hd95_mm"]["frames"]) == (2.0, 2)
    assert (summary["hd95_px"]["value"], summary["hd95_px"]["frames"]) == (80.0, 1)
    assert {"nsd_1mm", "nsd_2mm", "nsd_5px", "nsd_10px"} <= {*summary}
    assert "hd95_px" not in summarise(scores[::2], ("gland",), SETTINGS)["all"]


def test_tolerances_name_the_surface_dice():
    settings = ScoreSettings(nsd_tolerances=(0.5, 3.0), resamples=50)
    parts = predicted_frames(3, spacing=(0.2, 0.3))
    summary = summarise([score_frame(*p, None, settings) for p in parts], TARGETS, settings)["classes"]["gland"]
    assert [key for key in summary if key.startswith("nsd")] == ["nsd_0.5mm", "nsd_3mm"]
    assert summary["nsd_0.5mm"]["value"] < summary["nsd_3mm"]["value"]


def test_nothing_to_score_is_said_and_is_not_zero():
    summary = summarise([made("f0", "a", made_class()), made("f1", "b", made_class())], ("gland",), SETTINGS)["all"]
    for key in ("iou", "precision", "patient_dice", "hd95_px"):
        assert summary[key]["value"] is None
        assert summary[key]["reason"] == "no frame whose reference holds the class"
    assert summary["pooled_iou"]["reason"] == "no pixel to divide by"
    assert summary["lesion_sensitivity"]["reason"] == "no lesion in the references"
    assert summary["auroc_frame"]["reason"] == "no frame holds the class"
    assert summary["counts"]["both_empty"] == 2


def test_a_network_that_says_nothing_has_no_precision_but_a_score():
    scores = [made(f"f{n}", f"p{n}", made_class(0, 0, 50, hd95=141.4)) for n in range(3)]
    summary = summarise(scores, ("gland",), SETTINGS)["all"]
    assert summary["iou"]["value"] == 0
    assert summary["hd95_px"]["value"] == pytest.approx(141.4)
    assert summary["precision"]["reason"] == "nothing is predicted where the reference holds the class"


def test_one_patient_has_values_without_intervals():
    scores = [replace(score, patient_id="p") for score in scored(6)]
    found = numbers(summarise(scores, TARGETS, SETTINGS))
    assert found["all/iou/value"] is not None
    assert {value for key, value in found.items() if not key.endswith("value")} == {None}


def test_frames_without_patients_are_said_to_be_ungrouped():
    scores = scored(6)
    assert summarise(scores, TARGETS, SETTINGS)["grouped_by_patient"]
    without = [replace(score, patient_id=None) for score in scores]
    summary = summarise(without, TARGETS, SETTINGS)
    assert not summary["grouped_by_patient"]
    assert summary["all"]["iou"]["patients"] == 6


def test_the_threshold_curve_is_the_mean_iou_that_each_threshold_would_give():
    frames = predicted_frames(9)
    scores = [score_frame(*parts, None, SETTINGS) for parts in frames]
    curve = curves(scores, TARGETS, 100)["lesion"]["thresholds"]
    for threshold, value in zip(curve["threshold"], curve["iou"], strict=True):
        masks = [(said[1:] >= np.float32(threshold), reference[1:]) for _, said, _, reference in frames]
        expected = np.nanmean([Overlap.of(*pair).iou for pair in masks])
        assert value == pytest.approx(expected), threshold
    assert all(low <= value <= high for low, value, high in zip(curve["low"], curve["iou"], curve["high"], strict=True))


def test_every_class_has_numbers_of_its_own():
    gland = made_class(50, 50, 100, hd95=6, lesions=1, candidates=[(0.9, True)])
    lesion = made_class(10, 20, 40, hd95=9, lesions=2, candidates=[(0.8, True), (0.7, False), (0.6, False)])
    found = summarise([made(f"f{n}", f"p{n}", gland, lesion) for n in range(2)], TARGETS, SETTINGS)["classes"]
    expected = {"hd95_px": (6, 9), "nsd_5px": (2, 3), "lesion_precision": (1, 1 / 3), "lesion_sensitivity": (1, 1 / 2)}
    for name, values in expected.items():
        assert [found[target][name]["value"] for target in TARGETS] == pytest.approx(values)
    for name, counts in {"reference_lesions": [2, 4], "predicted_lesions": [2, 6], "patients": [2, 2]}.items():
        assert [found[target]["counts"][name] for target in TARGETS] == counts


def test_every_class_has_the_curves_of_its_own():
    scores = [made(f"f{n}", f"p{n}", made_class(9, 12, 10), made_class(5, 8, 30 + n)) for n in range(3)]
    found = curves(scores, TARGETS, 50)
    assert found["gland"]["areas"]["px"]["mean"] == [11, 11, 11]
    assert found["lesion"]["areas"]["px"]["difference"] == [-22, -23, -24]


def test_no_score_is_refused():
    with pytest.raises(ValueError, match="no score"):
        summarise([], TARGETS, SETTINGS)


def test_curves_without_a_frame_that_holds_the_class_are_empty_and_json():
    found = curves([made("f0", "a", made_class(0, 4)), made("f1", "b", made_class())], ("gland",), 50)["gland"]
    json.dumps(found, allow_nan=False)
    assert found["froc"]["sensitivity"] == found["roc_frame"]["true_positive_rate"] == []
    assert {*found["thresholds"]["iou"]} == {None}
    assert found["areas"]["px"]["mean"] == []
