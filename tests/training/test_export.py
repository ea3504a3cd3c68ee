import numpy as np
import onnx
import pytest
import torch
from torch import nn

from trus.errors import ModelFileError
from trus.inference.predictor import METADATA_KEY, OnnxPredictor
from trus.training.export import Parity, export_model


@pytest.fixture
def metadata(tiny_model):
    return OnnxPredictor(tiny_model.onnx).metadata


@pytest.fixture
def frames():
    return np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)


class Branching(nn.Module):
    """Looks at its data in Python, which torch.export cannot follow and tracing can."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 1)

    def forward(self, image):
        return self.convolution(image) if image.abs().max().item() >= 0 else image


class BatchCounter(nn.Module):
    """Gives other logits for a batch of one than for two: no graph of one of them is right for both."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 1)

    def forward(self, image):
        return self.convolution(image) + (5.0 if int(image.shape[0]) == 1 else 0.0)


def test_file_is_self_contained_carries_its_metadata_and_takes_any_batch(metadata, frames, tmp_path):
    network = nn.Conv2d(1, 2, 3, padding=1)
    parity = export_model(network, metadata, frames, tmp_path / "model.onnx")
    assert parity.passed
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    model = onnx.load(tmp_path / "model.onnx")
    assert {entry.key for entry in model.metadata_props} >= {METADATA_KEY}
    assert not any(t.external_data for t in model.graph.initializer)
    predictor = OnnxPredictor(tmp_path / "model.onnx")
    with torch.inference_mode():
        expected = network(torch.from_numpy(frames)).sigmoid().numpy()
    np.testing.assert_allclose(predictor.network(frames), expected, atol=1e-5)


def test_what_the_dynamo_exporter_cannot_follow_is_exported_by_the_other_one(metadata, frames, tmp_path):
    assert export_model(Branching(), metadata, frames, tmp_path / "model.onnx").passed
    assert (tmp_path / "model.onnx").is_file()


def test_nothing_is_written_when_the_graph_disagrees(metadata, frames, tmp_path):
    with pytest.raises(ModelFileError, match=r"not written.*torchscript: largest logit difference 5"):
        export_model(BatchCounter(), metadata, frames, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parity", "passed"),
    [
        (Parity(9e-4, 9e-5), True),
        (Parity(1.1e-3, 0), False),
        (Parity(0, 1.1e-4), False),
        (Parity(float("nan"), 0), False),
    ],
)
def test_bounds_of_the_gate(parity, passed):
    assert parity.passed is passed
