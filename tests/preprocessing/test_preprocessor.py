import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pydantic import ValidationError

from trus.data.images import read_frame
from trus.errors import ConfigError, ImageError
from trus.preprocessing import Geometry, Preprocessor, perona_malik, srad

CONF = Path(__file__).parents[2] / "conf"
CONFIGS = sorted(path.stem for path in (CONF / "preprocessing").glob("*.yaml"))
REAL = Path(__file__).parents[3] / "shared" / "data" / "usgra" / "images"
PLAIN = {"size": [64, 96], "normalise": {"name": "unit"}, "channels": "grey"}


def build(**settings) -> Preprocessor:
    return Preprocessor.from_dict({**PLAIN, **settings})


def composed(*overrides: str) -> dict:
    with initialize_config_dir(str(CONF), version_base=None):
        return OmegaConf.to_container(compose(overrides=list(overrides)).preprocessing, resolve=True)


def frame(height=90, width=120, seed=0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 2 - 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_builds_and_runs(name):
    preprocessor = Preprocessor.from_dict(composed(f"+preprocessing={name}"))
    array, geometry = preprocessor(frame(), (10, 5, 110, 85))
    assert array.shape == (3, *preprocessor.size)
    assert geometry.region == (10, 5, 110, 85)
    assert preprocessor.in_channels == 3


def test_the_source_recipe_is_the_source_teams():
    source = Preprocessor.from_dict(composed("+preprocessing=source"))
    assert (source.size, source.resize, source.denoise.name) == ((768, 768), "stretch", "isotropic_diffusion")


@pytest.mark.parametrize("method", ["none", "isotropic_diffusion", "perona_malik", "srad"])
def test_a_filter_can_be_chosen_by_name_on_the_command_line(method):
    document = composed("+preprocessing=default", f"preprocessing.denoise.name={method}")
    assert Preprocessor.from_dict(document).denoise.name == method


@pytest.mark.parametrize("name", CONFIGS)
def test_any_config_can_be_switched_to_no_filter_and_plain_scaling(name):
    overrides = ["preprocessing.denoise.name=none", "preprocessing.normalise.name=unit"]
    preprocessor = Preprocessor.from_dict(composed(f"+preprocessing={name}", *overrides))
    assert preprocessor.to_dict()["denoise"] == {"name": "none"}
    assert preprocessor.to_dict()["normalise"] == {"name": "unit"}


def test_a_parameter_left_from_another_filter_is_explained_and_null_removes_it():
    left = {"name": "srad", "iterations": 9, "kappa": 0.1}
    with pytest.raises(ConfigError, match=r"denoise\.kappa: 0\.1: srad has .*perona_malik.*null"):
        build(denoise=left)
    assert build(denoise={**left, "kappa": None}).denoise.iterations == 9


SETTINGS = st.fixed_dictionaries(
    {"size": st.tuples(*[st.integers(1, 40).map(lambda n: n * 32)] * 2).map(list)},
    optional={
        "region": st.sampled_from(["manifest", None, [1, 2, 30, 40]]),
        "resize": st.sampled_from(["letterbox", "stretch"]),
        "interpolation": st.sampled_from(["linear", "cubic", "nearest"]),
        "channels": st.sampled_from(["grey", "grey3", "filtered3"]),
        "denoise": st.one_of(
            st.just({"name": "none"}),
            st.fixed_dictionaries(
                {"name": st.just("perona_malik"), "kappa": st.floats(1e-3, 1), "gamma": st.floats(1e-3, 0.25)}
            ),
            st.fixed_dictionaries({"name": st.just("srad"), "q0": st.floats(1e-3, 2), "rho": st.floats(0, 2)}),
        ),
        "normalise": st.one_of(
            st.sampled_from([{"name": "unit"}, {"name": "zscore"}, {"name": "percentile", "low": 0, "high": 99.5}]),
            st.fixed_dictionaries({"name": st.just("fixed"), "mean": st.floats(-1, 1), "std": st.floats(0.01, 9)}),
        ),
    },
)


@settings(deadline=None, database=None, derandomize=True)
@given(SETTINGS)
def test_json_round_trip_is_lossless(document):
    preprocessor = Preprocessor.from_dict(document)
    again = Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict())))
    assert again == preprocessor
    assert again.to_dict() == preprocessor.to_dict()
    assert hash(again) == hash(preprocessor)


def test_all_problems_are_reported_at_once_with_the_way_out():
    with pytest.raises(ConfigError) as caught:
        Preprocessor.from_dict(
            {
                "size": [250, 256],
                "regoin": None,
                "region": [5, 5, 5, 9],
                "denoise": {"name": "perona_malik", "kapa": 1, "gamma": 0.3, "kappa": 30},
                "resize": "crop",
                "normalise": {"name": "imagenet"},
            }
        )
    message = str(caught.value)
    for part in (
        "size: [250, 256]",
        "224 or 256",
        "regoin",
        "valid keys: channels, denoise",
        "region: [5, 5, 5, 9]",
        "denoise.kapa: 1",
        "valid: iterations, kappa, gamma, option",
        "denoise.gamma: 0.3",
        "denoise.kappa: 30",
        "0.118",
        "resize: 'crop'",
        "'letterbox' or 'stretch'",
        "normalise.name: 'imagenet'",
        "unit, fixed, zscore, percentile",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"size": None}, r"\[height, width\]"),
        ({"size": [0, 32]}, "nearest valid: height 32"),
        ({"denoise": "srad"}, "isotropic_diffusion, perona_malik"),
        ({"denoise": {"iterations": 3}}, r"denoise\.name"),
        ({"normalise": {"name": "fixed", "mean": [0.1, 0.2, 0.3]}}, "3 numbers; give 1"),
        ({"normalise": {"name": "fixed", "std": 0}}, r"normalise\.std"),
        ({"normalise": {"name": "fixed", "mean": float("nan")}}, r"normalise\.mean"),
        ({"normalise": {"name": "percentile", "low": 60, "high": 40}}, "below high"),
        ({"region": "whole"}, "manifest, null or"),
    ],
)
def test_a_wrong_setting_is_named(change, part):
    with pytest.raises(ConfigError, match=part):
        build(**change)


def test_a_document_that_is_no_mapping_or_lacks_the_size_is_refused():
    with pytest.raises(ConfigError, match="mapping"):
        Preprocessor.from_dict(["size"])
    with pytest.raises(ConfigError, match="size: is required"):
        Preprocessor.from_dict({})


def test_it_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        build().resize = "stretch"


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


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is absent")
@pytest.mark.parametrize("name", CONFIGS)
def test_real_frames_run_through_every_config(name):
    preprocessor = Preprocessor.from_dict(composed(f"+preprocessing={name}"))
    for path in sorted(REAL.glob("*.png"))[:2]:
        array, geometry = preprocessor(read_frame(path))
        assert np.isfinite(array).all()
        assert array.std() > 0.05
        assert geometry.inverse_probabilities(np.abs(array)).shape[1:] == geometry.source
