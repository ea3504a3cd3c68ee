import numpy as np
import pytest

from trus.data.images import read_frame
from trus.data.manifest import Manifest
from trus.errors import ModelFileError
from trus.evaluation.predictions import Predictions, write_predictions
from trus.inference.postprocessing import Rule, decide
from trus.inference.predictor import open_predictor


def test_probabilities_come_back_within_half_a_step_and_decide_as_before(tmp_path):
    random = np.random.default_rng(0)
    frames = {"кадр 1/a": random.random((2, 30, 41), np.float32), "b": np.ones((2, 5, 7), np.float32)}
    frames["кадр 1/a"][:, :4] = 0
    frames["b"][0, 0, 0] = 0.5
    write_predictions(tmp_path / "p.zip", ("gland", "lesion"), frames.items())
    read = Predictions(tmp_path / "p.zip")
    assert ([*read], read.targets) == ([*frames], ("gland", "lesion"))
    for name, given in frames.items():
        assert np.abs(read[name] - given)[given >= 1 / 256].max() <= 1 / 512 + 1e-6
        assert (read[name][given < 1 / 256] == 0).all()
        for threshold in (0.25, 0.5, 0.75):
            assert ((read[name] >= threshold) == (given >= threshold)).all()


def test_damaged_and_missing_files_are_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.zip: no such predictions"):
        Predictions(tmp_path / "none.zip")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ModelFileError, match=r"bad\.zip: no predictions of trus"):
        Predictions(tmp_path / "bad.zip")
    write_predictions(tmp_path / "p.zip", ("a",), [("x", np.random.default_rng(0).random((1, 50, 50), np.float32))])
    content = bytearray((tmp_path / "p.zip").read_bytes())
    content[40:60] = bytes(20)
    (tmp_path / "p.zip").write_bytes(content)
    with pytest.raises(ModelFileError, match="prediction of x is damaged"):
        _ = Predictions(tmp_path / "p.zip")["x"]


@pytest.mark.parametrize("classes", ["nested", "beside"])
def test_kept_probabilities_decide_as_the_predictor_does(tiny_model, dataset, tmp_path, classes):
    predictor = open_predictor(tiny_model.onnx, threads=1)
    if classes == "nested":
        predictor.postprocessing = {"gland": Rule(fill_holes=True), "lesion": Rule(smallest_px=20)}
    else:
        document = {"labels": {"1": "gland", "2": "lesion"}}
        predictor.metadata = predictor.metadata.model_copy(update={"classes": document})
    frames = [frame for frame in Manifest.load(dataset / "manifest.csv").frames if frame.mask]
    for thresholds in ([0.5, 0.5], [8 / 256, 200 / 256], [0.25, 0.0625]):
        predictor.thresholds = thresholds
        answers = {f.image_id: predictor.predict(read_frame(f.image), f.region, f.spacing) for f in frames}
        items = ((name, answer.probabilities) for name, answer in answers.items())
        write_predictions(tmp_path / "p.zip", predictor.classes.targets, items)
        kept = Predictions(tmp_path / "p.zip")
        for frame in frames:
            labels = decide(
                kept[frame.image_id], predictor.classes, thresholds, predictor.postprocessing, frame.spacing
            )
            levels = kept.levels(frame.image_id)
            certain = levels[0] != levels[1]  # beside each other, two classes in one step cannot be told apart
            differing = labels != answers[frame.image_id].labels
            assert not differing[certain if classes == "beside" else slice(None)].any()
            assert differing.mean() < 0.01
