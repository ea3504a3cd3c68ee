"""Moving and still pixels of a clip."""

import tracemalloc

import numpy as np
import pytest

from trus.data.intake.static import MIN_FRAMES, ClipMotion


def _clip(frames, rng, dtype=np.uint8, channels=()):
    top = np.iinfo(dtype).max
    screen = rng.integers(0, top, (60, 80, *channels), dtype=dtype)
    for _ in range(frames):
        frame = screen.copy()
        frame[10:40, 20:60] = rng.integers(0, top, (30, 40, *channels), dtype=dtype)
        yield frame


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_only_what_changes_is_moving(dtype, channels):
    moving = ClipMotion.of(_clip(8, np.random.default_rng(0), dtype, channels)).moving()
    assert moving[10:40, 20:60].mean() > 0.98
    moving[10:40, 20:60] = False
    assert not moving.any()


def test_twelve_bits_in_sixteen_are_scaled_by_what_is_used():
    frames = list(_clip(8, np.random.default_rng(0), np.uint16))
    assert ClipMotion.of(frame >> 4 for frame in frames).moving()[10:40, 20:60].mean() > 0.98


def test_a_few_frames_are_a_still():
    rng = np.random.default_rng(1)
    assert ClipMotion.of(_clip(MIN_FRAMES - 1, rng)).moving() is None
    assert ClipMotion.of(_clip(MIN_FRAMES, rng)).moving() is not None
    assert ClipMotion().moving() is None


def test_a_frozen_clip_with_a_clock_and_compression_flicker_is_a_still():
    rng = np.random.default_rng(2)
    screen = rng.integers(8, 240, (200, 300), dtype=np.uint8)
    motion = ClipMotion()
    for number in range(20):
        frame = screen + rng.integers(0, 4, screen.shape, dtype=np.uint8)
        frame[5:12, 5:40] = number * 10
        motion.add(frame)
    assert motion.moving() is None


def test_brightest_is_the_fullest_picture():
    frames = list(_clip(6, np.random.default_rng(3)))
    np.testing.assert_array_equal(ClipMotion.of(frames).brightest, np.max(frames, 0))
    with pytest.raises(ValueError, match="no frame"):
        _ = ClipMotion().brightest


def test_frames_of_another_size_are_refused():
    motion = ClipMotion()
    motion.add(np.zeros((4, 5), np.uint8))
    for other in (np.zeros((5, 4), np.uint8), np.zeros((4, 5), np.uint16), np.zeros((4, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="differ"):
            motion.add(other)
    assert motion.frames == 1


def test_the_given_frame_is_not_held_on_to():
    motion = ClipMotion()
    frame = np.zeros((4, 5), np.uint8)
    motion.add(frame)
    frame[:] = 200
    assert motion.brightest.max() == 0


def test_memory_does_not_grow_with_the_clip():
    def peak(frames):
        tracemalloc.start()
        ClipMotion.of(_clip(frames, np.random.default_rng(4)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(5)
    assert peak(400) < 1.2 * peak(10) + 10_000
