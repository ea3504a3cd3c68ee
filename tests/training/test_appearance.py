"""What the training frames look like is measured once, and kept where the preprocessed frames are."""

import json
from dataclasses import replace

import pytest

from trus.data.manifest import Manifest
from trus.inference.appearance import measure_frame
from trus.inference.predictor import read_model_file
from trus.preprocessing import Preprocessor
from trus.training import appearance
from trus.training.appearance import appearance_of
from trus.training.checkpoint_export import export_checkpoint

WHOLE = Preprocessor.from_dict({"size": [32, 32], "channels": "grey", "region": None})
CROPPED = Preprocessor.from_dict({"size": [32, 32], "channels": "grey", "region": "manifest"})


@pytest.fixture
def frames(manifest: Manifest):
    return manifest.frames


@pytest.fixture
def measured(monkeypatch):
    """The regions of the frames that were measured, in order."""
    seen = []

    def measure(image, region=None):
        seen.append(region)
        return measure_frame(image, region)

    monkeypatch.setattr(appearance, "measure_frame", measure)
    return seen


def test_frames_are_measured_once_and_only_those_that_are_asked_for(frames, measured, tmp_path):
    kept = tmp_path / "appearance" / "a.json"
    first = appearance_of(frames[:9], WHOLE, kept)
    assert (first.frames, len(measured)) == (9, 9)
    assert appearance_of(frames[:9], WHOLE, kept) == first
    assert len(measured) == 9
    assert appearance_of(frames, WHOLE, kept).frames == 12
    assert len(measured) == 12
    assert {*json.loads(kept.read_text())} == {frame.image_id for frame in frames}


def test_a_damaged_file_is_made_anew(frames, measured, tmp_path):
    kept = tmp_path / "a.json"
    for content in ("", "[1, 2]", '{"p1_0": {"side": 3}}', '{"p1_0": 5}'):
        kept.write_text(content)
        assert appearance_of(frames, WHOLE, kept).frames == 12
    assert len(measured) == 4 * 12


def test_the_regions_count_where_the_network_sees_only_these(frames, measured):
    assert appearance_of(frames, CROPPED) != appearance_of(frames, WHOLE)
    assert [*filter(None, measured)] == [frame.region for frame in frames if frame.region]


def test_of_many_frames_some_are_measured(frames, measured, monkeypatch):
    monkeypatch.setattr(appearance, "MOST_FRAMES", 10)
    many = [replace(frame, image_id=f"{frame.image_id}-{n}") for n in range(5) for frame in frames]
    assert appearance_of(many, WHOLE).frames == 10
    assert len(measured) == 10


def test_a_model_file_knows_its_folds_training_frames_and_so_does_a_later_export(job, tmp_path, monkeypatch):
    monkeypatch.setattr("trus.inference.appearance.ranges.FEWEST_FRAMES", 2)
    job(f"run_dir={tmp_path}/run")
    held = read_model_file(tmp_path / "run" / "model.onnx")[0]
    assert held.appearance.frames == held.data.frames < 7
    assert export_checkpoint(tmp_path / "run" / "checkpoints" / "best.ckpt", tmp_path / "m.onnx").appearance == (
        held.appearance
    )
    (kept,) = (tmp_path / "cache").rglob("appearance/*.json")
    assert len(json.loads(kept.read_text())) == held.data.frames
