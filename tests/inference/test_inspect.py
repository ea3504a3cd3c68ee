"""`trus inspect` and the model card: all that a file says of itself, and nothing of it run."""

import json
import subprocess
import sys

import onnx
import pytest
from typer.testing import CliRunner

from trus.cli import app
from trus.files import hash_file
from trus.inference.appearance import measure_frame, summarise
from trus.inference.description import describe_model
from trus.inference.metadata import STATEMENT
from trus.inference.model_card import write_card

from ..conftest import draw_frame


def inspect(*arguments: object):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


@pytest.mark.parametrize("suffix", ["onnx", "ckpt"])
def test_all_that_a_file_is_is_printed(tiny_model, suffix):
    path = getattr(tiny_model, suffix)
    result = inspect(path)
    assert result.exit_code == 0, result.stderr
    for text in (hash_file(path), "1 gland, contains lesion; threshold 0.5", "2 lesion", "size: [32, 32]", "0" * 64,
                 "CC0-1.0", "trus.models.unet_small.build", "none in this file", STATEMENT):  # fmt: skip
        assert text in result.stdout


def test_json_holds_the_document_and_the_graph(tiny_model):
    content = json.loads(inspect(tiny_model.onnx, "--json").stdout)
    assert content["metadata"]["thresholds"] == [0.5, 0.5]
    assert content["file"] == {
        "name": "tiny.onnx", "bytes": tiny_model.onnx.stat().st_size, "sha256": hash_file(tiny_model.onnx)
    }  # fmt: skip
    assert content["graph"]["operators"]["Sigmoid"] == 1


def test_a_model_file_is_inspected_without_torch_or_onnx(tiny_model):
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; from trus.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", tiny_model.onnx], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1 gland" in done.stdout


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_text("hello")
    assert "is no readable ONNX file" in str(inspect(tmp_path / "m.onnx").exception)
    assert "no such model file" in str(inspect(tmp_path / "gone.onnx").exception)


SECTIONS = (
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
    "Ethical considerations", "Caveats and recommendations", "How to use",
)  # fmt: skip


def test_the_card_has_the_sections_of_mitchell_and_the_limits(tiny_model, tmp_path):
    result = inspect(tiny_model.onnx, "--card", tmp_path / "card.md")
    assert result.exit_code == 0
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == [*SECTIONS]
    for text in (STATEMENT, "Licences: CC0-1.0", "`" + "0" * 64 + "`", "| gland | 1 | lesion | 0.5 | none |"):
        assert text in card
    assert "diagnoses" not in card


def test_what_was_measured_stands_in_the_card_with_its_interval(tiny_model):
    description = describe_model(tiny_model.onnx)
    interval = {"value": 0.71, "low": 0.6, "high": 0.8, "frames": 40, "patients": 12}
    description["metadata"]["score"] = interval | {"part": "validation", "grouped": True}
    description["metadata"]["quantisation"] = {
        "method": "static INT8", "source_sha256": "f" * 64, "created": "", "trus_version": "",
        "onnxruntime_version": "",
        "calibration_frames": 32, "calibration_hash": "c" * 64, "operators": "all", "layers": 60, "left_out": ["a"],
        "logits_rms": 0.1, "masks_distance": 0.01, "dice_before": interval, "dice_after": interval,
        "dice_loss": interval | {"value": 0.001, "low": -0.002, "high": 0.004}, "speed_up": 1.9, "seconds_before": 1,
        "seconds_after": 0.5, "threads": 2, "processor": "made",
    }  # fmt: skip
    card = write_card(description)
    assert "mean per-image IoU 0.710 (95 % 0.600 to 0.800), validation, 40 frames, 12 patients" in card
    assert "Dice lost: 0.001 (95 % -0.002 to 0.004), 40 validation frames" in card
    assert "Speed: 1.90 times the float network's" in card


def test_words_of_a_file_neither_steer_the_terminal_nor_become_markup(tiny_model, tmp_path):
    model = onnx.load(tiny_model.onnx)
    document = json.loads(model.metadata_props[0].value)
    document["name"] = "\x1b[2Jx\n# Fine <script>alert(1)</script> [here](http://x)"
    model.metadata_props[0].value = json.dumps(document)
    onnx.save(model, tmp_path / "m.onnx")
    assert "\x1b" not in inspect(tmp_path / "m.onnx").stdout
    card = write_card(describe_model(tmp_path / "m.onnx"))
    assert "<script" not in card
    assert "[here]" not in card
    assert "\n# Fine" not in card


def test_what_the_training_frames_look_like_is_said_or_said_to_be_unknown(tiny_model):
    description = describe_model(tiny_model.onnx)
    unknown = "training frames: unknown; no frame is warned of as unlike them"
    assert unknown in inspect(tiny_model.onnx).stdout
    assert unknown in write_card(description)
    measured = summarise([measure_frame(draw_frame(seed, (240, 320))[0]) for seed in range(9)])
    description["metadata"]["appearance"] = measured.model_dump()
    card = write_card(description)
    assert "measured on: 9 training frames" in card
    assert "side: 320 px to 320 px" in card
