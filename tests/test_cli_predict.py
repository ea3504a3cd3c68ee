"""`trus predict` as people type it."""

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.data.images import read_mask
from trus.errors import ConfigError

TRUS = Path(sys.executable).parent / "trus"


def trus(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    return subprocess.run([TRUS, *map(str, arguments)], capture_output=True, text=True, check=False)


def invoke(*arguments: object):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("suffix", ["onnx", "ckpt"])
def test_predict_writes_masks_and_tables(tiny_model, dataset, tmp_path, suffix):
    done = trus("predict", "--model", getattr(tiny_model, suffix), dataset / "images", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"12 frames segmented: {tmp_path / 'predictions.csv'}" in done.stdout
    assert "Not a medical device" in done.stdout
    assert len(list((tmp_path / "masks").iterdir())) == 12


def predict(tiny_model, out: Path, *arguments: object):
    return invoke("predict", "--model", tiny_model.onnx, "-o", out, *arguments)


def test_predict_started_again_goes_on(tiny_model, dataset, tmp_path):
    predict(tiny_model, tmp_path, dataset / "images" / "p1_?.png")
    result = predict(tiny_model, tmp_path, dataset / "images", "--jobs", 2)
    assert "10 frames segmented, 2 were there already" in result.stdout


def test_predict_into_its_own_input_folder_does_not_segment_its_results(tiny_model, dataset_copy):
    images = dataset_copy / "images"
    for _ in range(2):
        result = predict(tiny_model, images, images)
    assert "0 frames segmented, 12 were there already" in result.stdout


def test_a_bad_file_is_reported_the_rest_done_and_the_exit_code_is_1(tiny_model, dataset_copy, tmp_path):
    bad = dataset_copy / "images" / "p1_0.png"
    bad.write_text("no image")
    done = trus("predict", "--model", tiny_model.onnx, dataset_copy / "images", "-o", tmp_path / "out", "--jobs", 2)
    assert done.returncode == 1
    assert "11 frames segmented" in done.stdout
    assert f"failed: {bad}: cannot be read as an image" in done.stderr
    assert "1 of 12 frames failed" in done.stderr


def test_predict_takes_regions_and_spacing_from_a_manifest(tiny_model, dataset, tmp_path):
    assert predict(tiny_model, tmp_path, dataset / "manifest.csv", "--spacing", "1,2").exit_code == 0
    rows = [row.split(",") for row in (tmp_path / "predictions.csv").read_text().splitlines()]
    area = {row[0]: (float(row[3]), float(row[4])) for row in rows[1:] if row[2] == "gland" and row[4]}
    assert area["p4_0"][1] == pytest.approx(area["p4_0"][0] * 2)
    assert area["p3_0"][1] == pytest.approx(area["p3_0"][0] * 0.05, abs=1e-3)


def test_a_threshold_changes_the_masks(tiny_model, dataset, tmp_path):
    for threshold in (0.05, 0.95):
        predict(tiny_model, tmp_path / str(threshold), dataset / "images" / "p1_1.png", "--threshold", threshold)
    first, second = ((tmp_path / str(t) / "masks" / "p1_1.png").read_bytes() for t in (0.05, 0.95))
    assert first != second


def test_several_models_are_asked_together_and_the_mirror_image_too(tiny_model, dataset, tmp_path):
    frame, both = dataset / "images" / "p2_0.png", ("--model", tiny_model.ckpt)
    for name, options in (("one", ()), ("both", both), ("flip", ("--tta", "flip")), ("all", (*both, "--tta", "flip"))):
        result = predict(tiny_model, tmp_path / name, frame, *options)
        assert "1 frames segmented" in result.stdout, result.exception
    records = [
        json.loads((tmp_path / name / "records" / "p2_0.json").read_text()) for name in ("one", "both", "flip", "all")
    ]
    assert [record["tta"] for record in records] == [None, None, "flip", "flip"]
    assert [len(record.get("members_sha256", [])) for record in records] == [0, 2, 0, 2]
    result = predict(tiny_model, tmp_path / "one", frame, "--tta", "flip_scale")
    assert "1 frames segmented" in result.stdout
    result = predict(tiny_model, tmp_path / "x", frame, "--tta", "rotate")
    assert result.exit_code == 2


def test_the_model_files_rules_can_be_left_out(tiny_model, dataset, tmp_path):
    model = onnx.load(tiny_model.onnx)
    properties = {one.key: one.value for one in model.metadata_props}
    document = json.loads(properties["trus"]) | {"postprocessing": {"gland": {"smallest_px": 100_000}}}
    onnx.helper.set_model_props(model, {"trus": json.dumps(document)})
    onnx.save(model, tmp_path / "m.onnx")
    frame = dataset / "images" / "p2_0.png"
    for out, options in (("tidied", ()), ("plain", ("--no-postprocess",))):
        invoke("predict", "--model", tmp_path / "m.onnx", frame, "-o", tmp_path / out, *options)
    tidied, plain = (read_mask(tmp_path / out / "masks" / "p2_0.png") for out in ("tidied", "plain"))
    assert not tidied.any()
    assert plain.any()


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 50])
def test_a_threshold_outside_0_to_1_is_refused(tiny_model, dataset, tmp_path, threshold):
    result = predict(tiny_model, tmp_path / "out", dataset / "images", f"--threshold={threshold}")
    assert isinstance(result.exception, ConfigError)
    assert "--threshold" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_bad_model_is_one_error(dataset, tmp_path):
    (tmp_path / "m.onnx").write_text("hello")
    done = trus("predict", "--model", tmp_path / "m.onnx", dataset / "images", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'm.onnx'}: is no readable ONNX file")
    assert done.stderr.count("\n") == 1


def test_another_backend_segments_anew_and_alike(tiny_model, dataset, tmp_path):
    image = dataset / "images" / "p2_0.png"
    predict(tiny_model, tmp_path, image)
    first = read_mask(tmp_path / "masks" / "p2_0.png")
    result = predict(tiny_model, tmp_path, image, "--backend", "openvino")
    assert "1 frames segmented:" in result.stdout
    assert (read_mask(tmp_path / "masks" / "p2_0.png") != first).mean() <= 1e-4
    assert json.loads((tmp_path / "records" / "p2_0.json").read_text())["backend"] == "openvino"
