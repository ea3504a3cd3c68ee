"""OpenVINO beside the other backends: the same numbers, the same file, and a clear word where it is missing."""

import subprocess
import sys

import numpy as np
import openvino
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from trus.data.images import read_frame
from trus.errors import ModelFileError
from trus.inference.ensemble import open_models
from trus.inference.predictor import open_predictor
from trus.training.export import MAX_LOGIT_DIFFERENCE, MAX_PIXELS_CHANGED


@pytest.fixture(scope="module")
def predictors(tiny_model):
    return {
        "onnxruntime": open_predictor(tiny_model.onnx, 1),
        "openvino": open_predictor(tiny_model.onnx, 1, "openvino"),
        "pytorch": open_predictor(tiny_model.ckpt, 1),
    }


def logits(probabilities: np.ndarray) -> np.ndarray:
    clipped = probabilities.astype(np.float64).clip(1e-2, 1 - 1e-2)  # beyond, float32 rounds the logit away
    return np.log(clipped / (1 - clipped))


def test_all_backends_agree_within_the_parity_bounds(predictors, manifest):
    assert {name: predictor.backend for name, predictor in predictors.items()} == {name: name for name in predictors}
    changed = pixels = 0
    for frame in manifest.frames[1:5]:
        image = read_frame(frame.image)
        results = [predictor.predict(image, frame.region) for predictor in predictors.values()]
        assert results[0].labels.any()
        for other in results[1:]:
            assert np.abs(logits(other.probabilities) - logits(results[0].probabilities)).max() <= MAX_LOGIT_DIFFERENCE
            changed += int((other.labels != results[0].labels).sum())
            pixels += other.labels.size
    assert changed <= MAX_PIXELS_CHANGED * pixels


def test_the_batch_is_dynamic_and_an_answer_is_not_overwritten_by_the_next(predictors):
    batch = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    predictor = predictors["openvino"]
    together, alone = predictor.network(batch), predictor.network(batch[2:])
    assert together.shape == (3, 2, 32, 32)
    assert np.abs(together[2:] - alone).max() < 1e-5
    assert np.abs(together - predictors["onnxruntime"].network(batch)).max() < 1e-5


def test_masks_of_another_backend_are_told_apart(predictors):
    assert predictors["openvino"].settings == predictors["onnxruntime"].settings | {"backend": "openvino"}
    assert predictors["openvino"].metadata == predictors["onnxruntime"].metadata


def test_ensembles_and_views_run_on_it(tiny_model, manifest):
    image = read_frame(manifest.frames[1].image)
    first, second = (open_models([tiny_model.onnx], 1, "flip", backend=b) for b in ("onnxruntime", "openvino"))
    assert second.backend == "openvino"
    assert np.abs(first.probabilities(image) - second.probabilities(image)).max() < 1e-4


def computes_in_bfloat16() -> bool:
    return openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16


@pytest.mark.skipif(not computes_in_bfloat16(), reason="this processor has no bfloat16 instructions")
def test_bfloat16_gives_nearly_the_same_masks_and_is_told_apart(tiny_model, predictors, manifest):
    predictor = open_predictor(tiny_model.onnx, 1, "openvino-bf16")
    assert predictor.settings == predictors["onnxruntime"].settings | {"backend": "openvino-bf16"}
    differences = []
    for frame in manifest.frames[1:5]:
        image = read_frame(frame.image)
        exact, found = (p.predict(image, frame.region) for p in (predictors["openvino"], predictor))
        differences.append(np.abs(exact.probabilities - found.probabilities).max())
        assert (exact.labels != found.labels).mean() < 0.01
    assert 1e-4 < max(differences) < 0.1  # it does compute in another type


def test_a_processor_without_bfloat16_refuses_it(tiny_model, monkeypatch):
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: openvino.Type.f32)
    with pytest.raises(ModelFileError, match=r"no bfloat16 instructions .* use openvino"):
        open_predictor(tiny_model.onnx, 1, "openvino-bf16")


class Calibration(CalibrationDataReader):
    """The frames once, preprocessed."""

    def __init__(self, batches: list[np.ndarray]):
        self.batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"image": batch}


def test_an_int8_file_runs_on_it(tiny_model, manifest, tmp_path):
    fp32 = open_predictor(tiny_model.onnx, 1)
    frames = [frame for frame in manifest.frames if frame.mask][:6]
    batches = [fp32.prepare(read_frame(frame.image), frame.region)[0][None] for frame in frames]
    int8 = tmp_path / "int8.onnx"
    quantize_static(tiny_model.onnx, int8, Calibration(batches), quant_format=QuantFormat.QDQ, per_channel=True)
    image = read_frame(frames[1].image)
    expected, *others = (open_predictor(int8, 1, b).predict(image).labels for b in ("onnxruntime", "openvino"))
    exact = fp32.predict(image).labels
    assert expected.any()
    for labels in (expected, *others):
        assert (labels != exact).mean() < 0.02


def test_an_unknown_backend_is_named_with_those_there_are(tiny_model):
    with pytest.raises(ModelFileError, match=r"backend 'tensorrt': .* onnxruntime, openvino, openvino-bf16"):
        open_predictor(tiny_model.onnx, backend="tensorrt")


def test_a_checkpoint_is_not_for_it(tiny_model):
    with pytest.raises(ModelFileError, match=r"tiny\.ckpt: a checkpoint runs on PyTorch, not on openvino"):
        open_predictor(tiny_model.ckpt, backend="openvino")


def test_a_damaged_file_is_refused(tiny_model, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(tiny_model.onnx.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="cut short"):
        open_predictor(tmp_path / "cut.onnx", backend="openvino")


def test_where_it_is_missing_the_error_says_what_to_install(tiny_model):
    code = (
        "import sys; from pathlib import Path; sys.modules['openvino'] = None\n"
        "from trus.inference.predictor import open_predictor\n"
        f"open_predictor(Path({str(tiny_model.onnx)!r}), backend='openvino')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OpenVINO is not installed" in done.stderr
    assert "pip install 'trus[openvino]'" in done.stderr
