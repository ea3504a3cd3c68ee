"""Choosing: a real gain is found and measured on folds left out, chance is not taken for one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trus.data.images import read_mask, write_image
from trus.errors import ManifestError
from trus.evaluation.statistics import bootstrap_mean
from trus.inference.postprocessing import Rule


def test_a_threshold_that_gains_on_folds_left_out_is_taken_over(study):
    made = study(12, "shy")
    choice = made.choose()
    assert [one.accepted for one in choice.classes.values()] == [["threshold"], ["threshold"]]
    assert all(0.15 < threshold < 0.4 for threshold in choice.thresholds)
    assert choice.rules == {}
    before, after = made.iou([0.5, 0.5], {}), made.iou(choice.thresholds, {})
    assert choice.before.value == pytest.approx(before.mean())
    assert choice.gain_where_chosen.value == pytest.approx((after - before).mean())
    assert choice.gain.low > 0.1
    assert (choice.gain.frames, choice.gain.patients) == (24, 12)


def test_the_curve_is_that_of_deciding_anew_at_each_threshold(study):
    made = study(6, "shy", targets=("gland",))
    curve = made.choose().classes["gland"].curve
    for threshold in (1 / 256, 0.25, 0.5, 0.9375, 255 / 256):
        place = curve["threshold"].index(pytest.approx(threshold, abs=1e-6))
        assert curve["iou"][place] == pytest.approx(made.iou([threshold], {}).mean(), abs=2e-6)
        assert curve["low"][place] <= curve["iou"][place] <= curve["high"][place]
    assert len(curve["iou"]) == 255


def test_the_gain_is_that_of_what_the_other_folds_chose(study):
    made = study(12, "shy", targets=("gland",))
    choice = made.choose()
    rows = []
    for fold in range(3):
        others = [other for other in range(3) if other != fold]
        means = {level: made.iou([level / 256], {}, others).mean() for level in range(16, 241, 8)}
        best = max(means, key=lambda level: (means[level], -abs(level - 128)))
        assert choice.classes["gland"].by_fold[f"fold {fold}"]["threshold"] == best / 256
        rows.append(made.iou([best / 256], {}, [fold]) - made.iou([0.5], {}, [fold]))
    assert choice.gain.value == pytest.approx(np.concatenate(rows).mean())
    assert choice.after.value == pytest.approx(choice.before.value + choice.gain.value)
    patients = [f"p{n}" for fold in range(3) for n in range(fold, 12, 3) for _ in range(2)]
    assert choice.gain.low == pytest.approx(bootstrap_mean(np.concatenate(rows), patients, 500).low, abs=0.02)


def test_chance_is_not_taken_for_a_gain(study):
    choice = study(12, "unsteady").choose()
    gland = choice.classes["gland"]
    assert not choice.changes
    assert (choice.thresholds, choice.rules) == ([0.5, 0.5], {})
    assert gland.best_threshold != 0.5  # the very frames of the choice prefer another
    assert choice.after == choice.before
    assert choice.gain.value == 0
    assert any(
        "threshold stays at 0.5; threshold" in line and "is not shown to be better" in line for line in choice.sentences
    )


def test_another_first_threshold_is_what_is_compared_with_and_kept(study):
    made = study(12, "unsteady", targets=("gland",))
    choice = made.choose(threshold=0.45)
    assert choice.thresholds == [0.45]
    assert choice.before.value == pytest.approx(made.iou([0.45], {}).mean())
    assert "threshold stays at 0.45" in choice.sentences[0]
    made = study(12, "shy", targets=("gland",))
    far = made.choose(threshold=0.9)
    assert far.thresholds == made.choose().thresholds
    assert far.before.value == pytest.approx(made.iou([0.9], {}).mean())


def test_rules_that_gain_are_taken_over(study):
    made = study(12, "spotted")
    choice = made.choose()
    gland = choice.classes["gland"]
    assert gland.accepted == ["postprocessing"]
    assert gland.rule.fill_holes
    assert gland.rule.largest_only or gland.rule.smallest_mm2
    assert choice.classes["lesion"].rule == Rule()
    assert made.iou(choice.thresholds, choice.rules)[:, 0].min() == 1
    assert choice.after.value == pytest.approx(1)
    assert f"gland: {gland.rule}; gain on folds left out 0.0" in "\n".join(choice.sentences)


def test_what_gains_alone_and_loses_together_is_refused(study):
    choice = study(12, "torn").choose()
    gland = choice.classes["gland"]
    assert gland.best_rule.largest_only  # drops the spots, and each lesion with them
    assert gland.rule_gain.low > 0
    assert choice.refused.high < 0
    assert (choice.changes, choice.thresholds, choice.rules) == (False, [0.5, 0.5], {})
    assert (choice.after, choice.gain.value) == (choice.before, 0)
    assert choice.sentences[-1].endswith("on folds left out, so nothing was taken over")
    assert choice.to_dict()["gain_together_refused"]["value"] == choice.refused.value


def test_frames_without_patients_are_not_called_patients(study):
    made = study(10, "shy", targets=("gland",))
    choice = made.choose(frames=[replace(frame, patient_id=None) for frame in made.frames])
    assert not choice.grouped
    assert choice.sentences[0].endswith(", 20 frames (no patient ids)")
    assert not choice.operating_point.grouped


def test_too_few_patients_change_nothing(study):
    choice = study(9, "shy").choose()
    assert not choice.changes
    assert choice.classes["gland"].threshold_gain.low > 0
    assert "under 10 patients nothing is taken over" in choice.sentences[0]


def test_one_patient_is_no_evidence_and_no_error(study):
    choice = study(1, "shy", folds=1).choose()
    assert (choice.changes, choice.thresholds) == (False, [0.5, 0.5])
    json.dumps(choice.to_dict(), allow_nan=False)


def test_a_holdout_is_left_out_in_parts_of_patients(study):
    choice = study(12, "shy", folds=1).choose()
    assert [*choice.classes["gland"].by_fold] == [f"part {n}" for n in range(5)]
    assert choice.changes


def test_several_seeds_of_a_fold_are_one_frame_each(study):
    made = study(12, "shy")
    once, twice = made.choose(), made.choose(parts=[*made.parts, *made.parts])
    assert twice.to_dict() == once.to_dict()


def test_a_class_that_no_frame_holds_keeps_its_defaults(study, tmp_path):
    made = study(12, "sure")
    for frame in made.frames:
        write_image(frame.mask, np.minimum(read_mask(frame.mask), 1))
    choice = made.choose()
    lesion = choice.classes["lesion"]
    assert (lesion.threshold, lesion.rule, lesion.accepted) == (0.5, Rule(), [])
    assert choice.false_positive_frames[0] == 24
    assert set(lesion.curve["iou"]) == {None}
    json.dumps(choice.to_dict(), allow_nan=False)


def test_the_result_is_plain_json_and_says_it_in_words(study):
    choice = study(12, "shy").choose()
    document = json.loads(json.dumps(choice.to_dict(), allow_nan=False))
    assert document["thresholds"] == dict(zip(("gland", "lesion"), choice.thresholds, strict=True))
    assert document["gain"]["low"] == choice.gain.low
    assert document["sentences"] == choice.sentences
    assert choice.sentences[-1].startswith("together, on folds left out of the choice: IoU ")
    point = choice.operating_point
    assert (point.cv_key, point.data_hash, point.split_hash, point.grouped) == ("k", "d", "s", True)
    assert point.after.value == choice.after.value


def test_predictions_that_do_not_fit_the_manifest_are_named(study):
    made = study(3, "sure")
    with pytest.raises(ManifestError, match=r"2 predicted frames are not in the manifest: p0_0, p0_1"):
        made.choose(frames=made.frames[2:])
    write_image(made.frames[0].mask, np.zeros((10, 12), np.uint8))
    with pytest.raises(ManifestError, match=r"p0_0: its mask is \(10, 12\) px, it was predicted at \(64, 64\)"):
        made.choose()
    with pytest.raises(ManifestError, match="nothing can be chosen"):
        made.choose(parts=[])
