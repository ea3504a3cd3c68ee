"""Holes and components: each rule by itself, and what nested classes do to each other."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from trus.data.classes import Classes
from trus.errors import ConfigError
from trus.inference.postprocessing import Rule, decide, fill_holes, tidy

NESTED = Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}})
BESIDE = Classes.from_dict({"labels": {"1": "nerve", "2": "vessel"}})
RULES = [
    Rule(fill_holes=fill, largest_only=largest, smallest_px=smallest)
    for fill in (False, True)
    for largest in (False, True)
    for smallest in (0, 5, 30)
]


def drawn(text: str) -> np.ndarray:
    """Rows of characters -> bool (H, W), true where there is an x."""
    return np.array([[one == "x" for one in row] for row in text.split()])


def blobs(seed: int, shape=(2, 40, 48), sigma: float = 1.5) -> np.ndarray:
    """Probabilities that make masks with many components and holes."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in noise])
    return (0.5 + smooth / smooth.std() / 6).clip(0, 1).astype(np.float32)


def test_a_hole_is_what_the_class_encloses_also_at_the_frames_edge():
    ring = drawn("....... .xxxxx. .x...x. .x.x.x. .x...x. .xxxxx. .......")
    assert fill_holes(ring).sum() == 25
    open_at_the_edge = drawn("xx.xx x...x xxxxx")
    assert (fill_holes(open_at_the_edge) == open_at_the_edge).all()
    open_at_a_corner = drawn(".xxx. .x.x. .xx.. .....")  # 8-connected mask, so the background does not leak diagonally
    assert fill_holes(open_at_a_corner).sum() == open_at_a_corner.sum() + 1


@pytest.mark.parametrize("seed", range(5))
def test_filling_and_components_agree_with_scipy(seed):
    plane = blobs(seed)[0] > 0.5
    assert (fill_holes(plane) == ndimage.binary_fill_holes(plane)).all()
    components, count = ndimage.label(plane, np.ones((3, 3)))
    areas = np.bincount(components.ravel())[1:]
    assert count > 5
    large = np.isin(components, 1 + np.flatnonzero(areas >= 12))
    assert (tidy(plane, Rule(smallest_px=12)) == large).all()
    assert (tidy(plane, Rule(largest_only=True)) == (components == 1 + areas.argmax())).all()


def test_a_component_of_the_smallest_area_stays():
    plane = drawn("xx... xx... ..... ...xx")
    assert tidy(plane, Rule(smallest_px=2)).sum() == 6
    assert tidy(plane, Rule(smallest_px=3)).sum() == 4
    assert tidy(plane, Rule(smallest_px=5)).sum() == 0


def test_mm2_count_where_the_spacing_is_known_and_px_elsewhere():
    plane = drawn("xx... xx... ..... ...xx")
    rule = Rule(smallest_px=5, smallest_mm2=0.15)
    assert tidy(plane, rule, (0.1, 0.4)).sum() == 4  # 0.04 mm2 a pixel
    assert tidy(plane, rule, (0.2, 0.4)).sum() == 6
    assert tidy(plane, rule, None).sum() == 0


def test_an_empty_mask_stays_empty():
    for rule in RULES:
        assert not tidy(np.zeros((5, 6), bool), rule).any()
        assert tidy(np.ones((5, 6), bool), rule).all()


@pytest.mark.parametrize("classes", [NESTED, BESIDE], ids=["nested", "beside"])
@pytest.mark.parametrize("seed", range(4))
def test_every_mask_obeys_its_rules_whatever_the_classes_do_to_each_other(classes, seed):
    probabilities = blobs(seed)
    first, second = classes.targets
    for outer in RULES:
        for inner in RULES:
            labels = decide(probabilities, classes, [0.45, 0.55], {first: outer, second: inner})
            for plane, rule in zip(classes.planes(labels), (outer, inner), strict=True):
                components, count = ndimage.label(plane, np.ones((3, 3)))
                assert count <= 1 or not rule.largest_only
                assert count == 0 or np.bincount(components.ravel())[1:].min() >= rule.smallest_px
                if rule.fill_holes and classes is NESTED:
                    assert (ndimage.binary_fill_holes(plane) == plane).all()


