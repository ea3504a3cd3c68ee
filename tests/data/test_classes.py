"""Labels to planes and back, nesting, and classes.json."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trus.data.classes import Classes
from trus.errors import ManifestError

NESTED = Classes.from_dict(
    {"labels": {"0": "background", "1": "gland", "2": "lesion", "5": "calcification"},
     "contains": {"gland": ["lesion"], "lesion": ["calcification"]}}
)  # fmt: skip
SIBLINGS = Classes.from_dict({"labels": {"1": "nerve", "2": "vessel"}})


@st.composite
def classes_and_labels(draw) -> tuple[Classes, np.ndarray]:
    """1 to 6 classes in a random forest, and a mask of their labels and the background."""
    values = draw(st.lists(st.integers(1, 255), min_size=1, max_size=6, unique=True))
    names = [f"class {value}" for value in values]
    contains: dict[str, list[str]] = {}
    for i, name in enumerate(names[1:], 1):
        parent = draw(st.none() | st.integers(0, i - 1))
        if parent is not None:
            contains.setdefault(names[parent], []).append(name)
    labels = {str(value): name for value, name in zip(values, names, strict=True)}
    mask = draw(arrays.arrays(np.uint8, (3, 5), elements=st.sampled_from([0, *values])))
    return Classes.from_dict({"labels": labels, "contains": contains}), mask


@given(classes_and_labels())
def test_decode_is_the_inverse_of_planes(case):
    classes, labels = case
    planes = classes.planes(labels)
    assert planes.shape == (len(classes.targets), 3, 5)
    assert planes.dtype == np.uint8
    decoded = classes.decode(planes.astype(np.float32), [0.5] * len(planes))
    assert decoded.dtype == np.uint8
    assert (decoded == labels).all()


@given(classes_and_labels())
def test_a_dict_and_a_file_keep_the_classes(tmp_path_factory, case):
    classes, _ = case
    path = tmp_path_factory.mktemp("classes") / "classes.json"
    classes.save(path)
    assert Classes.load(path) == classes
    assert Classes.from_dict(json.loads(json.dumps(classes.to_dict()))) == classes


def test_an_outer_class_includes_its_inner_ones_at_any_depth():
    gland, lesion, calcification = NESTED.planes(np.array([[0, 1, 2, 5]]))[:, 0].tolist()
    assert gland == [0, 1, 1, 1]
    assert lesion == [0, 0, 1, 1]
    assert calcification == [0, 0, 0, 1]


def decode_one(classes: Classes, probabilities: list[float], thresholds: list[float] | None = None) -> int:
    pixel = np.array(probabilities, np.float32)[:, None, None]
    return int(classes.decode(pixel, thresholds or [0.5] * len(probabilities))[0, 0])


def test_an_inner_class_lies_over_a_more_probable_outer_one():
    assert decode_one(NESTED, [0.99, 0.6, 0.1]) == 2
    assert decode_one(NESTED, [0.1, 0.6, 0.1]) == 2


def test_of_siblings_the_most_probable_wins():
    assert decode_one(SIBLINGS, [0.7, 0.8]) == 2
    assert decode_one(SIBLINGS, [0.8, 0.7]) == 1
    assert decode_one(SIBLINGS, [0.7, 0.7]) == 1


def test_a_sibling_below_its_own_threshold_does_not_win():
    assert decode_one(SIBLINGS, [0.6, 0.8], [0.5, 0.9]) == 1
    assert decode_one(SIBLINGS, [0.4, 0.8], [0.5, 0.9]) == 0


def test_a_probability_that_reaches_its_threshold_counts():
    assert decode_one(SIBLINGS, [0.5, 0.0]) == 1


def test_a_selection_keeps_label_order_and_forgets_the_others():
    selected = NESTED.select(("calcification", "gland"))
    assert selected.targets == ("gland", "calcification")
    assert selected.planes(np.array([[0, 1, 2, 5]]))[:, 0].tolist() == [[0, 1, 1, 1], [0, 0, 0, 1]]
    assert decode_one(selected, [0.9, 0.8]) == 5


@pytest.mark.parametrize("targets", [("prostate",), ("background",), ()])
def test_a_selection_of_unknown_classes_names_the_known_ones(targets):
    with pytest.raises(ManifestError, match=r"choose from \['gland', 'lesion', 'calcification'\] \(data.classes\)"):
        NESTED.select(targets)


def test_the_background_need_not_be_named():
    assert SIBLINGS.labels == {0: "background", 1: "nerve", 2: "vessel"}


GLAND = {"0": "background", "1": "gland", "2": "lesion"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "needs \"labels\""),
        ({}, "needs \"labels\""),
        ({"labels": ["gland"]}, "needs \"labels\""),
        ({"labels": {"one": "gland"}}, "needs \"labels\""),
        ({"labels": {"256": "gland"}}, r"\[256\] are outside 0 to 255"),
        ({"labels": {"-1": "gland"}}, r"\[-1\] are outside 0 to 255"),
        ({"labels": {"1": "gland", "2": "gland"}}, "two labels share a name"),
        ({"labels": {"1": "background"}}, "two labels share a name"),
        ({"labels": {"0": "background"}}, "no class but the background"),
        ({"labels": GLAND, "contain": {"gland": ["lesion"]}}, r"unknown keys \['contain'\]"),
        ({"labels": GLAND, "contains": {"gland": ["cyst"]}}, r"names \['cyst'\]; choose from \['gland', 'lesion'\]"),
        ({"labels": GLAND, "contains": {"gland": ["background"]}}, r"names \['background'\]"),
        ({"labels": GLAND, "contains": {"gland": "lesion"}}, "a class to a list of classes"),
        ({"labels": GLAND, "contains": ["lesion"]}, "a class to a list of classes"),
        ({"labels": GLAND, "contains": {"gland": ["lesion"], "lesion": ["gland"]}}, "goes in a circle"),
        ({"labels": GLAND, "contains": {"gland": ["gland"]}}, "goes in a circle"),
        ({"labels": GLAND, "contains": {"gland": [2]}}, "a class to a list of classes"),
        ({"labels": GLAND, "targets": ["cyst"]}, "choose from"),
        ({"labels": GLAND, "targets": "lesion"}, '"targets" is a list of classes'),
        ({"labels": GLAND, "targets": [["lesion"]]}, '"targets" is a list of classes'),
    ],
)  # fmt: skip
def test_a_bad_classes_json_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "classes.json").write_text(json.dumps(content))
    with pytest.raises(ManifestError, match=message) as caught:
        Classes.load(tmp_path / "classes.json")
    if "choose from" not in message:
        assert "classes.json" in str(caught.value)


def test_a_missing_or_broken_classes_json_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"classes\.json: no such file; put it beside manifest\.csv"):
        Classes.load(tmp_path / "classes.json")
    (tmp_path / "classes.json").write_text('{"labels": ')
    with pytest.raises(ManifestError, match=r"classes\.json: not valid JSON"):
        Classes.load(tmp_path / "classes.json")


def test_a_classes_json_may_be_windows_notepads(tmp_path):
    (tmp_path / "classes.json").write_text('{"labels": {"1": "железа"}}', encoding="utf-8-sig")
    assert Classes.load(tmp_path / "classes.json").targets == ("железа",)
