"""scripts/evaluate.py in its three ways, in process: what it finds, what it refuses, what it logs."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hydra import compose, initialize_config_dir
from mlflow import MlflowClient

from trus.config import resolve_evaluate_config
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import ConfigError, ManifestError, ModelFileError
from trus.evaluation.cross_validation.folder import CvFolder
from trus.evaluation.publish import renew_model_file
from trus.evaluation.run import FILES, run_evaluation
from trus.inference.predictor import METADATA_KEY, open_predictor


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def evaluate_model(evaluation, tiny_model, dataset, *overrides):
    return run_evaluation(
        evaluation(f"model_file={tiny_model.onnx}", f"data.manifest={dataset}/manifest.csv", *overrides)
    )


def test_a_model_file_is_evaluated_on_the_test_part_only(evaluation, tiny_model, dataset, tmp_path, summary):
    value = evaluate_model(evaluation, tiny_model, dataset)
    assert {path.name for path in (tmp_path / "evaluation").iterdir()} == {*FILES}
    table = rows(tmp_path / "evaluation/frames.csv")
    assert {row["image_id"] for row in table} == {"p5_0", "p5_1", "p6_0", "p6_1"}
    scored = [[float(r["iou"]) for r in table if r["class"] == name] for name in ("gland", "lesion")]
    assert value == pytest.approx(np.mean(scored), abs=1e-5)
    found = summary()
    assert found["all"]["iou"]["value"] == pytest.approx(value)
    assert found["all"]["iou"]["low"] <= value <= found["all"]["iou"]["high"]
    assert found["part"] == "test"
    assert len(rows(tmp_path / "evaluation/patients.csv")) == 2 * 2


def test_out_of_fold_predictions_of_all_seeds_are_averaged_by_frame(evaluation, cv_folder, tmp_path, summary):
    value = run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    table = rows(tmp_path / "evaluation/frames.csv")
    found = summary()
    assert len(table) == 7 * 2 * 2  # annotated frames outside the test part, classes, seeds
    assert {(row["fold"], row["seed"]) for row in table} == {("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")}
    assert found["all"]["counts"]["frames"] == 7
    assert found["all"]["counts"]["networks"] == 2
    one_seed = [
        [float(r["iou"]) for r in table if (r["seed"], r["class"]) == ("0", k) and r["iou"]]
        for k in ("gland", "lesion")
    ]
    assert value == pytest.approx(np.mean([np.mean(part) for part in one_seed]), abs=1e-5)  # both seeds say the same
    assert [row["name"] for row in found["networks"]] == ["0/0", "0/1", "1/0", "1/1"]
    assert found["part"] == "out-of-fold"


def test_kept_predictions_score_as_the_network_itself(evaluation, cv_folder, tiny_model, dataset, summary):
    kept = run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    counts = summary()["classes"]["gland"]["counts"]
    again = evaluate_model(evaluation, tiny_model, dataset, "split.part=train")
    assert kept == pytest.approx(again, abs=1e-9)  # p >= 0.5 is decided alike on kept steps
    assert summary()["classes"]["gland"]["counts"] | {"networks": 2} == counts


def as_trained_in(cv: CvFolder, model_file: Path) -> None:
    """The tiny model as if this cross-validation had trained it."""
    model = onnx.load(model_file)
    document = json.loads(model.metadata_props[0].value)
    content = cv.read()
    document["training"] |= {"data_hash": content.data_hash, "split_hash": content.split_hash}
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(document)})
    onnx.save(model, model_file)


def test_the_chosen_operating_point_is_in_every_networks_file_and_in_the_report(evaluation, cv_folder, tmp_path):
    for member in cv_folder.members():
        as_trained_in(cv_folder, cv_folder.run_dir(member) / "model.onnx")
    run_evaluation(evaluation(f"cv_run={cv_folder.path}", "choose=true"))
    points = []
    for member in cv_folder.members():
        metadata = open_predictor(cv_folder.run_dir(member) / "model.onnx").metadata
        points.append((metadata.thresholds, metadata.postprocessing, metadata.operating_point))
    assert points[0] == points[1] == points[2] == points[3]
    thresholds, _, point = points[0]
    assert point.split_hash == cv_folder.read().split_hash
    assert {*point.accepted} == {"gland", "lesion"}
    untouched = [name for name, taken in point.accepted.items() if "threshold" not in taken]
    assert [thresholds[k] for k, name in enumerate(("gland", "lesion")) if name in untouched] == [0.5] * len(untouched)
    assert f"{point.after.value:.3f}" in (tmp_path / "evaluation/report.html").read_text()


def test_a_single_run_is_evaluated_on_its_validation_frames(evaluation, cv_folder, summary):
    run = cv_folder.run_dir(cv_folder.members()[0])
    run_evaluation(evaluation(f"run={run}"))
    expected = json.loads((run / "split.json").read_text())["validation"][0]
    assert summary()["all"]["counts"]["frames"] == len(expected)
    assert summary()["part"] == "validation"


def test_the_networks_of_a_cross_validation_are_an_ensemble_on_the_test_part(evaluation, cv_folder, summary):
    value = run_evaluation(
        evaluation(f"cv_run={cv_folder.path}", "split.part=test", "tta=flip", "smallest_component=9")
    )
    stages = summary()["stages"]
    assert [stage["name"] for stage in stages] == [
        *("one network", "mean of 4 networks", "mean with the mirror image", "components under 9 px dropped")
    ]
    assert stages[0]["gain"] is None
    assert stages[1]["gain"]["value"] == pytest.approx(0, abs=1e-6)  # four times the same network
    assert stages[-1]["iou"]["value"] == pytest.approx(value)
    assert all(stage["seconds"] > 0 for stage in stages)


def test_a_threshold_changes_the_masks_and_its_gain_is_paired(evaluation, cv_folder, summary):
    plain = run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    changed = run_evaluation(evaluation(f"cv_run={cv_folder.path}", "threshold=0.9"))
    stages = summary()["stages"]
    assert stages[0]["iou"]["value"] == pytest.approx(plain)
    assert stages[1]["gain"]["value"] == pytest.approx(changed - plain)
    assert summary()["thresholds"] == {"gland": 0.9, "lesion": 0.9}


def test_strata_are_columns_of_the_manifest_and_sizes(evaluation, tiny_model, dataset, summary):
    evaluate_model(evaluation, tiny_model, dataset, "split.part=all", "strata=[split,patient_id]")
    strata = summary()["strata"]
    assert [*strata["split"]] == ["test", "train"]
    assert strata["split"]["test"]["all"]["counts"]["frames"] == 4
    assert any(name.startswith("size of gland") for name in strata)
    with pytest.raises(ManifestError, match="colour"):
        evaluate_model(evaluation, tiny_model, dataset, "strata=[colour]")


def test_unfinished_folds_are_said_and_none_finished_is_refused(evaluation, cv_folder, summary):
    first, *others = cv_folder.members()
    for member in others:
        cv_folder.note(member, state="failed")
    run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    assert "fold1_seed1 not finished" in summary()["warnings"][0]
    cv_folder.note(first, state="failed")
    with pytest.raises(ConfigError, match="no fold is finished"):
        run_evaluation(evaluation(f"cv_run={cv_folder.path}"))


def test_a_summary_that_a_killed_job_did_not_write_is_written(evaluation, cv_folder):
    header = "image_id,patient_id,class,iou,dice,intersection_px,predicted_px,reference_px,outcome\n"
    for member in cv_folder.members():
        rows = [f"p{member.fold}_0,p{member.fold},{name},0.5,0.6,5,8,7,scored\n" for name in ("gland", "lesion")]
        (cv_folder.run_dir(member) / "validation.csv").write_text(header + "".join(rows))
    run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    written = json.loads((cv_folder.path / "summary.json").read_text())
    assert written["all"]["iou"]["value"] == pytest.approx(0.5)
    before = (cv_folder.path / "summary.json").stat().st_mtime_ns
    run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    assert (cv_folder.path / "summary.json").stat().st_mtime_ns == before  # nothing has ended since


def test_masks_that_changed_are_scored_and_said(evaluation, cv_folder, dataset_copy, summary):
    before = run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    path = dataset_copy / "masks/p2_0.png"
    write_image(path, np.where(read_mask(path) == 2, 1, read_mask(path)))
    assert run_evaluation(evaluation(f"cv_run={cv_folder.path}")) != before
    assert "mask changed: 1 frame (p2_0)" in summary()["warnings"][0]


def test_other_images_and_patients_are_refused_by_name(evaluation, cv_folder, edit_cell, dataset_copy):
    edit_cell("p3_0", "patient_id", "p33")
    path = dataset_copy / "images/p2_0.png"
    write_image(path, np.zeros((80, 96), np.uint8))
    with pytest.raises(ManifestError) as error:
        run_evaluation(evaluation(f"cv_run={cv_folder.path}"))
    assert "image changed: 1 frame (p2_0)" in str(error.value)
    assert "patient, split or region changed: 1 frame (p3_0)" in str(error.value)


def test_a_run_without_predictions_says_how_to_keep_them(evaluation, cv_folder):
    run = cv_folder.run_dir(cv_folder.members()[0])
    (run / "predictions.zip").unlink()
    with pytest.raises(ModelFileError, match=r"callbacks\.export\.keep=true"):
        run_evaluation(evaluation(f"run={run}"))


def test_a_metric_undefined_everywhere_is_said_and_not_zero(evaluation, tiny_model, dataset_copy, summary, tmp_path):
    for path in (dataset_copy / "masks").glob("*.png"):
        write_image(path, np.zeros_like(read_mask(path)))
    assert evaluate_model(evaluation, tiny_model, dataset_copy) is None
    iou = summary()["all"]["iou"]
    assert iou["value"] is None
    assert "no frame" in iou["reason"]
    assert "not defined" in (tmp_path / "evaluation/report.html").read_text()


def test_wrong_ways_in_are_named(evaluation, cv_folder, tmp_path):
    run = cv_folder.run_dir(cv_folder.members()[0])
    for overrides, said in (
        ((f"run={cv_folder.path}",), "give it as cv_run="),
        ((f"cv_run={run}",), "give it as run="),
        ((f"cv_run={tmp_path}",), "neither a run folder"),
        (("run=0123456789abcdef0123456789abcdef",), "logger=none"),
        (("run=0123456789abcdef0123456789abcdef", "logger=mlflow"), "mlflow.db"),
    ):
        with pytest.raises(ConfigError, match=said):
            run_evaluation(evaluation(*overrides))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), "give one of model_file=..., cv_run=..., run=..."),
        (("model_file=a", "run=b"), "model_file and run"),
        (("model_file=a",), "data.manifest=..."),
        (("run=a", "tta=flip"), "add split.part=test"),
        (("run=a", "backend=openvino"), "add split.part=test"),
        (("run=a", "choose=true"), "out-of-fold predictions only"),
        (("run=a", "ensemble=[b]"), "goes with model_file="),
        (("model_file=a", "data.manifest=m", "threshold=1.5"), "threshold=1.5"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_anything_is_opened(overrides, said, tmp_path):
    with initialize_config_dir(str(Path(__file__).parents[2] / "conf"), version_base="1.3"):
        composed = compose("evaluate", [f"outputs={tmp_path}", f"run_dir={tmp_path}", *overrides])
    with pytest.raises(ConfigError) as error:
        resolve_evaluate_config(composed)
    assert said in str(error.value)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An MLflow store, made once: making its tables takes seconds."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(uri)
    client.create_experiment("trus", artifact_location=f"{folder}/artifacts")
    return uri, client


def logged_to(uri, tmp_path):
    return "logger=mlflow", f"logger.tracking_uri={uri}", f"logger.artifacts={tmp_path}/mlartifacts"


def test_a_model_file_gets_a_run_of_its_own_in_mlflow(evaluation, tiny_model, dataset, tmp_path, store):
    uri, client = store
    value = evaluate_model(evaluation, tiny_model, dataset, *logged_to(uri, tmp_path))
    (run,) = client.search_runs(
        [client.get_experiment_by_name("trus").experiment_id], "tags.`trus.kind` = 'evaluation'"
    )
    assert run.info.status == "FINISHED"
    assert run.data.tags["trus.part"] == "test"
    assert run.data.metrics["eval/iou"] == pytest.approx(value)
    logged = {artifact.path for artifact in client.list_artifacts(run.info.run_id, "evaluation")}
    assert logged == {f"evaluation/{name}" for name in FILES}


def test_a_cross_validation_is_found_by_its_run_and_gets_the_results(evaluation, cv_folder, tmp_path, capsys, store):
    uri, client = store
    experiment = client.get_experiment_by_name("trus").experiment_id
    run_id = client.create_run(experiment, tags={"trus.folder": str(cv_folder.path)}).info.run_id
    cv_folder.write(replace(cv_folder.read(), parent_run_id=run_id, tracking_uri=uri))
    settings = (f"cv_run={run_id}", *logged_to(uri, tmp_path))
    value = run_evaluation(evaluation(*settings))
    assert client.get_run(run_id).data.metrics["eval/iou"] == pytest.approx(value)
    run_evaluation(evaluation(*settings, "split.part=test"))
    assert "eval_test/iou" in client.get_run(run_id).data.metrics
    assert {a.path for a in client.list_artifacts(run_id)} == {"evaluation", "evaluation_test"}
    assert run_id in capsys.readouterr().out


def test_a_model_file_with_a_new_operating_point_takes_the_place_of_the_logged_one(cv_folder, tmp_path, store):
    _, client = store
    run_id = client.create_run(client.get_experiment_by_name("trus").experiment_id).info.run_id
    member = cv_folder.members()[0]
    cv_folder.note(member, run_id=run_id)
    model_file = cv_folder.run_dir(member) / "model.onnx"
    for content in (b"as exported", b"with an operating point"):
        model_file.write_bytes(content)
        renew_model_file(client, cv_folder, member)
    assert Path(client.download_artifacts(run_id, "model.onnx", str(tmp_path))).read_bytes() == content


def test_an_id_that_the_store_does_not_know_is_refused(evaluation, tmp_path, store):
    with pytest.raises(ConfigError, match="no such run could be read from sqlite"):
        run_evaluation(evaluation(f"cv_run={'0' * 32}", *logged_to(store[0], tmp_path)))


def test_a_run_that_is_gone_costs_the_log_and_not_the_files(evaluation, cv_folder, tmp_path, capsys, store):
    cv_folder.write(replace(cv_folder.read(), parent_run_id="0" * 32, tracking_uri=store[0]))
    assert run_evaluation(evaluation(f"cv_run={cv_folder.path}", *logged_to(store[0], tmp_path))) is not None
    assert "not logged to MLflow" in capsys.readouterr().out
    assert (tmp_path / "evaluation/report.html").is_file()
    assert not list(tmp_path.glob("evaluation/.*"))


def test_unannotated_frames_are_never_opened(evaluation, tiny_model, dataset):
    manifest = Manifest.load(dataset / "manifest.csv")
    assert any(frame.mask is None for frame in manifest.frames)
    assert evaluate_model(evaluation, tiny_model, dataset, "split.part=all") is not None
