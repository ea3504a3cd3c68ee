"""Batches with post-processing: what is taken over from an earlier run, and which spacing counts."""

import csv
import json
from dataclasses import replace

import pytest

from trus.inference.batch import predict_batch
from trus.inference.postprocessing import Rule


@pytest.mark.parametrize("name", ["gland", "lesion"])
def test_the_same_rules_give_the_same_masks_and_others_compute_anew(predictor, inputs, tmp_path, name):
    predict_batch(predictor, inputs, tmp_path)
    predictor.postprocessing = {name: Rule()}  # says nothing, so nothing changes
    assert predict_batch(predictor, inputs, tmp_path).resumed == 5
    predictor.postprocessing = {name: Rule(smallest_mm2=30)}
    assert predict_batch(predictor, inputs, tmp_path).done == 5
    record = json.loads((tmp_path / "records" / "p2_0.json").read_text(encoding="utf-8"))
    assert record["postprocessing"] == {name: {"smallest_mm2": 30.0}}


def test_rules_in_mm2_use_the_spacing_of_each_frame(predictor, inputs, tmp_path):
    areas = []
    for spacing in ((0.1, 0.1), (1.0, 1.0), None):
        predictor.postprocessing = {"gland": Rule(smallest_mm2=500)}
        predict_batch(predictor, [replace(inputs[3], spacing=spacing)], tmp_path)
        rows = csv.DictReader((tmp_path / "predictions.csv").open(encoding="utf-8"))
        areas.append(int(next(rows)["area_px"]))
    assert areas[0] == 0
    assert areas[1] == areas[2] > 500


def test_a_record_of_an_older_version_is_still_good(predictor, inputs, tmp_path):
    predict_batch(predictor, inputs[:1], tmp_path)
    path = next((tmp_path / "records").iterdir())
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({key: value for key, value in record.items() if key not in ("postprocessing", "tta")}))
    assert predict_batch(predictor, inputs[:1], tmp_path).resumed == 1
