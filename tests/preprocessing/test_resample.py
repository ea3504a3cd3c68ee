"""Resizing axis by axis, against OpenCV where it does the same and by hand where it does not."""

import cv2
import numpy as np
import pytest

from trus.preprocessing.resample import resize, resize_nearest

PLANE = np.random.default_rng(0).random((12, 20), dtype=np.float32)


@pytest.mark.parametrize(("name", "flag"), [("linear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)])
def test_growing_is_interpolated_as_asked_for(name, flag):
    np.testing.assert_array_equal(resize(PLANE, (30, 33), name), cv2.resize(PLANE, (33, 30), interpolation=flag))
    assert not np.array_equal(resize(PLANE, (30, 33), "cubic"), resize(PLANE, (30, 33)))


@pytest.mark.parametrize("name", ["linear", "cubic", "nearest"])
def test_shrinking_is_the_mean_whatever_growing_is(name):
    np.testing.assert_allclose(resize(PLANE, (3, 5), name), PLANE.reshape(3, 4, 5, 4).mean((1, 3)), rtol=1e-6)


def test_an_axis_that_shrinks_is_averaged_while_the_other_grows():
    means = PLANE.reshape(12, 5, 4).mean(2)
    np.testing.assert_allclose(resize(PLANE, (24, 5), "nearest"), means.repeat(2, 0), rtol=1e-6)
    expected = cv2.resize(means, (5, 24), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize(PLANE, (24, 5)), expected, rtol=1e-6)


def test_the_nearest_pixel_is_that_of_the_nearest_centre():
    labels = np.arange(7, dtype=np.int16)[None]
    assert resize_nearest(labels, (1, 3)).tolist() == [[1, 3, 5]]
    assert resize_nearest(labels, (2, 14)).tolist() == [np.repeat(np.arange(7), 2).tolist()] * 2
    assert resize_nearest(labels, (1, 3)).dtype == np.int16
