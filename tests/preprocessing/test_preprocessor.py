import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from trus.errors import ConfigError, ImageError
from trus.preprocessing import Geometry, Preprocessor, perona_malik, srad

PLAIN = {"size": [64, 96], "normalise": {"name": "unit"}, "channels": "grey"}


def build(**settings) -> Preprocessor:
    return Preprocessor.from_dict({**PLAIN, **settings})


def frame(height=90, width=120, seed=0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 2 - 128, 0, 255).astype(np.uint8)


def test_order_crop_denoise_resize_normalise():
    image, box = frame(), (10, 20, 110, 84)
    array, _ = build(
        resize="stretch",
        denoise={"name": "perona_malik", "kappa": 0.1, "iterations": 4, "gamma": 0.2, "option": 1},
        normalise={"name": "fixed", "mean": 0.25, "std": 0.5},
    )(image, box)
    cropped = image[20:84, 10:110].astype(np.float32) / 255
    expected = cv2.resize(perona_malik(cropped, 4, 0.1, 0.2, 1), (96, 64), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(array[0], (expected - 0.25) / 0.5, atol=1e-6)


@pytest.mark.parametrize("channels", ["grey", "grey3", "filtered3"])
def test_output_is_float32_contiguous_repeatable_and_the_input_untouched(channels):
    image = frame()
    before = image.copy()
    image.setflags(write=False)
    preprocessor = build(channels=channels, denoise={"name": "srad"})
    array, geometry = preprocessor(image)
    again, _ = preprocessor(image)
    np.testing.assert_array_equal(array, again)
    np.testing.assert_array_equal(image, before)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.shape == (preprocessor.in_channels, 64, 96)
    assert Geometry.from_dict(geometry.to_dict()) == geometry


def test_every_form_of_the_same_frame_gives_the_same_array():
    image = frame()
    preprocessor = build()
    expected, _ = preprocessor(image)
    np.testing.assert_array_equal(preprocessor(np.repeat(image[..., None], 3, axis=2))[0], expected)
    np.testing.assert_allclose(preprocessor(image.astype(np.uint16) * 257)[0], expected, atol=1e-6)
    np.testing.assert_allclose(preprocessor(image / 255.0)[0], expected, atol=1e-6)
    np.testing.assert_array_equal(preprocessor(np.asfortranarray(image))[0], expected)


def test_shrinking_is_antialiased_and_each_axis_keeps_its_own_rule():
    stripes = np.tile(np.array([0, 255], np.uint8), (32, 192))
    array, _ = build(size=[64, 96], resize="stretch")(stripes)
    np.testing.assert_allclose(array, 0.5, atol=1e-6)


def test_nearest_enlargement_makes_blocks_and_cubic_stays_in_range():
    image = frame(32, 32)
    array, _ = build(size=[64, 64], interpolation="nearest")(image)
    np.testing.assert_allclose(array[0], np.kron(image, np.ones((2, 2))) / 255, atol=1e-6)
    edge = np.zeros((32, 32), np.uint8)
    edge[:, 16:] = 255
    array, _ = build(size=[64, 64], interpolation="cubic")(edge)
    assert 0 <= array.min() <= array.max() <= 1


def test_padding_is_black_before_normalising():
    image = np.full((50, 50), 200, np.uint8)
    array, geometry = build(normalise={"name": "fixed", "mean": 0.5, "std": 0.25})(image)
    assert geometry.content == (0, 16, 64, 64)
    np.testing.assert_allclose(array[:, :, :16], -2)
    np.testing.assert_allclose(array[:, *geometry.content_slices], (200 / 255 - 0.5) / 0.25, rtol=1e-5)
    assert not build()(image)[0][:, :, :16].any()


def test_statistics_come_from_the_region_alone():
    image = frame()
    array, geometry = build(size=[96, 96], normalise={"name": "zscore"})(image)
    content = array[:, *geometry.content_slices]
    assert abs(content.mean()) < 1e-4
    assert abs(content.std() - 1) < 1e-4
    array, geometry = build(size=[96, 96], normalise={"name": "percentile", "low": 10, "high": 90})(image)
    content = array[:, *geometry.content_slices]
    assert 0.09 < (content == 0).mean() < 0.12
    assert 0.09 < (content == 1).mean() < 0.12
    assert not array[:, : geometry.content[0]].any()


@pytest.mark.parametrize("name", ["zscore", "percentile"])
def test_a_flat_frame_does_not_divide_by_zero(name):
    array, _ = build(size=[64, 64], normalise={"name": name})(np.full((50, 50), 77, np.uint8))
    np.testing.assert_array_equal(array, 0)


def test_mean_and_std_a_channel():
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    array, _ = build(channels="grey3", normalise={"name": "fixed", "mean": mean, "std": std})(frame())
    grey, _ = build()(frame())
    np.testing.assert_allclose(array, (grey - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1)), atol=1e-5)


def test_filtered3_is_raw_denoised_and_a_second_filter():
    image = frame(64, 96)
    unit = image.astype(np.float32) / 255
    array, _ = build(channels="filtered3")(image)
    np.testing.assert_allclose(array[0], unit)
    np.testing.assert_allclose(array[1], perona_malik(unit, 15, 0.04, 0.2, 2))
    np.testing.assert_allclose(array[2], srad(unit, 40, 0.05, 0.5, 1 / 6))
    swapped, _ = build(channels="filtered3", denoise={"name": "srad"})(image)
    np.testing.assert_array_equal(swapped, array[[0, 2, 1]])


def test_which_region_is_used():
    image, box, given_box = frame(), (1, 2, 41, 52), (30, 30, 70, 80)
    assert build()(image, given_box)[1].region == given_box
    assert build()(image)[1].region == (0, 0, 120, 90)
    assert build(region=None)(image, given_box)[1].region == (0, 0, 120, 90)
    assert build(region=list(box))(image, given_box)[1].region == box
    assert build().geometry((90, 120), given_box) == build()(image, given_box)[1]


def test_a_region_outside_the_frame_names_box_and_frame():
    with pytest.raises(ConfigError, match=r"preprocessing\.region \[0, 0, 500, 40\].*120x90"):
        build(region=[0, 0, 500, 40])(frame())
    with pytest.raises(ImageError, match=r"^region \[0, 0, 500, 40\].*120x90"):
        build()(frame(), (0, 0, 500, 40))


@pytest.mark.parametrize(
    ("image", "part"),
    [
        (np.zeros((4, 4, 4), np.uint8), "shape"),
        (np.zeros((0, 4), np.uint8), "shape"),
        (np.zeros((4, 4), np.int32), "int32"),
        (np.zeros((4, 4), bool), "bool"),
        (np.full((4, 4), 2.0), "0..1"),
        (np.full((4, 4), np.nan), "0..1"),
    ],
)
def test_an_image_of_the_wrong_form_is_refused(image, part):
    with pytest.raises(ImageError, match=part):
        build()(image)


def test_importing_does_not_import_torch():
    code = "import sys, trus.preprocessing; sys.exit(any(m in sys.modules for m in ('torch', 'skimage', 'medpy')))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
