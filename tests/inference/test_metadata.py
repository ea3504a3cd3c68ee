"""The model file's document: what is accepted, and why another is not."""

import json

import pytest

from trus.errors import ModelFileError
from trus.inference.metadata import SCHEMA_VERSION, STATEMENT, ModelMetadata, parse_metadata
from trus.inference.postprocessing import Rule

DOCUMENT = {
    "name": "fpn", "created": "2026-11-23", "trus_version": "0.1.0",
    "classes": {"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}, "targets": ["lesion"]},
    "thresholds": [0.4], "preprocessing": {"size": [64, 96], "channels": "grey"}, "input_shape": [1, 64, 96],
    "training": {
        "data_hash": "d", "split_hash": "s", "fold": 0, "seed": 0, "epoch": 7, "initial_weights": "random",
        "initial_weights_licence": "none", "config": {"_target_": "trus.models.smp.build"},
    },
    "data": {"sources": [], "licences": [], "frames": 1, "patients": 1, "cropped": 0},
}  # fmt: skip


def parse(**changes) -> ModelMetadata:
    return parse_metadata(json.dumps(DOCUMENT | changes), "m.onnx")


def test_a_document_holds_what_is_needed_to_use_the_network():
    metadata = parse()
    assert metadata.schema_version == SCHEMA_VERSION
    assert metadata.class_set.targets == ("lesion",)
    assert metadata.preprocessor.size == (64, 96)
    assert "Not a medical device" in metadata.statement == STATEMENT


def test_json_and_back_is_the_same():
    metadata = parse()
    assert parse_metadata(metadata.model_dump_json(), "m.onnx") == metadata


def test_a_newer_schema_is_told_from_damage():
    with pytest.raises(ModelFileError, match=r"m\.onnx: was written with metadata schema 5, .* up to 4; upgrade trus"):
        parse(schema_version=5, something_new={"a": 1}, thresholds="another form")


@pytest.mark.parametrize("version", [0, "new", None])
def test_a_schema_that_is_no_later_version_is_damage(version):
    with pytest.raises(ModelFileError, match=r"does not fit schema 4 \(schema_version: .*export the model again"):
        parse(schema_version=version)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": 1}, r"extra: Extra inputs are not permitted"),
        ({"thresholds": [0.5, 0.5]}, "2 thresholds, 1 classes"),
        ({"input_shape": [3, 64, 96]}, "input shape .* is not that of its preprocessing"),
        ({"input_shape": [1, 96, 64]}, "input shape .* is not that of its preprocessing"),
        (
            {"preprocessing": {"size": [63, 96]}},
            r"metadata is damaged \(preprocessing has problems:\s+size: \[63, 96\]",
        ),
        ({"classes": {"labels": {}}}, "metadata is damaged"),
        ({"training": {}}, r"training\.data_hash: Field required"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_with_the_reason(changes, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        parse(**changes)
    assert str(caught.value).startswith("m.onnx: ")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": 1}'])
def test_text_that_is_no_document_is_refused(text):
    with pytest.raises(ModelFileError, match=r"m\.onnx: its metadata does not fit schema 4"):
        parse_metadata(text, "m.onnx")


def test_a_document_of_version_1_is_read_as_the_current_one():
    metadata = parse(schema_version=1)
    assert (metadata.schema_version, metadata.postprocessing, metadata.operating_point) == (SCHEMA_VERSION, {}, None)


def test_post_processing_is_read_and_checked():
    rule = Rule(fill_holes=True, smallest_mm2=4)
    metadata = parse(postprocessing={"lesion": {"fill_holes": True, "smallest_mm2": 4}})
    assert metadata.postprocessing == {"lesion": rule}
    assert parse_metadata(metadata.model_dump_json(), "m.onnx") == metadata
    for rules, message in (
        ({"gland": {}}, r"m\.onnx: its metadata is damaged \(post-processing of \['gland'\]: the classes here are"),
        (
            {"lesion": {"smallest_px": -1}},
            r"postprocessing\.lesion\.smallest_px: Input should be greater than or equal to 0",
        ),
        ({"lesion": {"smoothing": 1}}, r"postprocessing\.lesion\.smoothing: Extra inputs are not permitted"),
    ):
        with pytest.raises(ModelFileError, match=message):
            parse(postprocessing=rules)
