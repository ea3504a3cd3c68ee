"""Shapes in masks: counted like scipy counts them, and each oddity told by its code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from trus.data.check.masks import measure_mask
from trus.data.classes import Classes

CLASSES = Classes.from_dict(
    {"labels": {"1": "gland", "2": "zone", "3": "lesion"}, "contains": {"gland": ["zone"], "zone": ["lesion"]}}
)


def test_areas_count_inner_classes_in():
    labels = np.zeros((40, 60), np.uint8)
    labels[5:30, 5:50] = 1
    labels[10:20, 10:30] = 2
    labels[12:15, 12:16] = 3
    shapes = measure_mask(labels, CLASSES, None).shapes
    assert {name: shape.area for name, shape in shapes.items()} == {"gland": 25 * 45, "zone": 200, "lesion": 12}
    assert {(shape.parts, shape.holes, shape.sides) for shape in shapes.values()} == {(1, 0, ())}


@settings(max_examples=100, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1)))
def test_parts_and_holes_are_those_that_scipy_finds(labels):
    shape = measure_mask(labels, Classes.from_dict({"labels": {"1": "gland"}}), None).shapes.get("gland")
    filled = ndimage.binary_fill_holes(labels)
    if shape is None:
        assert not labels.any()
        return
    assert shape.area == labels.sum()
    assert shape.parts == ndimage.label(labels, np.ones((3, 3)))[1]
    assert shape.hole_area == (filled & (labels == 0)).sum()
    assert shape.holes == ndimage.label(filled & (labels == 0))[1]
    assert 0 <= shape.specks < shape.parts


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 255)))
def test_any_mask_can_be_measured(labels):
    facts = measure_mask(labels, CLASSES, (0, 0, labels.shape[1], labels.shape[0]))
    assert set(facts.unknown) == {*np.unique(labels).tolist()} - {0, 1, 2, 3}
    assert all(shape.outside_region == 0 for shape in facts.shapes.values())


def test_an_empty_mask_is_empty_and_one_of_unknown_labels_is_not():
    assert measure_mask(np.zeros((5, 5), np.uint8), CLASSES, None).empty
    assert not measure_mask(np.full((5, 5), 9, np.uint8), CLASSES, None).empty


def test_the_largest_part_is_no_speck_however_small():
    labels = np.zeros((20, 20), np.uint8)
    labels[3, 3] = labels[10, 10] = 1
    assert measure_mask(labels, CLASSES, None).shapes["gland"].specks == 1


def lesion_at(x: int) -> np.ndarray:
    labels = np.zeros((60, 100), np.uint8)
    labels[10:50, 10:60] = 1
    labels[20:35, x : x + 15] = 3
    return labels


@pytest.mark.parametrize(("x", "outside"), [(20, False), (50, False), (58, True), (80, True)])
def test_an_inner_class_belongs_into_its_outer_one(x, outside):
    classes = Classes.from_dict({"labels": {"1": "gland", "3": "lesion"}, "contains": {"gland": ["lesion"]}})
    facts = measure_mask(lesion_at(x), classes, None)
    assert facts.outside == ((("lesion", "gland"),) if outside else ())
    assert facts.alone == ()


CASES = {
    "mask-touches-border": np.s_[0:40, 60:100],
    "mask-holes": np.s_[70:73, 80:83],
    "mask-specks": np.s_[5:7, 5:7],
    "mask-several-parts": np.s_[5:20, 5:20],
    "mask-nearly-full": np.s_[1:159, 1:199],
    "inner-outside-outer": np.s_[140:155, 170:190],
}
LABELS = {"mask-holes": 0, "inner-outside-outer": 2}


@pytest.mark.parametrize("code", CASES)
def test_each_oddity_has_its_code(data, codes, code):
    clean, odd = data.gland(), data.gland()
    odd[CASES[code]] = LABELS.get(code, 1)
    data.add("clean", mask=clean)
    row = data.add("odd", mask=odd)
    found = codes(data.check())
    assert found[code] == [(row,)]
    assert {other for other, rows in found.items() if (row - 1,) in rows} == set()


def test_a_lesion_without_a_gland_is_told(data, codes):
    row = data.add("a", mask=np.where(data.gland() == 2, 2, 0).astype(np.uint8))
    assert codes(data.check())["inner-without-outer"] == [(row,)]


def test_what_lies_outside_the_region_is_told_in_pixels(data):
    data.add("a", mask=data.gland(), region_x0=100, region_y0=0, region_x1=200, region_y1=160)
    (what,) = [finding.what for finding in data.check().findings if finding.code == "mask-outside-region"]
    outside = (data.gland()[:, :100] > 0).sum()
    assert what == f"a: gland has {outside} of {(data.gland() > 0).sum()} px outside the region" + (
        f"; lesion has {(data.gland()[:, :100] == 2).sum()} of {(data.gland() == 2).sum()} px outside the region"
    )


def test_one_mask_for_two_pictures_is_told(data, codes):
    rows = (data.add("a", mask=data.gland()), data.add("b", mask=data.gland()))
    data.add("c", mask=np.roll(data.gland(), 3, 0))
    assert codes(data.check())["mask-repeated"] == [rows]


def test_a_mask_carried_over_within_a_patient_is_only_worth_knowing(data, codes):
    rows = tuple(data.add(name, mask=data.gland(), patient_id="p") for name in "abc")
    found = codes(data.check())
    assert found["mask-copied"] == [rows]
    assert "mask-repeated" not in found
