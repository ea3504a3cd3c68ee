import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from trus.evaluation.measures.detection import FROC_RATES, Froc, auroc, detection_curves, summarise_detection
from trus.evaluation.measures.score_table import ScoreTable

from .made_scores import made, made_class

pair = st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 3))
pairs = st.lists(pair, min_size=2, max_size=12)


def froc(frames: list[tuple[str, list[tuple[float, bool]], int]]) -> Froc:
    """Frames as (patient, candidates, lesions)."""
    scores = [
        made(f"f{n}", patient, made_class(reference=lesions, lesions=lesions, candidates=candidates))
        for n, (patient, candidates, lesions) in enumerate(frames)
    ]
    return Froc.of(ScoreTable(scores, 50), 0)


@given(pairs)
def test_auroc_is_that_of_sklearn_and_weights_are_repeats(drawn):
    scores, positive, weights = (np.array(values) for values in zip(*drawn, strict=True))
    again = np.repeat(np.arange(len(scores)), weights)
    assume(len(again) and len(set(positive[again])) == 2)
    found = auroc(scores, positive, weights[None].astype(float))[0]
    assert found == pytest.approx(roc_auc_score(positive[again], scores[again]))


def test_auroc_of_one_kind_is_undefined():
    assert np.isnan(auroc(np.array([0.1, 0.9]), np.array([True, True]), np.ones((1, 2)))[0])


@given(pairs)
def test_average_precision_is_that_of_sklearn_times_the_lesions_found(drawn):
    assume(any(hit for _, hit, _ in drawn))
    lesions = len(drawn)
    found = froc([("p", [(score, hit) for score, hit, _ in drawn], lesions)]).average_precision(np.ones((1, 1)))[0]
    scores, hits = [score for score, _, _ in drawn], [hit for _, hit, _ in drawn]
    assert found == pytest.approx(average_precision_score(hits, scores) * sum(hits) / lesions)


FRAMES = [
    ("a", [(0.9, True), (0.4, False)], 2),
    ("a", [(0.8, False)], 0),
    ("b", [(0.7, True), (0.3, True)], 2),
    ("c", [(0.6, False), (0.2, False)], 1),
]


def test_sensitivity_at_a_rate_by_hand():
    known = froc(FRAMES)
    at = {rate: known.sensitivity_at(rate, np.ones((1, 3)))[0] for rate in (0, 0.25, 0.5, 0.75, 9)}
    assert at == pytest.approx({0: 1 / 5, 0.25: 2 / 5, 0.5: 2 / 5, 0.75: 3 / 5, 9: 3 / 5})


def test_a_patient_of_weight_two_counts_as_two_patients():
    weighted = froc(FRAMES)
    twice = froc([*FRAMES, ("d", *FRAMES[0][1:]), ("d", *FRAMES[1][1:])])
    for statistic in ("average_precision", *FROC_RATES):
        of = [
            (one.average_precision(w) if statistic == "average_precision" else one.sensitivity_at(statistic, w))[0]
            for one, w in ((weighted, np.array([[2.0, 1, 1]])), (twice, np.ones((1, 4))))
        ]
        assert of[0] == pytest.approx(of[1])


def test_a_tie_is_one_step():
    known = froc([("a", [(0.5, True), (0.5, False)], 1)])
    assert known.average_precision(np.ones((1, 1)))[0] == pytest.approx(0.5)
    assert known.sensitivity_at(0.5, np.ones((1, 1)))[0] == 0


def test_no_candidate_at_all_finds_nothing():
    known = froc([("a", [], 1), ("b", [], 2)])
    assert known.average_precision(np.ones((1, 2)))[0] == 0
    assert known.sensitivity_at(1.0, np.ones((1, 2)))[0] == 0


def test_no_lesion_at_all_is_undefined_with_a_reason():
    scores = [made(f"f{n}", f"p{n}", made_class(predicted=30, candidates=[(0.5, False)], peak=0.5)) for n in range(3)]
    summary = summarise_detection(ScoreTable(scores, 50), 0)
    assert summary["average_precision"]["value"] is None
    assert summary["average_precision"]["reason"] == "no lesion in the references"
    assert summary["auroc_frame"]["reason"] == "no frame holds the class"
    curves = detection_curves(ScoreTable(scores, 50), 0)
    assert curves["froc"]["sensitivity"] == []
    assert curves["roc_frame"] == {"threshold": [], "false_positive_rate": [], "true_positive_rate": []}


def test_a_patient_is_as_suspicious_as_the_worst_frame():
    held, empty = made_class(reference=9, peak=0.8), made_class(peak=0.6)
    scores = [
        made("f0", "ill", held),
        made("f1", "ill", made_class(peak=0.1)),
        made("f2", "well", empty),
        made("f3", "well", made_class(peak=0.2)),
    ]
    summary = summarise_detection(ScoreTable(scores, 200), 0)
    assert (summary["average_precision"]["frames"], summary["average_precision"]["patients"]) == (4, 2)
    assert summary["auroc_patient"]["value"] == 1.0
    assert summary["auroc_frame"]["value"] == 1.0
    curve = detection_curves(ScoreTable(scores, 200), 0)["roc_patient"]
    assert curve["true_positive_rate"] == [0, 1, 1]
    assert curve["false_positive_rate"] == [0, 0, 1]
    assert curve["threshold"] == [1, 0.8, 0.6]
    by_frame = detection_curves(ScoreTable(scores, 200), 0)["roc_frame"]
    assert by_frame["threshold"] == [1, 0.8, 0.6, 0.2, 0.1]
    assert by_frame["true_positive_rate"] == [0, 1, 1, 1, 1]
    assert by_frame["false_positive_rate"] == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])


def test_curves_end_where_the_counts_do():
    scores = [made(f"f{n}", p, made_class(reference=m, lesions=m, candidates=c)) for n, (p, c, m) in enumerate(FRAMES)]
    curve = detection_curves(ScoreTable(scores, 50), 0)
    assert curve["froc"]["confidence"] == [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2]
    assert curve["froc"]["sensitivity"][-1] == pytest.approx(3 / 5)
    assert curve["froc"]["false_positives_per_frame"][-1] == pytest.approx(4 / 4)
    assert curve["precision_recall"]["precision"][0] == 1
