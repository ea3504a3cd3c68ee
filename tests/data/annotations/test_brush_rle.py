"""Label Studio's bit stream, against what its own encoder writes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trus.data.annotations.brush_rle import decode, encode, packed
from trus.errors import AnnotationError

# label-studio-converter 0.0.59: encode_rle of the plane below, four equal channels
STROKE = [0, 0, 0, 60, 57, 27, 254, 23, 0, 183, 255, 24, 4, 127, 247, 192, 0]
# the same of the values 0, 40, 80, ..., 240, 0, 40, ... (24 values, 2x3 pixels): pieces of single values
SINGLES = [0, 0, 0, 24, 57, 27, 248, 0, 0, 20, 0, 160, 3, 192, 20, 0, 100, 1, 224, 0, 0, 5, 0, 40, 0, 240, 5, 0, 25]
SINGLES += [0, 120, 0, 0, 1, 64, 10, 0, 60, 1, 64, 6, 64, 30, 0, 0, 0, 80, 2, 128]


@pytest.fixture
def plane() -> np.ndarray:
    plane = np.zeros((3, 5), bool)
    plane[1, 1:4] = plane[2, 0] = True
    return plane


def test_it_writes_what_label_studio_writes(plane):
    assert encode(plane) == STROKE


def test_it_reads_what_label_studio_writes(plane):
    np.testing.assert_array_equal(decode(bytes(STROKE), (3, 5)), plane)
    alpha = (np.arange(24) % 7 * 40).reshape(2, 3, 4)[:, :, 3]
    np.testing.assert_array_equal(decode(bytes(SINGLES), (2, 3)), alpha > 0)


def test_pieces_of_several_different_values_are_read():
    """The browser writes those; bits: two pixels as one piece of 8 values of 8 bits, only the first alpha above 0."""
    values = [9, 9, 9, 200, 9, 9, 9, 0]
    bits = f"{8:032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (3, 4, 8, 16)) + "0" + "00" + f"{7:03b}"
    bits += "".join(f"{value:08b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    stream = int(bits, 2).to_bytes(len(bits) // 8, "big")
    np.testing.assert_array_equal(decode(stream, (1, 2)), [[True, False]])


def bits_of(values: list[int], word: int, sizes: list[int], draw) -> str:
    """A stream in rle-pack's format, its pieces drawn: some of one value repeated, some of several."""
    bits = f"{len(values):032b}{word - 1:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    at = 0
    while at < len(values):
        which = draw(st.integers(0, 3))
        longest = min(2 ** sizes[which], len(values) - at)
        equal = next((n for n in range(longest) if values[at + n] != values[at]), longest)
        repeats = draw(st.booleans())
        length = draw(st.integers(1, equal if repeats else longest))
        held = values[at : at + 1] if repeats else values[at : at + length]
        bits += f"{repeats:d}{which:02b}{length - 1:0{sizes[which]}b}" + "".join(f"{value:0{word}b}" for value in held)
        at += length
    return bits


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_size_of_words_and_runs_is_read(data):
    word, sizes = data.draw(st.integers(1, 32)), data.draw(st.lists(st.integers(1, 16), min_size=4, max_size=4))
    value = st.sampled_from([0, 1, 2 ** (word - 1), 2**word - 1])
    values = data.draw(st.lists(value, min_size=1, max_size=8).map(lambda few: [v for v in few for _ in range(12)]))
    bits = bits_of(values, word, sizes, data.draw)
    stream = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    shape = (3, len(values) // 12)
    np.testing.assert_array_equal(decode(stream, shape), np.reshape(values, (*shape, 4))[:, :, 3] > 0)
    with pytest.raises(AnnotationError, match="ends early, or goes on beyond the picture"):
        decode(stream[:-1], shape)


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
@settings(max_examples=100, deadline=None)
def test_any_plane_comes_back(plane):
    np.testing.assert_array_equal(decode(packed(encode(plane), plane.shape), plane.shape), plane)


@pytest.mark.parametrize("shape", [(300, 300), (128, 128), (1, 16384), (1, 32768), (512, 600)])
@pytest.mark.parametrize("rows", [0, 1, 77])
def test_runs_longer_than_a_piece_come_back(shape, rows):
    plane = np.zeros(shape, bool)
    plane[:rows] = True
    np.testing.assert_array_equal(decode(bytes(encode(plane)), shape), plane)


@given(st.binary(max_size=60), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_damage_is_refused_or_a_plane_of_the_size(stream, height, width):
    head = f"{4 * height * width:032b}"
    for content in (stream, int(head, 2).to_bytes(4, "big") + stream):
        try:
            assert decode(content, (height, width)).shape == (height, width)
        except AnnotationError:
            continue


@pytest.mark.parametrize("end", range(len(STROKE) - 1))
def test_a_stream_that_ends_early_is_refused(end):
    if end < len(STROKE) - 2:  # the last byte and a half are padding
        with pytest.raises(AnnotationError):
            decode(bytes(STROKE[:end]), (3, 5))


def test_a_stream_of_another_picture_is_refused():
    with pytest.raises(AnnotationError, match="is of 15 pixels, the picture has 16"):
        decode(bytes(STROKE), (4, 4))


@pytest.mark.parametrize("wrong", [None, "abc", [], [1, 2], [300] * 9, [-1] * 9, ["a"] * 9, [1.5] * 9, [None] * 9, {}])
def test_what_is_no_list_of_bytes_is_refused(wrong):
    with pytest.raises(AnnotationError, match="brush stroke"):
        packed(wrong, (3, 5))


def test_a_list_far_longer_than_the_picture_is_refused_unread():
    with pytest.raises(AnnotationError, match="no list of numbers of a picture"):
        packed([0] * 10_000, (3, 5))


def test_a_list_as_long_as_a_picture_can_need_is_taken():
    assert len(packed([0] * (26 * 15 + 16), (3, 5))) == 26 * 15 + 16
    with pytest.raises(AnnotationError, match="no list of numbers of a picture"):
        packed([0] * (26 * 15 + 17), (3, 5))
    assert packed([1, 2, 3, 4, 5, 255], (3, 5)) == bytes([1, 2, 3, 4, 5, 255])
    with pytest.raises(AnnotationError, match="no list of numbers of a picture"):
        packed([1, 2, 3, 4, 5], (3, 5))
