import multiprocessing
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient

from trus.errors import ConfigError
from trus.nested import flatten
from trus.training.tracking import create_logger, end_run, git_state, log_config, log_file, log_metrics


def settings(folder: Path) -> dict:
    return {
        "tracking_uri": f"sqlite:///{folder}/mlflow.db",
        "experiment": "trus",
        "artifacts": f"{folder}/artifacts",
        "run_name": None,
    }


def start(folder: Path, queue) -> None:
    logger = create_logger(settings(folder) | {"artifacts": None}, "a run", {})
    end_run(logger, "finished")
    queue.put(logger.run_id)


def test_a_run_holds_its_whole_config_tags_metrics_and_outcome(tmp_path):
    logger = create_logger(settings(tmp_path), "unet fold0", {"trus.fold": "0"})
    (tmp_path / "config.yaml").write_text("a: 1\n")
    log_config(logger, {"a": {"b": 1, "long": "x" * 5000}, "list": [1, 2]}, tmp_path / "config.yaml")
    log_metrics(logger, {"best/iou": 0.5})
    end_run(logger, "stopped")
    client = MlflowClient(settings(tmp_path)["tracking_uri"])
    run = client.get_run(logger.run_id)
    assert run.info.run_name == "unet fold0"
    assert run.info.status == "KILLED"
    assert run.data.params == {"a.b": "1", "a.long": "x" * 5000, "list": "[1, 2]"}
    assert run.data.tags["trus.fold"] == "0"
    assert run.data.tags["trus.outcome"] == "stopped"
    assert run.data.metrics["best/iou"] == 0.5
    assert [artifact.path for artifact in client.list_artifacts(logger.run_id)] == ["config.yaml"]


def test_two_processes_that_start_at_once_share_one_store(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=start, args=(tmp_path, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    runs = {queue.get(timeout=120) for _ in processes}
    for process in processes:
        process.join(timeout=120)
    client = MlflowClient(settings(tmp_path)["tracking_uri"])
    experiment = client.get_experiment_by_name("trus")
    assert experiment.artifact_location == f"{tmp_path}/mlartifacts"  # and no mlruns/ where the command was typed
    assert {run.info.run_id for run in client.search_runs([experiment.experiment_id])} == runs


def test_a_server_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigError, match=r"tracking_uri=http://127\.0\.0\.1:9.*logger=none"):
        create_logger({**settings(tmp_path), "tracking_uri": "http://127.0.0.1:9"}, "a run", {})


def test_no_logger_is_fine_everywhere(tmp_path):
    assert create_logger(None, "a run", {}) is None
    log_config(None, {}, tmp_path)
    log_file(None, tmp_path)
    log_metrics(None, {"a": 1})
    end_run(None, "finished")


def test_flatten_keeps_lists_and_empty_values():
    assert flatten({"a": {"b": None, "c": [1]}, "d": 2}) == {"a.b": None, "a.c": [1], "d": 2}


def test_git_state_sees_uncommitted_changes(tmp_path):
    assert git_state(tmp_path) == (None, None)
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("a")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    commit, dirty = git_state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "file").write_text("b")
    assert git_state(tmp_path) == (commit, True)
