"""A model file, opened, and frames for it."""

import pytest

from trus.inference.inputs import Input, collect_inputs
from trus.inference.predictor import Predictor, open_predictor


@pytest.fixture
def predictor(tiny_model) -> Predictor:
    return open_predictor(tiny_model.onnx, threads=1)


@pytest.fixture
def inputs(dataset) -> list[Input]:
    return collect_inputs([str(dataset / "manifest.csv")])[:5]
