import json
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.training.server import Line, Server
from trus.errors import ConfigError, TrainingError
from trus.training import run_logger, store
from trus.training.outbox import NAME, REFUSED, Outbox
from trus.training.sending import merge, send_folder
from trus.training.tracking import (
    create_logger,
    create_parent,
    end_run,
    log_config,
    log_file,
    log_metrics,
    log_tags,
    open_run,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Everything is tried again at once."""
    monkeypatch.setattr(run_logger, "RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def line(server):
    line = Line(server)
    yield line
    line.cut()


def settings(reached):
    return {"tracking_uri": reached.uri, "experiment": "trus", "artifacts": "/not/for/a/server", "run_name": None}


def client(server):
    return MlflowClient(server.database)


def history(server, run_id, key):
    return [(metric.step, metric.value) for metric in client(server).get_metric_history(run_id, key)]


def fill(logger, folder, steps):
    (folder / "config.yaml").write_text("a: 1\n")
    log_config(logger, {"a": 1}, folder / "config.yaml")
    for step in steps:
        logger.log_metrics({"train/loss": 1.0 / (step + 1)}, step)


def test_a_server_that_dies_in_mid_run_loses_nothing(server, tmp_path, capsys):
    logger = create_logger(settings(server), "a run", {}, tmp_path)
    logger.log_metrics({"train/loss": 1.0}, 0)
    server.kill()
    fill(logger, tmp_path, range(1, 4))
    log_tags(logger, {"trus.state": "alone"})
    assert "training goes on" in capsys.readouterr().err
    kinds = [json.loads(line).get("kind") for line in (tmp_path / NAME).read_text().splitlines()]
    assert kinds == [None, "params", "artifact", "metrics", "metrics", "metrics", "tags"]
    server.start()
    logger.log_metrics({"train/loss": 0.2}, 4)
    assert "is back" in capsys.readouterr().err
    assert not (tmp_path / NAME).exists()
    end_run(logger, "finished")
    run = client(server).get_run(logger.run_id)
    assert (run.info.status, run.data.params, run.data.tags["trus.state"]) == ("FINISHED", {"a": "1"}, "alone")
    assert history(server, logger.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3), (3, 0.25), (4, 0.2)]
    assert [file.path for file in MlflowClient(server.uri).list_artifacts(logger.run_id)] == ["config.yaml"]


def test_what_is_kept_at_the_end_is_sent_by_the_script_and_a_child_is_made_then(server, line, tmp_path, capsys):
    parent = create_parent(settings(line), "5 folds", {"trus.kind": "cv"})
    line.cut()
    child = create_logger(settings(line), "fold1", {"trus.kind": "fold"}, tmp_path, parent_run_id=parent)
    (tmp_path / "member.json").write_text('{"state": "finished", "run_id": null}')
    fill(child, tmp_path, range(2))
    end_run(child, "failed")
    assert child.run_id is None
    assert f"send_runs.py {tmp_path}" in capsys.readouterr().err
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    send = runpy.run_path(str(ROOT / "scripts/send_runs.py"))["main"]
    assert send([str(moved)]) == 1
    assert "does not answer" in capsys.readouterr().out
    line.mend()
    command = [sys.executable, "scripts/send_runs.py", moved]
    after = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert after.returncode == 0, after.stdout + after.stderr
    run_id = json.loads((moved / "member.json").read_text())["run_id"]
    run = client(server).get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("fold1", "FAILED")
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.info.end_time >= run.info.start_time
    assert history(server, run_id, "train/loss") == [(0, 1.0), (1, 0.5)]
    assert send([str(moved)]) == 0
    assert "nothing is kept" in capsys.readouterr().out


def test_a_server_that_hangs_neither_stops_training_nor_makes_a_run_twice(server, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PROBE_SECONDS", 0.5)
    parent = create_parent(settings(server), "5 folds", {})
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    server.signal(signal.SIGSTOP)
    try:
        child = create_logger(settings(server), "fold0", {}, tmp_path, parent_run_id=parent)
        log_metrics(child, {"best/iou": 0.5})
        assert child.run_id is None
    finally:
        server.signal(signal.SIGCONT)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.setattr(store, "PROBE_SECONDS", 30.0)
    log_metrics(child, {"best/dice": 0.6})
    end_run(child, "finished")
    run = client(server).get_run(child.run_id)
    assert run.data.metrics == {"best/iou": 0.5, "best/dice": 0.6}
    below = client(server).search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert [found.info.run_id for found in below] == [child.run_id]


def test_the_next_start_of_the_same_run_sends_what_the_last_one_kept(server, line, tmp_path):
    parent = create_parent(settings(line), "5 folds", {})
    first = create_logger(settings(line), "fold0", {}, tmp_path, parent_run_id=parent)
    line.cut()
    log_metrics(first, {"train/loss": 0.5})
    first.abandon()  # as if the process had been killed
    with (tmp_path / NAME).open("a") as file:
        file.write('{"kind": "met')
    line.mend()
    second = create_logger(settings(line), "fold0", {}, tmp_path, parent_run_id=parent, run_id=first.run_id)
    assert second.run_id == first.run_id
    assert client(server).get_run(first.run_id).data.metrics == {"train/loss": 0.5}
    end_run(second, "stopped")
    third = open_run(settings(line), first.run_id, tmp_path)
    assert client(server).get_run(first.run_id).info.status == "RUNNING"
    end_run(third, "finished")
    assert client(server).get_run(first.run_id).info.status == "FINISHED"


def test_a_run_of_its_own_needs_the_server_at_its_start(line, tmp_path):
    line.cut()
    with pytest.raises(ConfigError, match="start the server"):
        create_logger(settings(line), "a run", {}, tmp_path)
    assert not (tmp_path / NAME).exists()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    uri = f"sqlite:///{folder}/mlflow.db"
    return {"tracking_uri": uri, "experiment": "trus", "artifacts": f"{folder}/artifacts", "run_name": None}


def test_what_the_store_refuses_is_put_aside_and_the_rest_goes_on(local, tmp_path, capsys):
    logger = create_logger(local, "a run", {}, tmp_path)
    log_file(logger, tmp_path / "missing.csv")
    log_metrics(logger, {"best/iou": 0.5})
    end_run(logger, "finished")
    assert "missing.csv" in json.loads((tmp_path / REFUSED).read_text())["path"]
    assert "refused" in capsys.readouterr().err
    run = MlflowClient(local["tracking_uri"]).get_run(logger.run_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"best/iou": 0.5})


def test_a_run_that_goes_on_keeps_its_parameters_and_tags_what_changed(local, tmp_path):
    first = create_logger(local, "a run", {}, tmp_path)
    fill(first, tmp_path, [])
    end_run(first, "stopped")
    second = create_logger(local, "a run", {"trus.more": "1"}, tmp_path, run_id=first.run_id)
    log_config(second, {"a": 2, "b": 3}, tmp_path / "config.yaml")
    end_run(second, "finished")
    run = MlflowClient(local["tracking_uri"]).get_run(first.run_id)
    assert run.data.params == {"a": "1", "b": "3"}
    assert (run.data.tags["trus.changed_settings"], run.data.tags["trus.more"]) == ("a: 1 -> 2", "1")


def test_a_run_that_was_deleted_is_made_anew_and_says_so(local, tmp_path):
    first = create_logger(local, "a run", {}, tmp_path)
    MlflowClient(local["tracking_uri"]).delete_run(first.run_id)
    second = create_logger(local, "a run", {}, tmp_path, run_id=first.run_id)
    assert second.run_id != first.run_id
    run = MlflowClient(local["tracking_uri"]).get_run(second.run_id)
    assert run.data.tags["trus.continues"] == first.run_id
    with pytest.raises(ConfigError, match=rf"run {first.run_id}: no longer in"):
        open_run(local, first.run_id, tmp_path)


def test_an_outbox_that_another_process_writes_is_left_alone(tmp_path):
    outbox = Outbox(tmp_path / "run")
    assert outbox.claim()
    outbox.begin({"tracking_uri": "http://127.0.0.1:9", "run_id": None}, [])
    assert send_folder(tmp_path) == [(tmp_path / "run", None, "still training; it sends by itself")]
    outbox.release()
    outbox.path.write_text("no JSON\n")
    with pytest.raises(TrainingError, match="damaged"):
        outbox.read()
    assert "damaged" in send_folder(tmp_path)[0][2]


def test_neighbouring_metrics_are_sent_together_and_order_is_kept():
    metric, tag = {"kind": "metrics", "metrics": [["a", 1.0, 0, 0]]}, {"kind": "tags", "tags": {}}
    merged = merge([metric, metric, tag, metric])
    assert [entry["kind"] for entry in merged] == ["metrics", "tags", "metrics"]
    assert len(merged[0]["metrics"]) == 2
