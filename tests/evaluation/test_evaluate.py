import csv

import numpy as np
import pytest

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.errors import ModelFileError
from trus.evaluation.evaluate import evaluate
from trus.evaluation.panels import write_panels
from trus.inference.predictor import Prediction, open_predictor


class Oracle:
    """A predictor that answers with masks made from the reference: what evaluation must then say is known."""

    def __init__(self, frames, classes, change=lambda labels: labels):
        self.path, self.classes = "oracle", classes
        self.answers = {read_frame(f.image).tobytes(): change(read_mask(f.mask).copy()) for f in frames if f.mask}

    def predict(self, image, region=None, spacing=None):
        labels = self.answers[image.tobytes()]
        return Prediction(labels, self.classes.planes(labels).astype(np.float32))


@pytest.fixture
def frames(manifest):
    return [frame for frame in manifest.frames if frame.mask]


def test_the_reference_itself_scores_one(manifest, frames):
    evaluation = evaluate(Oracle(frames, manifest.classes), manifest.frames, manifest.classes)
    assert len(evaluation.frames) == len(frames) == len(manifest.frames) - 1  # the one without a mask is left out
    summary = evaluation.summary()
    assert summary["all"]["iou"]["value"] == summary["all"]["pooled_iou"] == 1.0
    assert summary["all"]["both_empty"] == 2  # the empty mask has neither class
    assert summary["grouped_by_patient"]


def test_empty_predictions_are_misses_and_score_zero(manifest, frames):
    evaluation = evaluate(Oracle(frames, manifest.classes, np.zeros_like), frames, manifest.classes)
    assert evaluation.iou().value == 0.0
    assert evaluation.summary()["classes"]["lesion"]["missed"] == len(frames) - 1


def test_gland_everywhere_counts_as_a_false_positive_frame_where_there_is_none(manifest, frames):
    evaluation = evaluate(Oracle(frames, manifest.classes, np.ones_like), frames, manifest.classes)
    assert evaluation.summary()["classes"]["gland"]["false_positive_frames"] == 1
    assert 0 < evaluation.summary()["classes"]["gland"]["iou"]["value"] < 1


def test_csv_has_a_row_a_frame_and_class(manifest, frames, tmp_path):
    evaluation = evaluate(Oracle(frames, manifest.classes), frames, manifest.classes)
    evaluation.write_csv(tmp_path / "frames.csv")
    rows = list(csv.DictReader((tmp_path / "frames.csv").open()))
    assert len(rows) == 2 * len(frames)
    empty = [row for row in rows if row["outcome"] == "both empty"]
    assert [(row["image_id"], row["iou"]) for row in empty] == [("p1_0", "")] * 2


def test_a_class_that_the_manifest_lacks_is_refused(manifest, tiny_model):
    other = Classes.from_dict({"labels": {"0": "background", "1": "kidney"}})
    with pytest.raises(ModelFileError, match="kidney"):
        evaluate(open_predictor(tiny_model.onnx), manifest.frames, other)


def test_panels_show_worst_median_and_best(manifest, frames, tmp_path):
    def spoil(labels):
        labels[:, : int(labels.sum()) % 60] = 0
        return labels

    oracle = Oracle(frames, manifest.classes, spoil)
    evaluation = evaluate(oracle, frames, manifest.classes)
    paths = write_panels(evaluation, oracle, manifest.classes, tmp_path)
    assert [path.name for path in paths] == ["worst.png", "median.png", "best.png"]
    picture = read_frame(paths[0])
    assert picture.shape[0] > 400
    assert picture.shape[2] == 3
    coloured = np.ptp(picture.astype(int), axis=2) > 60  # contours; the frame itself is grey
    thirds = np.array_split(coloured[40:], 3, axis=1)
    assert thirds[0].sum() == 0
    assert thirds[1].sum() > 100
