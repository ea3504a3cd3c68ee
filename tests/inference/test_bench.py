"""`trus bench`: every side measured in a process of its own, and sides that cannot run are named."""

import json
import os
import signal

import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.errors import ModelFileError
from trus.inference.bench import Side, measure, sides_of
from trus.inference.bench.figures import STAGES, summarise
from trus.inference.bench.measure import _Worker


def test_each_file_and_backend_has_its_line_and_its_figures(tiny_model, dataset, tmp_path):
    arguments = ["bench", tiny_model.onnx, "--backend", "onnxruntime", "--backend", "openvino", "--frames", 3]
    options = ["--rounds", 2, "--threads", 1, "--input", dataset / "images", "--json", tmp_path / "figures.json"]
    result = CliRunner().invoke(app, [str(word) for word in arguments + options], catch_exceptions=False)
    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines() if line.startswith("tiny.onnx")] == [
        ["tiny.onnx", "onnxruntime"],
        ["tiny.onnx", "openvino"],
    ]
    document = json.loads((tmp_path / "figures.json").read_text())
    assert document["machine"]["versions"]["onnxruntime"]
    for side in document["sides"]:
        assert side["frames"] == 3
        assert {*side["stages"]} == {*STAGES}
        assert 0 < side["median_s"] <= side["p95_s"]
        assert 0 < side["opened_s"] < side["first_mask_s"]
        assert side["throughput"] > 0
        assert 20e6 < side["peak_bytes"] < 2e9
        assert side["file_bytes"] == tiny_model.onnx.stat().st_size


def test_without_frames_speckle_is_made_and_nothing_is_left(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    calls = []
    figures = measure(
        [Side(tiny_model.onnx, "onnxruntime")], count=2, rounds=5, threads=1, progress=lambda: calls.append(1)
    )
    assert figures[0].frames == 2
    assert len(calls) == 3
    assert [*tmp_path.iterdir()] == []


def test_checkpoints_run_on_pytorch_and_files_on_each_backend(tiny_model):
    assert sides_of([tiny_model.onnx, tiny_model.ckpt], ["onnxruntime", "openvino"]) == [
        Side(tiny_model.onnx, "onnxruntime"),
        Side(tiny_model.onnx, "openvino"),
        Side(tiny_model.ckpt, "pytorch"),
    ]
    assert sides_of([tiny_model.onnx]) == [Side(tiny_model.onnx, "onnxruntime")]


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"gone\.onnx on onnxruntime: cannot be measured: .*no such model file"):
        measure([Side(tmp_path / "gone.onnx", "onnxruntime")], count=1)


def test_a_side_that_dies_is_named(tiny_model, tmp_path):
    side = Side(tiny_model.onnx, "onnxruntime")
    with _Worker(side, 1, tmp_path / "mask.png") as worker:
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(ModelFileError, match="ended with code -9"):
            worker.start(tmp_path / "frame.png")


def test_the_median_is_of_whole_frames_and_the_stages_are_medians_of_their_own():
    timings = [{stage: [0.1, 0.2] for stage in STAGES} | {"network": [network, 1.0]} for network in (0.2, 0.3, 0.9)]
    summary = summarise(timings)
    assert summary["median_s"] == pytest.approx(0.7)
    assert summary["p95_s"] == pytest.approx(1.24)
    assert summary["cores_s"] == pytest.approx(1.8)
    assert summary["stages"]["network"] == pytest.approx(0.3)
    assert summary["cores_stages"] == pytest.approx(dict.fromkeys(STAGES, 0.2) | {"network": 1.0})
