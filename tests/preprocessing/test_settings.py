import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pydantic import ValidationError

from trus.data.images import read_frame
from trus.errors import ConfigError
from trus.preprocessing import Preprocessor

CONF = Path(__file__).parents[2] / "conf"
CONFIGS = sorted(path.stem for path in (CONF / "preprocessing").glob("*.yaml"))
REAL = Path(__file__).parents[3] / "shared" / "data" / "usgra" / "images"
PLAIN = {"size": [64, 96], "normalise": {"name": "unit"}, "channels": "grey"}


def build(**settings) -> Preprocessor:
    return Preprocessor.from_dict({**PLAIN, **settings})


def composed(*overrides: str) -> dict:
    with initialize_config_dir(str(CONF), version_base=None):
        return OmegaConf.to_container(compose(overrides=list(overrides)).preprocessing, resolve=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_builds_and_runs(name):
    preprocessor = Preprocessor.from_dict(composed(f"+preprocessing={name}"))
    array, geometry = preprocessor(np.full((90, 120), 99, np.uint8), (10, 5, 110, 85))
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
        ({"normalise": {"name": "fixed", "mean": 1e38}}, "mean has to lie within"),
        ({"normalise": {"name": "fixed", "std": 1e-30}}, "std has to lie within"),
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
