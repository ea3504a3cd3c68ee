"""Label masks as objects, and objects as label masks."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trus.data.annotations.exchange import Outline, Painted
from trus.data.annotations.objects import compose, objects_of
from trus.data.classes import Classes
from trus.errors import AnnotationError

DEEP = Classes.from_dict(
    {
        "labels": {"0": "background", "1": "gland", "2": "lesion", "3": "zone", "4": "vesicle", "9": "core"},
        "contains": {"gland": ["zone"], "zone": ["lesion"], "vesicle": ["lesion"], "lesion": ["core"]},
    }
)
PLAIN = Classes.from_dict({"labels": {"1": "gland", "2": "lesion", "3": "bladder"}, "contains": {"gland": ["lesion"]}})
SIZE = (10, 12)


def square(name, x, y, side) -> Outline:
    return Outline(name, (np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], float),))


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        np.uint8,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.sampled_from([*DEEP.labels]),
    )
)
@example(np.full((3, 3), 9, np.uint8))
@example(np.zeros((3, 3), np.uint8))
def test_objects_compose_to_the_same_mask_in_any_order(labels):
    objects = [*objects_of(labels, DEEP)]
    for order in (objects, objects[::-1]):
        composed, notes = compose(order, DEEP, labels.shape)
        assert composed.dtype == np.uint8
        assert (composed == labels).all()
        assert order is not objects or notes == []


def test_a_gland_is_solid_under_its_lesion():
    labels = np.zeros(SIZE, np.uint8)
    labels[1:9, 1:9] = 1
    labels[3:5, 3:5] = 2
    gland, lesion = objects_of(labels, PLAIN)
    assert (gland.name, gland.plane.sum()) == ("gland", 64)
    assert (lesion.name, lesion.plane.sum()) == ("lesion", 4)


def test_a_lesion_outside_the_gland_gets_no_gland_under_it():
    labels = np.zeros(SIZE, np.uint8)
    labels[1:5, 1:5] = 1
    labels[7:9, 7:9] = 2
    assert [(item.name, int(item.plane.sum())) for item in objects_of(labels, PLAIN)] == [("gland", 16), ("lesion", 4)]


def test_components_that_touch_by_a_corner_are_one_object():
    labels = np.zeros(SIZE, np.uint8)
    labels[1, 1] = labels[2, 2] = labels[5, 5] = 3
    assert [int(item.plane.sum()) for item in objects_of(labels, PLAIN)] == [2, 1]


def test_a_label_without_a_name_is_refused():
    with pytest.raises(AnnotationError, match=r"labels \[7\] have no name"):
        list(objects_of(np.full(SIZE, 7, np.uint8), PLAIN))


def test_inner_classes_lie_over_outer_ones_in_any_order():
    items = [square("lesion", 2, 2, 2), square("gland", 1, 1, 6)]
    labels, notes = compose(items, PLAIN, SIZE)
    assert ((labels == 2).sum(), (labels == 1).sum(), notes) == (4, 32, [])
    assert (compose(items[::-1], PLAIN, SIZE)[0] == labels).all()


def test_of_others_the_later_lies_over_the_earlier_and_it_is_said():
    labels, notes = compose([square("bladder", 0, 0, 4), square("gland", 2, 2, 4)], PLAIN, SIZE)
    assert labels[3, 3] == 1
    assert notes == ["gland lies over bladder on 4 px; they are gland now"]


def test_an_overlap_that_a_third_object_covers_is_not_counted():
    items = [square("bladder", 0, 0, 4), square("gland", 2, 2, 4), square("bladder", 2, 2, 4)]
    labels, notes = compose(items, PLAIN, SIZE)
    assert labels[3, 3] == 3
    assert notes == ["bladder lies over gland on 16 px; they are bladder now"]


def test_an_unknown_class_is_refused_with_those_that_exist():
    with pytest.raises(AnnotationError, match=r"\['Prostata', 'опухоль'\]: no such class; choose from .*'gland'"):
        compose([square("Prostata", 0, 0, 2), square("опухоль", 0, 0, 2)], PLAIN, SIZE)


def test_objects_of_the_background_are_left_out_and_said():
    labels, notes = compose([square("gland", 0, 0, 4), square("background", 0, 0, 2)], PLAIN, SIZE)
    assert (labels == 1).sum() == 16
    assert notes == ["background: an object that means the background is left out"]


def test_an_outline_over_the_edge_is_cut_and_said_beyond_two_pixels():
    assert compose([square("gland", -2, -2, 6)], PLAIN, SIZE)[1] == []
    labels, notes = compose([square("gland", -3, 2, 9)], PLAIN, SIZE)
    assert (labels == 1).sum() == 6 * 8
    assert notes == ["gland: an outline reaches 3 px out of the picture; it is cut at the edge"]


@pytest.mark.parametrize("at", [(-6, 2), (600, 300), (-9, -9)])
def test_an_outline_mostly_outside_is_refused(at):
    with pytest.raises(AnnotationError, match="most of an outline lies outside the picture of 12x10 px"):
        compose([square("gland", *at, 8)], PLAIN, SIZE)


STAR = np.array([(60 + 50 * np.sin(a), 50 - 50 * np.cos(a)) for a in np.arange(5) * 4 * np.pi / 5])
BOW = np.array([(10, 10), (100, 90), (100, 10), (10, 90)], float)


@pytest.mark.parametrize("ring", [STAR, BOW], ids=["star", "bow"])
def test_an_outline_that_crosses_itself_is_refused(ring):
    with pytest.raises(AnnotationError, match=r"gland: an outline crosses itself, so that \d+ of its \d+ px"):
        compose([Outline("gland", (ring,))], PLAIN, (100, 120))


def test_a_small_loop_of_the_pen_is_said():
    loop = np.array([(10, 10), (60, 10), (60, 14), (58, 12), (62, 12), (60, 60), (10, 60)], float)
    labels, notes = compose([Outline("gland", (loop,))], PLAIN, (100, 120))
    assert notes == ["gland: an outline crosses itself; 3 px of it are not certain"]
    assert labels.sum() > 2400


def test_an_object_that_covers_no_pixel_is_said():
    _, notes = compose([square("lesion", 2.6, 2.6, 0.5), Painted("gland", np.zeros(SIZE, bool))], PLAIN, SIZE)
    assert notes == ["gland: an object covers no pixel", "lesion: an object covers no pixel"]


def test_a_plane_of_another_size_is_refused():
    with pytest.raises(AnnotationError, match="gland: painted on 4x3 px, the picture has 12x10"):
        compose([Painted("gland", np.ones((3, 4), bool))], PLAIN, SIZE)


def test_more_objects_than_anyone_draws_are_refused(monkeypatch):
    monkeypatch.setattr("trus.data.annotations.objects.MAX_WORK", 100)
    with pytest.raises(AnnotationError, match="7 objects of together more than"):
        compose([square("gland", 1, 1, 5)] * 7, PLAIN, SIZE)
