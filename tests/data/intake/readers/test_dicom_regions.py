import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.intake.dicom_regions import calibration

SIZE = (200, 300)


def test_no_sequence_says_nothing(make_dicom):
    found = calibration(make_dicom(np.zeros(SIZE, np.uint8)), SIZE)
    assert (found.regions, found.spacing, found.note) == (None, None, "the header states no spacing")


def test_the_last_column_and_row_belong_to_the_region(with_regions, region):
    (found,) = calibration(with_regions([region(10, 20, 109, 119, 0.03)]), SIZE).regions
    assert found.box == (10, 20, 110, 120)
    assert found.spacing == pytest.approx((0.3, 0.3))
    assert found.spacing_note == ""


def test_a_region_that_writes_the_width_as_its_last_column_is_clipped(with_regions, region):
    (found,) = calibration(with_regions([region(0, 0, 300, 200)]), SIZE).regions
    assert found.box == (0, 0, 300, 200)
    assert found.spacing is not None


@pytest.mark.parametrize("corners", [(0, 0, 301, 100), (0, 0, 100, 201), (300, 0, 300, 100)])
@pytest.mark.parametrize("doppler", [False, True])
def test_a_region_beyond_the_picture_discredits_all(with_regions, region, corners, doppler):
    outside = region(*corners, RegionDataType=3 if doppler else 1)
    found = calibration(with_regions([region(0, 0, 99, 99), outside], PixelSpacing=[0.1, 0.1]), SIZE)
    assert found.regions == ()
    assert found.spacing is None
    assert "beyond the picture" in found.note


@pytest.mark.parametrize("elements", [{"RegionSpatialFormat": 2}, {"RegionSpatialFormat": 4}, {"RegionDataType": 2}])
def test_motion_doppler_and_colour_flow_are_no_tissue(with_regions, region, elements):
    found = calibration(with_regions([region(0, 0, 99, 99, **elements)]), SIZE)
    assert found.regions == ()
    assert "no two-dimensional tissue" in found.note
    both = calibration(with_regions([region(0, 0, 99, 99), region(20, 20, 50, 50, **elements)]), SIZE)
    assert [each.box for each in both.regions] == [(0, 0, 100, 100)]


def test_a_negative_delta_is_a_distance_all_the_same(with_regions, region):
    (found,) = calibration(
        with_regions([region(0, 0, 99, 99, PhysicalDeltaX=-0.02, PhysicalDeltaY=0.02)]), SIZE
    ).regions
    assert found.spacing == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize(
    ("elements", "note"),
    [
        ({"PhysicalUnitsXDirection": 4}, "not centimetres"),
        ({"PhysicalUnitsYDirection": 0}, "not centimetres"),
        ({"PhysicalDeltaX": 0.0, "PhysicalDeltaY": 0.0}, "no pixel of an ultrasound"),
        ({"PhysicalDeltaX": 1.0, "PhysicalDeltaY": 1.0}, "no pixel of an ultrasound"),
        ({"PhysicalDeltaX": float("nan")}, "how large a pixel is"),
        ({"PhysicalDeltaY": float("inf")}, "how large a pixel is"),
        ({"PhysicalDeltaX": 0.0102}, "not square"),
        ({"PhysicalDeltaX": [0.01, 0.01]}, "how large a pixel is"),
    ],
)
def test_uncertain_millimetres_are_not_written(with_regions, region, elements, note):
    (found,) = calibration(with_regions([region(0, 0, 99, 99, **elements)]), SIZE).regions
    assert found.box == (0, 0, 100, 100)
    assert found.spacing is None
    assert note in found.spacing_note


def test_a_region_without_delta_or_units_has_no_spacing(with_regions, region):
    item = region(0, 0, 99, 99)
    del item.PhysicalDeltaX
    assert calibration(with_regions([item]), SIZE).regions[0].spacing is None


@pytest.mark.parametrize("name", ["RegionLocationMinX0", "RegionLocationMaxY1"])
def test_tissue_without_corners_is_no_region(with_regions, region, name):
    item = region(0, 0, 99, 99)
    delattr(item, name)
    found = calibration(with_regions([item, region(100, 0, 150, 99)]), SIZE)
    assert found.regions == ()
    assert "corners" in found.note


def test_a_region_without_extent_is_refused(with_regions, region):
    assert calibration(with_regions([region(50, 0, 50, 99)]), SIZE).regions == ()


