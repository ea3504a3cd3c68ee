"""From a float model file to INT8: what is written, what is refused, and what the file then says."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.data.images import read_frame
from trus.data.manifest import Manifest
from trus.data.splits import Split
from trus.errors import ModelFileError, SplitError
from trus.files import hash_file
from trus.inference.predictor import METADATA_KEY, open_predictor, read_model_file
from trus.quantisation import measure, search
from trus.quantisation.run import quantise_model

VALIDATION = ("p1", "p2")


@pytest.fixture(scope="module")
def run_folder(tiny_model, dataset, tmp_path_factory) -> Path:
    """A run's folder: split.json, and the tiny model as if it had been trained with it."""
    folder = tmp_path_factory.mktemp("run")
    manifest = Manifest.load(dataset / "manifest.csv")
    ids = tuple(f.image_id for f in manifest.frames if f.split != "test" and f.mask is not None)
    split = Split("holdout", True, (tuple(i for i in ids if i.startswith(VALIDATION)),), ids)
    split.save(folder / "split.json")
    model = onnx.load(tiny_model.onnx)
    document = json.loads(model.metadata_props[0].value)
    document["training"] |= {"data_hash": manifest.verify().data_hash, "split_hash": split.hash}
    model.metadata_props[0].value = json.dumps(document)
    onnx.save(model, folder / "model.onnx")
    return folder


@pytest.fixture
def quantised(run_folder, dataset, tmp_path, monkeypatch):
    """Quantise with these bounds: (MAX_DICE_LOSS, MIN_SPEED_UP) -> outcome and target."""
    monkeypatch.setattr(measure, "_ROUNDS", 3)

    def work(dice: float, speed: float, **options):
        monkeypatch.setattr(measure, "MAX_DICE_LOSS", dice)
        monkeypatch.setattr(measure, "MIN_SPEED_UP", speed)
        target = tmp_path / "int8.onnx"
        arguments = (run_folder / "model.onnx", dataset / "manifest.csv", target)
        return quantise_model(*arguments, **{"frames": 4, "minutes": 0.05} | options), target

    return work


def test_the_file_predicts_as_its_original_and_says_how_it_was_made(quantised, run_folder, manifest):
    outcome, target = quantised(1, 0)
    assert (outcome.written, outcome.reasons) == (target, [])
    before, after = open_predictor(run_folder / "model.onnx", 1), open_predictor(target, 1)
    image = read_frame(manifest.frames[1].image)
    first, second = (each.predict(image).labels for each in (before, after))
    assert (first != second).mean() < 0.03
    said = after.metadata.quantisation
    assert said.source_sha256 == hash_file(run_folder / "model.onnx")
    assert (said.calibration_frames, len(said.calibration_hash)) == (4, 64)
    assert said.dice_loss.frames == 2  # p1_1 and p2_0: p1_0 is empty, p2_1 not annotated
    assert said.dice_before.value == pytest.approx(said.dice_after.value + said.dice_loss.value)
    assert said.speed_up > 0 < said.seconds_after
    assert after.metadata.name == "tiny-int8"
    assert after.metadata.score.part == "validation"
    assert after.metadata.training == before.metadata.training


def test_weights_keep_to_seven_bits_and_the_outputs_to_floats(quantised):
    _, target = quantised(1, 0)
    graph = onnx.load(target).graph
    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.INT8]
    kernels = [weight for weight in weights if weight.ndim == 4]
    assert kernels
    assert max(int(np.abs(kernel.astype(int)).max()) for kernel in kernels) <= 64
    last = next(node for node in reversed(graph.node) if node.op_type == "Conv")
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    assert not any(node.op_type == "QuantizeLinear" and node.input[0] in last.output for node in graph.node)
    assert all(made_by.get(name) != "DequantizeLinear" for name in last.input[1:2])


@pytest.mark.parametrize(
    ("dice", "speed", "reason"), [(-1, 0, "mean per-image Dice lost"), (1, 1e6, "times as fast, at least 1000000.0")]
)
def test_what_is_worse_or_hardly_faster_is_not_written(quantised, dice, speed, reason):
    outcome, target = quantised(dice, float(speed))
    assert outcome.written is None
    assert len(outcome.reasons) == 1
    assert reason in outcome.reasons[0]
    assert list(target.parent.iterdir()) == []


