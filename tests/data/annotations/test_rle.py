"""Run-length codes against pycocotools, and damaged ones that it would read past its buffer for."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as reference

from trus.data.annotations.rle import area, checked_size, compress, decode, decompress, encode
from trus.data.images import MAX_PIXELS
from trus.errors import AnnotationError

PLANES = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30))
LOOK = settings(max_examples=200, deadline=None)


@LOOK
@given(PLANES)
@example(np.ones((2, 3), bool))
@example(np.zeros((2, 3), bool))
def test_both_directions_agree_with_pycocotools(plane):
    theirs = reference.encode(np.asfortranarray(plane.astype(np.uint8)))
    counts = encode(plane)
    assert compress(counts) == theirs["counts"].decode()
    assert decompress(theirs["counts"]).tolist() == counts
    assert area(counts) == reference.area(theirs)
    for code in (counts, tuple(counts), theirs["counts"], theirs["counts"].decode()):
        assert (decode(code, plane.shape) == plane).all()
    again = reference.frPyObjects({"counts": counts, "size": [*plane.shape]}, *plane.shape)
    assert (reference.decode(again).astype(bool) == plane).all()


@LOOK
@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=40))
def test_any_runs_survive_the_text(counts):
    assert decompress(compress(counts)).tolist() == counts


def test_runs_go_down_the_columns():
    assert decode([1, 2, 3], (2, 3)).tolist() == [[False, True, False], [True, False, False]]


def test_runs_of_nothing_are_taken():
    assert decode([0, 0, 2, 0, 0, 2], (2, 2)).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ([5], (2, 2), "its runs cover 5 px, a picture of 2x2 has 4"),
        ([3], (2, 2), "cover 3 px"),
        ([], (2, 2), "cover 0 px"),
        ([6, -2], (2, 2), "a run of -2 px"),
        ([4.0], (2, 2), "no whole numbers"),
        ([True, 3], (2, 2), "no whole numbers"),
        ([10**30], (2, 2), "longer than any picture"),
        ([2**62, 2**62, 2**62, 2**62, 4], (2, 2), "longer than any picture"),
        ({"a": 1}, (2, 2), "counts are"),
        (None, (2, 2), "counts are None"),
        (7, (2, 2), "counts are 7"),
        ([4], (2, -2), "above 0"),
        ([4], (0, 4), "above 0"),
        ([4], (10**6, 10**6), "at most 64000000 px"),
        ([4], (2.0, 2), "two whole numbers"),
        ([4], None, "two whole numbers"),
        ([4], (1, 2, 2), "two whole numbers"),
        ("4 4", (2, 2), "no part of the code"),
        ("ы", (2, 2), "no part of the code"),
        ("PPP", (2, 2), "breaks off"),
        ("o" * 9 + "0", (2, 2), "longer than any picture"),
        ("", (2, 2), "cover 0 px"),
    ],
)
def test_damaged_codes_are_refused(counts, size, message):
    with pytest.raises(AnnotationError, match=message):
        decode(counts, size)


@LOOK
@given(st.one_of(st.text(), st.binary(), st.lists(st.integers()), st.text(alphabet=[chr(k) for k in range(48, 112)])))
def test_garbage_is_a_plane_or_an_annotation_error(code):
    with suppress(AnnotationError):
        assert decode(code, (3, 4)).shape == (3, 4)


def test_a_picture_has_at_most_so_many_pixels():
    assert checked_size([1, MAX_PIXELS]) == checked_size((MAX_PIXELS, 1)) == MAX_PIXELS
    for size in ([1, MAX_PIXELS + 1], [2, MAX_PIXELS // 2 + 1]):
        with pytest.raises(AnnotationError, match=rf"size \[{size[0]}, {size[1]}\]: must be above 0 and at most"):
            checked_size(size)


def test_a_run_is_at_most_as_long_as_any_picture():
    with pytest.raises(AnnotationError, match=f"cover {MAX_PIXELS} px"):
        decode([MAX_PIXELS], (2, 2))
    for run in (MAX_PIXELS + 1, -MAX_PIXELS - 1):
        with pytest.raises(AnnotationError, match="a run longer than any picture"):
            decode([run], (2, 2))


def test_a_number_has_at_most_seven_characters():
    assert decompress(compress([2**34 - 1])).tolist() == [2**34 - 1]
    with pytest.raises(AnnotationError, match="a number longer than any picture"):
        decompress(compress([2**34]))


def test_what_a_message_shows_of_a_value_is_short():
    with pytest.raises(AnnotationError, match=r"^size 'x{58}': must"):
        checked_size("x" * 58)
    with pytest.raises(AnnotationError, match=r"^size 'x{56}\.\.\.: must"):
        checked_size("x" * 59)