def test_regions_side_by_side_are_two_from_left_to_right(with_regions, region):
    found = calibration(with_regions([region(150, 0, 299, 99), region(0, 0, 149, 99)]), SIZE)
    assert [each.box for each in found.regions] == [(0, 0, 150, 100), (150, 0, 300, 100)]
    assert all(each.spacing for each in found.regions)


@pytest.mark.parametrize("second", [(0, 0, 99, 99), (10, 10, 50, 50)])
def test_a_region_inside_another_of_the_same_scale_is_one(with_regions, region, second):
    (found,) = calibration(with_regions([region(*second), region(0, 0, 99, 99)]), SIZE).regions
    assert found.box == (0, 0, 100, 100)
    assert found.spacing == pytest.approx((0.1, 0.1))


def test_overlapping_regions_of_two_scales_have_none(with_regions, region):
    (found,) = calibration(with_regions([region(0, 0, 99, 99), region(50, 50, 149, 149, 0.02)]), SIZE).regions
    assert found.box == (0, 0, 150, 150)
    assert found.spacing is None
    assert "overlapping" in found.spacing_note


def test_a_union_that_meets_a_third_region_takes_it_in(with_regions, region):
    items = [region(0, 0, 60, 60), region(100, 40, 160, 99), region(50, 50, 120, 99)]
    (found,) = calibration(with_regions(items), SIZE).regions
    assert found.box == (0, 0, 161, 100)


def test_pixel_spacing_may_contradict_but_not_replace_a_region(with_regions, region):
    agreeing = calibration(with_regions([region(0, 0, 99, 99)], PixelSpacing=[0.1005, 0.1]), SIZE)
    assert agreeing.spacing is None
    assert agreeing.regions[0].spacing == pytest.approx((0.1, 0.1))
    (found,) = calibration(with_regions([region(0, 0, 99, 99)], PixelSpacing=[0.11, 0.1]), SIZE).regions
    assert found.spacing is None
    assert "PixelSpacing" in found.spacing_note


@pytest.mark.parametrize("name", ["PixelSpacing", "ImagerPixelSpacing"])
def test_pixel_spacing_without_regions_is_row_then_column(make_dicom, name):
    found = calibration(make_dicom(np.zeros(SIZE, np.uint8), **{name: [0.2, 0.1]}), SIZE)
    assert (found.regions, found.spacing, found.note) == (None, (0.2, 0.1), "")


@pytest.mark.parametrize(
    ("elements", "note"),
    [
        ({"PixelSpacing": [0.0, 0.1]}, "no pixel"),
        ({"PixelSpacing": [25.0, 25.0]}, "no pixel"),
        ({"PixelSpacing": "0.1"}, "states no spacing"),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, "ImagerPixelSpacing"),
    ],
)
def test_uncertain_pixel_spacing_is_none(make_dicom, elements, note):
    found = calibration(make_dicom(np.zeros(SIZE, np.uint8), **elements), SIZE)
    assert found.spacing is None
    assert note in found.note


def test_more_regions_than_believable_are_none(with_regions, region):
    found = calibration(with_regions([region(0, 0, 99, 99)] * 65), SIZE)
    assert found.regions == ()
    assert "65" in found.note


CORNER = st.integers(0, 320)
DELTA = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.01, -0.01, 0.02])


@given(
    st.lists(st.tuples(CORNER, CORNER, CORNER, CORNER, DELTA, st.sampled_from([0, 3, 3, 3])), min_size=1, max_size=6)
)
@settings(max_examples=100, deadline=None)
def test_whatever_the_header_says_regions_lie_inside_apart_and_plausible(items):
    dataset = _with(items)
    found = calibration(dataset, SIZE)
    assert found.spacing is None
    assert found.note
    boxes = [each.box for each in found.regions]
    assert boxes == sorted(boxes)
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        assert 0 <= x0 < x1 <= 300
        assert 0 <= y0 < y1 <= 200
        for a0, b0, a1, b1 in boxes[:number]:
            assert a1 <= x0 or x1 <= a0 or b1 <= y0 or y1 <= b0
    for each in found.regions:
        assert (each.spacing is None) == bool(each.spacing_note)
        assert each.spacing is None or all(0.005 <= value <= 2 for value in each.spacing)


def _with(items):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = Sequence([_item(*item) for item in items])
    return dataset


def _item(x0, y0, x1, y1, delta, units):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.RegionSpatialFormat = item.RegionDataType = 1
    item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX = item.PhysicalDeltaY = delta
    return item
