"""Model files and checkpoints: what they predict, that they agree, and every file that is refused."""

import json
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from trus.data.images import read_frame, read_mask
from trus.errors import ModelFileError
from trus.files import hash_file
from trus.inference.predictor import METADATA_KEY, open_predictor
from trus.inference.pytorch import CHECKPOINT_KEY


@pytest.fixture(params=["onnx", "ckpt"])
def model(request, tiny_model) -> Path:
    return getattr(tiny_model, request.param)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_the_discs_are_found_in_the_frames_own_size(model, manifest):
    predictor = open_predictor(model)
    for frame in manifest.frames:
        if frame.mask and frame.image_id != "p1_0":
            image, labels = read_frame(frame.image), read_mask(frame.mask)
            prediction = predictor.predict(image, frame.region)
            assert prediction.labels.shape == image.shape
            assert prediction.labels.dtype == np.uint8
            assert prediction.probabilities.shape == (2, *image.shape)
            assert prediction.probabilities.dtype == np.float32
            assert iou(prediction.labels > 0, labels > 0) > 0.8
            assert iou(prediction.labels == 2, labels == 2) > 0.7


def test_nothing_is_found_outside_the_region(model, manifest):
    frame = manifest.frames[1]
    x0, y0, x1, y1 = region = (40, 30, 80, 70)
    prediction = open_predictor(model).predict(read_frame(frame.image), region)
    outside = np.ones((80, 96), bool)
    outside[y0:y1, x0:x1] = False
    assert prediction.labels.any()
    assert not prediction.labels[outside].any()
    assert not prediction.probabilities[:, outside].any()


def test_checkpoint_and_model_file_agree(tiny_model, manifest):
    onnx_predictor, checkpoint = open_predictor(tiny_model.onnx), open_predictor(tiny_model.ckpt)
    for frame in manifest.frames[:4]:
        image = read_frame(frame.image)
        first, second = (each.predict(image, frame.region).probabilities for each in (onnx_predictor, checkpoint))
        assert np.abs(first - second).max() < 1e-4
        assert first.max() > 0.9


def test_grey_rgb_and_16_bits_of_one_frame_give_one_mask(model, manifest):
    grey = read_frame(manifest.frames[1].image)
    predictor = open_predictor(model)
    expected = predictor.predict(grey).labels
    assert (predictor.predict(np.repeat(grey[..., None], 3, 2)).labels == expected).all()
    assert (predictor.predict(grey.astype(np.uint16) * 257).labels == expected).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 2000)])
def test_frames_of_any_shape_are_segmented(model, shape):
    assert open_predictor(model).predict(np.full(shape, 100, np.uint8)).labels.shape == shape


def test_thresholds_can_be_replaced(model, manifest):
    image = read_frame(manifest.frames[1].image)
    predictor, areas = open_predictor(model), []
    for thresholds in ([0.05, 0.05], predictor.metadata.thresholds, [0.95, 0.95]):
        predictor.thresholds = thresholds
        areas.append((predictor.predict(image).labels > 0).sum())
    assert areas[0] > areas[1] > areas[2]


def test_the_batch_is_dynamic(model):
    batch = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    predictor = open_predictor(model, threads=1)
    together = predictor.network(batch)
    assert together.shape == (3, 2, 32, 32)
    assert np.abs(together[2:] - predictor.network(batch[2:])).max() < 1e-5


def test_a_predictor_knows_its_file(model):
    predictor = open_predictor(model, threads=1)
    assert predictor.model_hash == hash_file(model)
    assert predictor.metadata.name == "tiny"
    assert predictor.classes.targets == ("gland", "lesion")


def test_a_checkpoint_tells_the_epoch_of_its_weights(tiny_model):
    assert open_predictor(tiny_model.ckpt).metadata.training.epoch == 3


def test_idle_threads_leave_their_core_to_others(tiny_model):
    options = open_predictor(tiny_model.onnx, threads=2).session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.spin_duration_us") == "100"


