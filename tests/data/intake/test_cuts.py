import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.intake.cuts import BEYOND, DICOM, GIVEN, detected, given_or_named, overlap, override_key, whole
from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import Settings
from trus.data.intake.side_files import DeviceRegion
from trus.data.intake.source import Header, Region

BOX = (10, 20, 110, 90)
NAMED = Region(BOX, (0.2, 0.2), "")


def header(**changes):
    return Header(**{"kind": "dicom", "frames": 1, "size": (100, 120), "device": "Made Up 7"} | changes)


def options(**changes):
    return Settings(PatientRule("none"), **changes)


def boxes(cuts):
    return [cut.box for cut in cuts]


def test_the_order_of_evidence():
    rows = (DeviceRegion("Made Up 7", 120, 100, (1, 1, 50, 50)), DeviceRegion("*", 120, 100, (2, 2, 50, 50)))
    named = header(regions=(NAMED,))
    assert boxes(given_or_named(named, options(region=(0, 0, 9, 9), device_regions=rows), None)[0]) == [(0, 0, 9, 9)]
    assert boxes(given_or_named(named, options(device_regions=rows), None)[0]) == [(1, 1, 50, 50)]
    assert boxes(given_or_named(named, options(device_regions=rows[1:]), None)[0]) == [(2, 2, 50, 50)]
    (cut,), reason = given_or_named(named, options(), None)
    assert (cut.box, cut.origin, cut.spacing, reason) == (BOX, DICOM, (0.2, 0.2), "")
    assert given_or_named(header(regions=()), options(), None) == ([], "")
    assert given_or_named(header(), options(), None) == ([], "")


@pytest.mark.parametrize("row", [DeviceRegion("Made Up 8", 120, 100, BOX), DeviceRegion("*", 100, 120, BOX)])
def test_a_row_for_another_device_or_size_does_not_count(row):
    assert given_or_named(header(), options(device_regions=(row,)), None) == ([], "")


def test_several_rows_of_a_device_are_several_regions_from_left_to_right():
    rows = tuple(DeviceRegion("*", 120, 100, box) for box in ((60, 0, 120, 100), (0, 0, 60, 100)))
    assert boxes(given_or_named(header(), options(device_regions=rows), None)[0]) == [
        (0, 0, 60, 100),
        (60, 0, 120, 100),
    ]


def test_a_given_region_beyond_the_frame_is_no_region():
    assert given_or_named(header(), options(region=(0, 0, 121, 100)), None) == ([], BEYOND)


def test_whole_takes_the_frame_as_it_is():
    (cut,), _ = given_or_named(header(size=(33, 44)), options(region="whole"), None)
    assert (cut.box, cut.origin) == ((0, 0, 44, 33), GIVEN)


def test_sources_of_spacing_that_agree_or_do_not():
    (cut,), _ = given_or_named(header(regions=(NAMED,)), options(), (0.201, 0.2))
    assert (cut.spacing, cut.note) == ((0.2, 0.2), "")
    (cut,), _ = given_or_named(header(regions=(NAMED,)), options(), (0.21, 0.2))
    assert cut.spacing is None
    assert "disagree by more than 1 % (DICOM region 0.2 x 0.2, --spacing-csv 0.21 x 0.2 mm)" in cut.note


def test_without_spacing_the_note_says_why():
    (cut,), _ = given_or_named(header(regions=(Region(BOX, None, "units are not cm"),)), options(), None)
    assert (cut.spacing, cut.note) == (None, "units are not cm")
    assert whole(header(), None).note.startswith("no source of spacing")
    assert detected(BOX, header(spacing_note="no scale"), None).note == "no scale"


def test_spacing_of_a_header_whose_regions_cannot_be_trusted_is_not_used():
    cut = detected(BOX, header(regions=(), spacing=(0.1, 0.1), spacing_note="scaled"), None)
    assert (cut.spacing, cut.note) == (None, "scaled")
    assert detected(BOX, header(spacing=(0.1, 0.1)), None).spacing == (0.1, 0.1)


def test_a_given_region_inside_a_named_one_has_its_spacing_and_elsewhere_not():
    (inside,), _ = given_or_named(header(regions=(NAMED,)), options(region=(20, 30, 100, 80)), None)
    assert inside.spacing == (0.2, 0.2)
    (across,), _ = given_or_named(header(regions=(NAMED,)), options(region=(0, 0, 60, 60)), None)
    assert across.spacing is None


def test_only_what_concerns_a_file_changes_its_key():
    row, other = DeviceRegion("Made Up 7", 120, 100, BOX), DeviceRegion("Other", 120, 100, BOX)
    key = override_key(header(), options(device_regions=(row,)))
    assert key == override_key(header(), options(device_regions=(row, other)))
    assert key != override_key(header(), options())
    assert key != override_key(header(), options(device_regions=(DeviceRegion("Made Up 7", 120, 100, BOX, (1, 1)),)))


corner = st.integers(0, 50)


@settings(max_examples=100, deadline=None)
@given(corner, corner, corner, corner)
def test_overlap_is_a_fraction_and_one_for_the_same_box(x, y, width, height):
    one, other = (x, y, x + width + 1, y + height + 1), (10, 10, 30, 30)
    assert overlap(one, one) == 1
    assert 0 <= overlap(one, other) == overlap(other, one) <= 1