def test_without_rules_the_mask_is_that_of_the_thresholds():
    probabilities = blobs(0)
    plain = NESTED.decode(probabilities, [0.45, 0.55])
    assert (decide(probabilities, NESTED, [0.45, 0.55]) == plain).all()
    assert (decide(probabilities, NESTED, [0.45, 0.55], {"gland": Rule(), "lesion": Rule()}) == plain).all()


def scene(*boxes: tuple[int, tuple[int, int, int, int]]) -> np.ndarray:
    """(class index, (y0, x0, y1, x1)) -> probabilities (2, 30, 30), 0.9 in the boxes."""
    probabilities = np.full((2, 30, 30), 0.1, np.float32)
    for k, (y0, x0, y1, x1) in boxes:
        probabilities[k, y0:y1, x0:x1] = 0.9
    return probabilities


def test_what_a_gland_loses_its_lesions_lose_too():
    labels = decide(
        scene((0, (2, 2, 20, 20)), (0, (24, 24, 29, 29)), (1, (5, 5, 8, 8)), (1, (25, 25, 28, 28))),
        NESTED, [0.5, 0.5], {"gland": Rule(largest_only=True)},
    )  # fmt: skip
    assert (labels[5:8, 5:8] == 2).all()
    assert not labels[22:, 22:].any()


def test_a_dropped_lesion_is_gland_where_the_gland_is_and_nothing_elsewhere():
    probabilities = scene((0, (2, 2, 20, 20)), (1, (5, 5, 12, 12)), (1, (14, 14, 16, 16)), (1, (24, 24, 26, 26)))
    labels = decide(probabilities, NESTED, [0.5, 0.5], {"lesion": Rule(smallest_px=10)})
    assert (labels[5:12, 5:12] == 2).all()
    assert (labels[14:16, 14:16] == 1).all()
    assert not labels[24:26, 24:26].any()


def test_a_hole_of_the_gland_is_filled_and_a_lesion_that_is_dropped_leaves_none():
    probabilities = scene((0, (2, 2, 20, 20)), (1, (8, 8, 10, 10)))
    probabilities[0, 8:10, 8:10] = 0.1  # gland all round, and at this place only the lesion
    probabilities[0, 14:16, 14:16] = 0.1
    rules = {"gland": Rule(fill_holes=True), "lesion": Rule(smallest_px=10)}
    labels = decide(probabilities, NESTED, [0.5, 0.5], rules)
    assert (labels[2:20, 2:20] == 1).all()


def test_a_hole_that_another_class_fills_is_left_to_it():
    probabilities = scene((0, (2, 2, 20, 20)), (1, (8, 8, 11, 11)))
    probabilities[0, 7:12, 7:12] = 0.1
    labels = decide(probabilities, BESIDE, [0.5, 0.5], {"nerve": Rule(fill_holes=True)})
    assert (labels[8:11, 8:11] == 2).all()
    assert (labels[7, 7:12] == 1).all()


def test_a_rule_of_no_class_is_named():
    with pytest.raises(
        ConfigError, match=r"post-processing of \['glans'\]: the classes here are \['gland', 'lesion'\]"
    ):
        decide(scene(), NESTED, [0.5, 0.5], {"glans": Rule(fill_holes=True)})


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule(), "none"),
        (Rule(fill_holes=True, smallest_px=9), "holes filled, components under 9 px dropped"),
        (Rule(largest_only=True), "largest component only"),
        (Rule(smallest_px=9, smallest_mm2=2.5), "components under 2.5 mm2 dropped"),
    ],
)
def test_a_rule_says_what_it_does(rule, text):
    assert str(rule) == text
