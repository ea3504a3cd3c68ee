"""`trus export`: a checkpoint becomes a model file through the gate, with real frames."""

import shutil

import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.errors import ModelFileError
from trus.files import write_text
from trus.inference.predictor import open_predictor
from trus.training.checkpoint_export import export_checkpoint


@pytest.fixture
def checkpoint(tiny_model, tmp_path):
    """A run's folder with its checkpoint."""
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return shutil.copy(tiny_model.ckpt, tmp_path / "run" / "checkpoints" / "best.ckpt")


def test_the_command_writes_a_file_and_says_how_near_it_is(tiny_model, dataset, tmp_path):
    target = tmp_path / "m.onnx"
    command = ["export", tiny_model.ckpt, "-o", target, "--manifest", dataset / "manifest.csv"]
    result = CliRunner().invoke(app, [*map(str, command)])
    assert result.exit_code == 0, result.exception
    assert f"written: {target}" in result.stdout
    assert "checked on 4 frames" in result.stdout
    assert "largest logit difference" in result.stdout
    assert "it holds no score" in result.stdout
    assert open_predictor(target, 1).metadata.training.epoch == 3


def test_the_manifest_is_the_runs_own_unless_another_is_given(checkpoint, dataset, tmp_path):
    with pytest.raises(ModelFileError, match=r"no config\.yaml of its run .*give --manifest"):
        export_checkpoint(checkpoint, tmp_path / "m.onnx")
    write_text(tmp_path / "run" / "config.yaml", "data:\n  manifest: gone.csv\n")
    with pytest.raises(ModelFileError, match=r"manifest gone\.csv is not there; give --manifest"):
        export_checkpoint(checkpoint, tmp_path / "m.onnx")
    write_text(tmp_path / "run" / "config.yaml", f"data:\n  manifest: {dataset / 'manifest.csv'}\n")
    assert export_checkpoint(checkpoint, tmp_path / "m.onnx").manifest == dataset / "manifest.csv"


def test_a_damaged_config_is_named(checkpoint, tmp_path):
    write_text(tmp_path / "run" / "config.yaml", "a: [")
    with pytest.raises(ModelFileError, match=r"config\.yaml: cannot be read"):
        export_checkpoint(checkpoint, tmp_path / "m.onnx")


@pytest.mark.parametrize(("name", "target"), [("m.onnx", "m.onnx"), ("gone.ckpt", "m.onnx"), ("best.ckpt", "m.pt")])
def test_files_that_cannot_be_meant_are_refused(checkpoint, tmp_path, name, target):
    with pytest.raises(ModelFileError, match=r"no such checkpoint|a model file ends in \.onnx"):
        export_checkpoint(checkpoint.with_name(name), tmp_path / target)
    assert not (tmp_path / target).exists()