# --- refused ---


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        open_predictor(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_a_missing_file_and_an_unknown_suffix_are_refused(tmp_path):
    assert "no such model file" in refusal(tmp_path / "m.onnx")
    (tmp_path / "m.pth").touch()
    assert "a model is an .onnx file or a .ckpt checkpoint, not .pth" in refusal(tmp_path / "m.pth")
    (tmp_path / "model").touch()
    assert "not this" in refusal(tmp_path / "model")
    (tmp_path / "folder.onnx").mkdir()
    assert "no such model file" in refusal(tmp_path / "folder.onnx")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_model_file_is_refused(tiny_model, tmp_path, share):
    content = tiny_model.onnx.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(share * len(content))])
    assert "no readable ONNX file, or was cut short" in refusal(path)


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("hello")
    assert "no readable ONNX file" in refusal(tmp_path / "text.onnx")


def with_metadata(source: Path, target: Path, properties: dict[str, str]) -> Path:
    model = onnx.load(source)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, target)
    return target


def test_a_model_file_without_metadata_is_refused(tiny_model, tmp_path):
    path = with_metadata(tiny_model.onnx, tmp_path / "bare.onnx", {"author": "somebody"})
    assert "holds no trus metadata; only files that trus exported can be used" in refusal(path)


def test_a_model_file_of_a_newer_schema_is_refused(tiny_model, tmp_path):
    document = json.loads(open_predictor(tiny_model.onnx).metadata.model_dump_json()) | {"schema_version": 9}
    path = with_metadata(tiny_model.onnx, tmp_path / "new.onnx", {METADATA_KEY: json.dumps(document)})
    assert "metadata schema 9, this trus knows up to 4; upgrade trus" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(tiny_model, tmp_path, share):
    content = tiny_model.ckpt.read_bytes()
    path = tmp_path / "cut.ckpt"
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged, or no checkpoint of trus" in refusal(path)


def test_a_file_that_is_no_checkpoint_is_refused_whatever_it_holds(tmp_path):
    choose = random.Random(0)
    path = tmp_path / "other.ckpt"
    for content in (b"hello\n", b"\x80\x02.", b"PK\x03\x04", *(b"\x80\x02" + choose.randbytes(40) for _ in range(60))):
        path.write_bytes(content)
        assert "checkpoint" in refusal(path)


def saved(path: Path, content) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {}, "hyper_parameters": {"lr": 0.1}, "epoch": 3},
        {"state_dict": {}, "epoch": 3},
        {"state_dict": {}, "hyper_parameters": None, "epoch": 3},
        {"conv.weight": torch.zeros(2)},
        [1, 2],
        torch.zeros(2),
    ],
    ids=["lightning", "no hyper-parameters", "none", "weights", "list", "tensor"],
)
def test_a_checkpoint_of_another_project_is_refused(tmp_path, content):
    path = saved(tmp_path / "other.ckpt", content)
    assert f"a checkpoint, but not one that trus wrote (it holds no {CHECKPOINT_KEY})" in refusal(path)


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_checkpoint_cannot_run_code(tmp_path):
    path = saved(tmp_path / "evil.ckpt", {"state_dict": {}, "hyper_parameters": Evil(tmp_path / "touched"), "epoch": 0})
    assert "is damaged, or no checkpoint of trus" in refusal(path)
    assert not (tmp_path / "touched").exists()


@pytest.fixture
def checkpoint(tiny_model) -> dict:
    return torch.load(tiny_model.ckpt, weights_only=True)


def test_weights_that_do_not_fit_are_refused(checkpoint, tmp_path):
    checkpoint["state_dict"].popitem()
    assert "its weights do not fit its network" in refusal(saved(tmp_path / "m.ckpt", checkpoint))


def test_a_network_from_elsewhere_is_not_built(checkpoint, tmp_path):
    document = json.loads(checkpoint["hyper_parameters"][CHECKPOINT_KEY])
    document["training"]["config"] = {"_target_": "os.system", "command": "true"}
    checkpoint["hyper_parameters"][CHECKPOINT_KEY] = json.dumps(document)
    assert "its network os.system is not part of trus; use its .onnx" in refusal(saved(tmp_path / "m.ckpt", checkpoint))


def test_a_network_that_trus_no_longer_has_is_refused(checkpoint, tmp_path):
    document = json.loads(checkpoint["hyper_parameters"][CHECKPOINT_KEY])
    document["training"]["config"] = {"_target_": "trus.models.gone.build", "encoder_weights": None}
    checkpoint["hyper_parameters"][CHECKPOINT_KEY] = json.dumps(document)
    assert "its network cannot be rebuilt" in refusal(saved(tmp_path / "m.ckpt", checkpoint))
