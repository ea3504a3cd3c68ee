"""The runs of a cross-validation are where its store is now, whatever became of those of earlier starts."""

import json
from pathlib import Path

from mlflow import MlflowClient

from trus.evaluation.cross_validation.folder import CvFolder

ALL = ("split.fold=all", "trainer.max_epochs=1")


def runs_of(database: Path) -> dict[str, list]:
    client = MlflowClient(f"sqlite:///{database}")
    kinds: dict[str, list] = {}
    for run in client.search_runs([client.get_experiment_by_name("trus").experiment_id]):
        kinds.setdefault(run.data.tags["trus.kind"], []).append(run)
    return kinds


def check(database: Path, folder: CvFolder) -> str:
    """One parent that is finished, and below it a finished run a fold with its score and files; the parent's id."""
    kinds = runs_of(database)
    (parent,) = kinds["cv"]
    assert parent.info.run_id == folder.read().parent_run_id
    assert (parent.info.status, parent.data.tags["trus.state"]) == ("FINISHED", "2 of 2 folds")
    assert {run.data.tags["mlflow.parentRunId"] for run in kinds["fold"]} == {parent.info.run_id}
    assert {run.info.run_id for run in kinds["fold"]} == {folder.progress(m).run_id for m in folder.members()}
    client = MlflowClient(f"sqlite:///{database}")
    for run in kinds["fold"]:
        scores = json.loads((Path(run.data.tags["trus.folder"]) / "validation.json").read_text())
        assert run.info.status == "FINISHED"
        assert run.data.metrics["best/iou"] == scores["all"]["iou"]["value"]
        assert run.data.params["optimizer.lr"] == "0.003"
        logged = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        assert {"config.yaml", "split.json", "environment.json", "validation.csv", "model.onnx"} <= logged
    return str(parent.info.run_id)


def test_folds_trained_without_a_store_or_into_another_get_their_runs_in_the_one_of_now(job, tmp_path):
    job(*ALL)
    folder = CvFolder(next((tmp_path / "cv").iterdir()))
    trained = (folder.run_dir(folder.members()[0]) / "model.onnx").stat().st_mtime_ns
    first, second = tmp_path / "mlflow.db", tmp_path / "server.db"
    job(*ALL, "logger=mlflow")
    parent = check(first, folder)
    job(*ALL, "logger=mlflow", f"logger.tracking_uri=sqlite:///{second}")
    check(second, folder)
    assert len(runs_of(first)["fold"]) == 2  # what was told stays
    client = MlflowClient(f"sqlite:///{second}")
    for runs in runs_of(second).values():
        for run in runs:
            client.delete_run(run.info.run_id)
    job(*ALL, "logger=mlflow", f"logger.tracking_uri=sqlite:///{second}")
    assert check(second, folder) != parent
    assert (folder.run_dir(folder.members()[0]) / "model.onnx").stat().st_mtime_ns == trained
