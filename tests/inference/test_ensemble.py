"""Several networks as one, and one network asked several times."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from trus.data.images import read_frame
from trus.errors import ModelFileError
from trus.inference.augmented import AugmentedPredictor
from trus.inference.ensemble import EnsemblePredictor, open_models
from trus.inference.postprocessing import Rule
from trus.inference.predictor import METADATA_KEY, NetworkPredictor, open_predictor


def changed(source: Path, target: Path, **changes) -> Path:
    """A copy of a model file with other metadata."""
    model = onnx.load(source)
    document = json.loads(next(one.value for one in model.metadata_props if one.key == METADATA_KEY))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(document | changes)})
    onnx.save(model, target)
    return target


@pytest.fixture
def image(dataset) -> np.ndarray:
    return read_frame(dataset / "images" / "p2_0.png")


@pytest.fixture
def stretched(tiny_model, tmp_path) -> Path:
    """The same network with other preprocessing."""
    preprocessing = open_predictor(tiny_model.onnx).metadata.preprocessing
    other = preprocessing | {"resize": "letterbox", "denoise": {"name": "isotropic_diffusion"}}
    return changed(tiny_model.onnx, tmp_path / "other.onnx", preprocessing=other, name="other")


def test_the_ensemble_is_the_mean_of_members_with_their_own_preprocessing(tiny_model, stretched, image):
    region = (8, 4, 88, 76)
    together = open_models([tiny_model.ckpt, stretched], threads=1)
    first, second = (open_predictor(path, 1).probabilities(image, region) for path in (tiny_model.ckpt, stretched))
    prediction = together.predict(image, region)
    assert np.abs(first - second).max() > 0.05
    np.testing.assert_allclose(prediction.probabilities, (first + second) / 2, atol=1e-6)
    assert (prediction.labels == together.classes.decode(prediction.probabilities, [0.5, 0.5])).all()
    assert prediction.probabilities.dtype == np.float32


def test_members_are_not_changed_by_being_asked_together(tiny_model, stretched, image):
    together = open_models([tiny_model.onnx, stretched], threads=1)
    assert (together.predict(image).probabilities == together.predict(image).probabilities).all()


def test_an_ensemble_says_what_it_is(tiny_model, stretched):
    together = open_models([tiny_model.onnx, stretched], threads=1)
    assert together.metadata.name == "ensemble of 2 (tiny, other)"
    assert together.metadata.score is None
    assert "Not a medical device" in together.metadata.statement
    assert [member.metadata.name for member in together.members] == ["tiny", "other"]
    assert together.model_hash == open_models([stretched, tiny_model.onnx]).model_hash
    assert together.model_hash not in [member.model_hash for member in together.members]
    assert together.settings["members_sha256"] == sorted(member.model_hash for member in together.members)


def test_one_model_is_itself(tiny_model):
    single = open_models([tiny_model.onnx])
    assert isinstance(single, NetworkPredictor)
    assert [*single.members] == [single]


def test_models_of_other_classes_are_refused(tiny_model, tmp_path):
    swapped = {"labels": {"1": "lesion", "2": "gland"}, "contains": {"gland": ["lesion"]}}
    path = changed(tiny_model.onnx, tmp_path / "swapped.onnx", classes=swapped)
    with pytest.raises(ModelFileError) as caught:
        open_models([tiny_model.onnx, path])
    assert "must segment the same classes" in str(caught.value)
    assert f"{tiny_model.onnx}: 1 gland (contains lesion), 2 lesion" in str(caught.value)
    assert f"{path}: 1 lesion, 2 gland (contains lesion)" in str(caught.value)
    flat = changed(tiny_model.onnx, tmp_path / "flat.onnx", classes={"labels": {"1": "gland", "2": "lesion"}})
    with pytest.raises(ModelFileError, match="same classes"):
        open_models([tiny_model.onnx, flat])


def test_models_that_decide_differently_are_refused_until_told_how(tiny_model, tmp_path):
    path = changed(
        tiny_model.onnx, tmp_path / "b.onnx", thresholds=[0.5, 0.25], postprocessing={"gland": {"fill_holes": True}}
    )
    with pytest.raises(ModelFileError) as caught:
        open_models([tiny_model.onnx, path])
    assert "give one threshold for all (--threshold) and leave post-processing out" in str(caught.value)
    assert "thresholds [0.5, 0.25], post-processing gland: holes filled" in str(caught.value)
    told = open_models([tiny_model.onnx, path], threshold=0.375, postprocess=False)
    assert (told.thresholds, told.postprocessing) == ([0.375, 0.375], {})
    equal = changed(path, tmp_path / "c.onnx", name="c")
    agreed = open_models([path, equal])
    assert (agreed.thresholds, agreed.postprocessing) == ([0.5, 0.25], {"gland": Rule(fill_holes=True)})


def test_one_file_twice_and_none_at_all_are_refused(tiny_model, tmp_path):
    (tmp_path / "link.onnx").symlink_to(tiny_model.onnx)
    with pytest.raises(ModelFileError, match=r"tiny\.onnx, .*link\.onnx: given more than once"):
        open_models([tiny_model.onnx, tmp_path / "link.onnx"])
    with pytest.raises(ModelFileError, match="no model file was given"):
        open_models([])


# --- the same network on altered copies ---


class Recorder(NetworkPredictor):
    """Says of each pixel what the input is there, and keeps what it was asked."""

    backend = "recorder"

    def __init__(self, path: Path):
        super().__init__(path, open_predictor(path).metadata)
        self.asked: list[np.ndarray] = []

    def network(self, batch: np.ndarray) -> np.ndarray:
        self.asked.append(batch)
        return np.repeat(batch, 2, axis=1).clip(0, 1)


@pytest.fixture
def recorder(tiny_model) -> Recorder:
    return Recorder(tiny_model.onnx)


def smooth(height: int = 32, width: int = 32) -> np.ndarray:
    y, x = np.mgrid[:height, :width] / 32
    return (0.4 + 0.3 * np.sin(3 * x + 1) * np.cos(2 * y))[None, None].astype(np.float32)


@pytest.mark.parametrize(("views", "count", "tolerance"), [("flip", 2, 1e-6), ("flip_scale", 6, 0.01)])
def test_answers_come_back_to_where_they_belong(recorder, views, count, tolerance):
    batch = smooth()
    answer = AugmentedPredictor(recorder, views).network(batch)
    assert len(recorder.asked) == count
    assert (recorder.asked[1] == recorder.asked[0][..., ::-1]).all()
    assert answer.shape == (1, 2, 32, 32)
    assert np.abs(answer - batch).max() < tolerance
    assert np.abs(answer - batch[..., ::-1]).max() > 0.05


def test_larger_and_smaller_views_are_asked(recorder):
    batch = np.zeros((1, 1, 32, 32), np.float32)
    batch[..., 8:24, 8:24] = 1
    AugmentedPredictor(recorder, "flip_scale").network(batch)
    areas = [round(float(view.sum())) for view in recorder.asked[::2]]
    assert areas[1] == pytest.approx(256 * 0.9**2, rel=0.05)
    assert areas[2] == pytest.approx(256 * 1.1**2, rel=0.05)


def test_asked_both_ways_a_network_is_symmetric(tiny_model, image):
    once = open_predictor(tiny_model.onnx, 1)
    twice = open_models([tiny_model.onnx], 1, "flip")
    mirrored = np.ascontiguousarray(image[:, ::-1])
    assert np.abs(once.probabilities(mirrored)[..., ::-1] - once.probabilities(image)).max() > 0.01
    assert np.abs(twice.probabilities(mirrored)[..., ::-1] - twice.probabilities(image)).max() < 1e-5


def test_augmentation_keeps_thresholds_and_rules_and_is_said(tiny_model, tmp_path):
    path = changed(
        tiny_model.onnx, tmp_path / "b.onnx", thresholds=[0.5, 0.25], postprocessing={"gland": {"fill_holes": True}}
    )
    predictor = open_models([path], tta="flip")
    assert (predictor.thresholds, predictor.postprocessing) == ([0.5, 0.25], {"gland": Rule(fill_holes=True)})
    assert predictor.settings == open_models([path]).settings | {"tta": "flip"}
    copy = Path(shutil.copy(path, tmp_path / "c.onnx"))
    both = open_models([path, copy], tta="flip_scale")
    assert isinstance(both, EnsemblePredictor)
    assert both.settings["tta"] == "flip_scale"
