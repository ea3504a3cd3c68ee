"""An operating point in a model file: what a predictor then does, and what is left as it was."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from trus.data.images import read_frame
from trus.errors import ModelFileError
from trus.evaluation.operating_point import Choice, ClassChoice, store_operating_point
from trus.evaluation.statistics import Estimate
from trus.inference.metadata import SCHEMA_VERSION
from trus.inference.postprocessing import Rule, decide
from trus.inference.predictor import METADATA_KEY, open_predictor

GAIN = Estimate(0.02, 0.01, 0.03, 20, 10)
UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0, 0)


def choice(**changes) -> Choice:
    def one(threshold: float, rule: Rule) -> ClassChoice:
        return ClassChoice(
            0.5, threshold, rule, threshold, rule, GAIN, GAIN, ["threshold", "postprocessing"], {}, {}, []
        )

    classes = {"gland": one(0.375, Rule(largest_only=True)), "lesion": one(0.625, Rule(smallest_mm2=1.5))}
    arguments = {
        "classes": classes, "before": GAIN, "after": GAIN, "gain": GAIN, "gain_where_chosen": GAIN, "missed": (2, 1),
        "false_positive_frames": (1, 0), "grouped": True, "cv_key": "abcd1234", "data_hash": "0" * 64,
        "split_hash": "0" * 64,
    }  # fmt: skip
    return Choice(**arguments | changes)


@pytest.fixture
def model_file(tiny_model, tmp_path) -> Path:
    return Path(shutil.copy(tiny_model.onnx, tmp_path / "model.onnx"))


def test_thresholds_rules_and_their_provenance_are_in_the_file(model_file):
    stored = store_operating_point(model_file, choice())
    metadata = open_predictor(model_file).metadata
    assert metadata == stored
    assert metadata.thresholds == [0.375, 0.625]
    assert metadata.postprocessing == {"gland": Rule(largest_only=True), "lesion": Rule(smallest_mm2=1.5)}
    assert metadata.schema_version == SCHEMA_VERSION
    point = metadata.operating_point
    assert (point.cv_key, point.gain.low, point.after.patients) == ("abcd1234", 0.01, 10)
    assert point.accepted["lesion"] == ["threshold", "postprocessing"]


def test_a_predictor_of_the_file_decides_by_them(model_file, dataset):
    image = read_frame(dataset / "images" / "p2_0.png")
    plain = open_predictor(model_file, threads=1).predict(image)
    store_operating_point(model_file, choice())
    predictor = open_predictor(model_file, threads=1)
    prediction = predictor.predict(image, None, (0.2, 0.25))
    rules = {"gland": Rule(largest_only=True), "lesion": Rule(smallest_mm2=1.5)}
    assert (prediction.probabilities == plain.probabilities).all()
    expected = decide(plain.probabilities, predictor.classes, [0.375, 0.625], rules, (0.2, 0.25))
    assert (prediction.labels == expected).all()
    assert (prediction.labels != plain.labels).any()


def test_the_graph_and_further_properties_are_not_touched(model_file):
    before = onnx.load(model_file)
    entry = before.metadata_props.add()
    entry.key, entry.value = "note", "of somebody else"
    onnx.save(before, model_file)
    store_operating_point(model_file, choice())
    after = onnx.load(model_file)
    assert after.graph.SerializeToString(deterministic=True) == before.graph.SerializeToString(deterministic=True)
    assert {one.key for one in after.metadata_props} == {METADATA_KEY, "note"}
    assert after.doc_string == before.doc_string


def test_a_later_choice_replaces_an_earlier_one(model_file):
    store_operating_point(model_file, choice())
    kept = {
        name: ClassChoice(0.5, 0.5, Rule(), 0.4, Rule(), GAIN, GAIN, [], {}, {}, []) for name in ("gland", "lesion")
    }
    metadata = store_operating_point(model_file, choice(classes=kept, gain=UNKNOWN))
    assert (metadata.thresholds, metadata.postprocessing) == ([0.5, 0.5], {})
    assert metadata.operating_point.gain.value is None
    assert metadata.operating_point.accepted == {"gland": [], "lesion": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": {}}, r"segments \['gland', 'lesion'\], the choice is for \[\]"),
        ({"data_hash": "1" * 64}, "its data_hash is 000000000000, that of the predictions 111111111111"),
        ({"split_hash": "2" * 64}, "its split_hash is 000000000000, that of the predictions 222222222222"),
    ],
)
def test_a_choice_of_other_work_is_refused_and_the_file_left_alone(model_file, changes, message):
    before = model_file.read_bytes()
    with pytest.raises(ModelFileError, match=message):
        store_operating_point(model_file, choice(**changes))
    assert model_file.read_bytes() == before


def test_only_model_files_hold_an_operating_point(tiny_model, tmp_path):
    with pytest.raises(ModelFileError, match=r"tiny\.ckpt: an operating point is stored in an \.onnx model file"):
        store_operating_point(tiny_model.ckpt, choice())
    with pytest.raises(ModelFileError, match=r"no\.onnx: no such model file"):
        store_operating_point(tmp_path / "no.onnx", choice())


def test_on_a_full_disk_the_old_file_stays(tiny_model, small_disk):
    model = onnx.load(tiny_model.onnx)
    image, *planes = (
        onnx.helper.make_tensor_value_info(name, 1, ["n", channels, 32, 32])
        for name, channels in (("image", 1), ("probabilities", 2), ("logits", 2))
    )
    nodes = [
        onnx.helper.make_node("Concat", ["image", "image"], ["logits"], axis=1),
        onnx.helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    model.graph.CopyFrom(onnx.helper.make_graph(nodes, "small", [image], planes))
    model_file = small_disk / "m.onnx"
    onnx.save(model, model_file)
    before = model_file.read_bytes()
    (small_disk / "ballast").write_bytes(bytes(64 * 1024 - 4096 * -(-len(before) // 4096)))
    with pytest.raises(OSError, match="No space left"):
        store_operating_point(model_file, choice())
    assert model_file.read_bytes() == before
    assert {path.name for path in small_disk.iterdir()} == {"m.onnx", "ballast"}
    (small_disk / "ballast").unlink()
    assert store_operating_point(model_file, choice()).thresholds == [0.375, 0.625]