def test_layers_that_cost_most_are_left_in_float(quantised, monkeypatch):
    monkeypatch.setattr(search, "CLOSE_ENOUGH", -1)
    outcome, target = quantised(1, 0, minutes=0.2)
    graph = onnx.load(target).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    floats = {n.name for n in graph.node if n.op_type == "Conv" and made_by.get(n.input[1]) != "DequantizeLinear"}
    assert {*outcome.variant.left_out} <= floats
    assert len(floats) == len(outcome.variant.left_out) + 1
    assert open_predictor(target, 1).metadata.quantisation.left_out == list(outcome.variant.left_out)


def test_no_more_layers_are_left_out_than_it_takes(quantised, monkeypatch):
    tried = []

    def distance(reference, found, limits):  # near as soon as one certain layer is among those left out
        return measure.Distance(0.1, 0.5 if len(tried) < 2 else 0.0)

    monkeypatch.setattr(search, "distance", distance)
    outcome, _ = quantised(1, 0, minutes=1, say=lambda line: tried.append(line) if "masks" in line else None)
    assert len(outcome.variant.left_out) == 1


def test_a_quantised_file_is_not_quantised_again(quantised, dataset, run_folder, tmp_path):
    _, target = quantised(1, 0)
    with pytest.raises(ModelFileError, match="is quantised already"):
        quantise_model(target, dataset / "manifest.csv", tmp_path / "b.onnx", run_folder / "split.json")


def test_other_data_and_other_splits_are_refused(run_folder, dataset, dataset_copy, edit_cell, tmp_path):
    changed = edit_cell("p3_0", "patient_id", "p9")
    with pytest.raises(ModelFileError, match=r"was trained on data .* give the manifest, unchanged"):
        quantise_model(run_folder / "model.onnx", changed, tmp_path / "q.onnx")
    manifest = Manifest.load(dataset / "manifest.csv")
    ids = Split.load(run_folder / "split.json", manifest.frames).image_ids
    Split("holdout", True, (ids[-2:],), ids).save(tmp_path / "split.json")
    with pytest.raises(ModelFileError, match=r"was trained on split .* give the run's own by --split"):
        quantise_model(
            run_folder / "model.onnx", dataset / "manifest.csv", tmp_path / "q.onnx", tmp_path / "split.json"
        )


def test_a_manifest_of_other_frames_is_told_from_the_split(run_folder, edit_cell, tmp_path):
    changed = edit_cell("p3_0", "mask", "")
    with pytest.raises(SplitError, match=r"manifest\.csv and .*split\.json do not go together; give the manifest that"):
        quantise_model(run_folder / "model.onnx", changed, tmp_path / "q.onnx")


def test_without_a_split_it_says_what_to_give(tiny_model, dataset, tmp_path):
    with pytest.raises(SplitError, match=r"no split\.json beside it or above.*--split"):
        quantise_model(tiny_model.onnx, dataset / "manifest.csv", tmp_path / "q.onnx")


@pytest.mark.parametrize(
    ("model", "target", "message"),
    [
        ("model.onnx", "model.onnx", "is the float model itself"),
        ("gone.onnx", "q.onnx", "reads an .onnx model file"),
        ("split.json", "q.onnx", "reads an .onnx model file"),
        ("model.onnx", "q.bin", "reads an .onnx model file"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(run_folder, dataset, model, target, message):
    with pytest.raises(ModelFileError, match=message):
        quantise_model(run_folder / model, dataset / "manifest.csv", run_folder / target)


def test_the_command_says_what_it_measured_and_ends_with_1(run_folder, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "MIN_SPEED_UP", 1e6)
    monkeypatch.setattr(measure, "_ROUNDS", 3)
    command = ["quantize", run_folder / "model.onnx", "--manifest", dataset / "manifest.csv", "--minutes", 0.02]
    result = CliRunner().invoke(app, [*map(str, command), "-o", str(tmp_path / "q.onnx")])
    assert result.exit_code == 1
    assert "q.onnx was not written" in result.stderr
    for word in ("validation Dice", "Dice lost", "times as fast", "MB after"):
        assert word in result.stdout
    assert not (tmp_path / "q.onnx").exists()


def test_the_document_of_a_quantised_file_is_the_only_entry(quantised):
    _, target = quantised(1, 0)
    assert [*read_model_file(target)[1].entries] == [METADATA_KEY]
