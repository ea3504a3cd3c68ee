"""Whole studies with real processes; what they train is stood in for by quick_train.py."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose

from trus.errors import ConfigError, TrainingError
from trus.tuning.child import Child
from trus.tuning.run import tune
from trus.tuning.study import StudyFolder

QUICK = Path(__file__).with_name("quick_train.py")
LR = "optimizer.lr: {low: 1.0e-5, high: 1.0e-1, log: true}\n"
LOSSES = LR + "loss: {choices: [dice_bce, lovasz]}\n"


@pytest.fixture
def quick(read):
    """Overrides -> settings of a study whose trials are quick_train.py."""
    return lambda *overrides, space=LR: replace(read("study=s", *overrides, space=space), script=QUICK)


def rows(settings):
    with (settings.folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def wait_for(condition, seconds=120.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def test_a_study_ends_in_a_table_figures_and_a_recipe_that_composes(quick, capsys):
    settings = quick("n_trials=4", "prune_after=null", "trainer.max_epochs=7", "split.folds=3", space=LOSSES)
    report = tune(settings)
    table = rows(settings)
    assert [row["state"] for row in table] == ["complete"] * 4
    best = max(table, key=lambda row: float(row["iou"]))
    assert report.summary["best_trial"] == int(best["trial"])
    assert json.loads((settings.folder / "tuning.json").read_text()) == report.summary
    for row in table:
        assert float(row["iou_low"]) <= float(row["iou"]) <= float(row["iou_high"])
        assert row is best or float(row["to_best_high"]) < 0 or float(row["to_best"]) > -0.05
    assert {path.name for path in (settings.folder / "figures").iterdir()} == {"history.png", "slices.png"}
    text = (settings.folder / "experiment/best.yaml").read_text()
    assert "chosen" not in text.split("defaults:")[1]
    experiment = compose(
        "train", [f"hydra.searchpath=[file://{settings.folder}]", "experiment=best", "data.manifest=/no/manifest.csv"]
    )
    wanted = settings.resolve(report.summary["overrides"])
    for group in ("loss", "optimizer", "trainer", "preprocessing", "model"):
        assert experiment[group] == wanted[group], group
    assert experiment.split.folds == 3
    printed = capsys.readouterr().out
    for part in ("too good to be quoted", "among 4 trials", "split.seed=1 seed=1000", "a hint, no finding", "the best"):
        assert part in printed


def test_a_trial_that_is_given_up_is_told_so_and_does_not_go_on(quick, monkeypatch, tmp_path):
    tune(quick("n_trials=1"))
    monkeypatch.setenv("QUICK_WAIT", str(tmp_path / "never"))  # only a trial that is ended gets past its first fold
    settings = quick("n_trials=2", "prune_after=10", "sampler_seed=0")
    release = threading.Timer(60, (tmp_path / "never").touch)  # so that the test fails instead of waiting for ever
    release.start()
    tune(settings)
    release.cancel()
    given_up = rows(settings)[1]
    assert (given_up["state"], given_up["folds_done"]) == ("pruned", "1")
    assert float(given_up["to_best_high"]) < 0
    assert (settings.folder / "trials/0001/terminated").exists()


def test_a_failed_trial_is_recorded_with_its_error_and_the_study_goes_on(quick, monkeypatch):
    monkeypatch.setenv("QUICK_FAIL", "loss=lovasz")
    settings = quick("n_trials=4", "prune_after=null", space=LOSSES)
    tune(settings)
    for row in rows(settings):
        assert row["state"] == ("fail" if row["loss"] == "lovasz" else "complete")
        assert ("fold 2: NaN loss" in row["error"]) is (row["loss"] == "lovasz")
    assert {row["state"] for row in rows(settings)} == {"fail", "complete"}


def test_three_failures_in_a_row_with_one_message_stop_the_study(quick, monkeypatch):
    monkeypatch.setenv("QUICK_FAIL", "outputs")
    settings = quick("n_trials=9")
    with pytest.raises(TrainingError, match=r"three trials in a row failed alike(.|\n)*fold 2: NaN loss"):
        tune(settings)
    assert len(rows(settings)) == 3
    monkeypatch.delenv("QUICK_FAIL")
    tune(quick("n_trials=4"))
    assert [row["state"] for row in rows(settings)] == ["fail", "fail", "fail", "complete"]


def test_a_space_that_is_used_up_ends_the_study(quick):
    settings = quick("n_trials=9", "optimizer.lr=1e-3", space="loss: {choices: [dice_bce, lovasz]}")
    tune(settings)
    assert sorted(row["loss"] for row in rows(settings)) == ["dice_bce", "lovasz"]


def test_two_workers_keep_to_the_budget_and_share_no_trial(quick):
    settings = quick("n_trials=3", "n_workers=2", "prune_after=null")
    tune(settings)
    assert [row["state"] for row in rows(settings)] == ["complete"] * 3
    assert all((settings.folder / f"trials/{n:04d}/starts").read_text() == "x" for n in range(3))
    tune(settings)  # nothing is left to do
    assert len(rows(settings)) == 3


def test_ctrl_c_ends_the_trial_and_the_same_command_goes_on_with_it(quick, monkeypatch, tmp_path):
    monkeypatch.setenv("QUICK_WAIT", str(tmp_path / "go"))
    settings = quick("n_trials=1")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background

    def interrupt():
        wait_for(lambda: list((tmp_path / "out/cv").glob("*/members/fold0_seed0/member.json")))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            tune(settings)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (settings.folder / "trials/0000/terminated").exists()
    assert [row["state"] for row in rows(settings)] == ["running"]
    (tmp_path / "go").touch()
    tune(settings)
    assert [row["state"] for row in rows(settings)] == ["complete"]


def test_the_process_of_a_worker_that_was_killed_is_found_and_its_trial_finished(quick, monkeypatch, tmp_path):
    monkeypatch.setenv("QUICK_WAIT", str(tmp_path / "go"))
    settings = quick("n_trials=1")
    claim = StudyFolder(settings).claim()
    command = [str(QUICK), *settings.overrides, *(f"{k}={v}" for k, v in claim.proposal.items())]
    command.append(f"hydra.run.dir={claim.folder}")
    start = "import os, sys, pathlib; from trus.tuning.child import Child; Child.start(pathlib.Path(sys.argv[1]), "
    start += "sys.argv[2:], {}); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", start, str(claim.folder), *command], check=False)
    claim.lock.close()
    found = Child.find(claim.folder)
    assert found.running
    threading.Timer(1.5, (tmp_path / "go").touch).start()
    tune(settings)
    assert not found.running
    assert [row["state"] for row in rows(settings)] == ["complete"]
    assert (claim.folder / "starts").read_text() == "x", "it was not started a second time"


def test_a_process_that_does_not_listen_is_killed(tmp_path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    child = Child.start(tmp_path, ["-c", code], {})
    wait_for(lambda: "deaf\n" in (tmp_path / "train.log").read_text().splitlines(keepends=True))
    child.end(grace=0.2)
    assert child.exit_code == -signal.SIGKILL
    assert "killed by SIGKILL (out of memory?)" in child.complaint()
    assert Child.find(tmp_path) is None


def test_data_that_changed_stop_the_study(quick, monkeypatch):
    tune(quick("n_trials=1"))
    monkeypatch.setenv("QUICK_DATA", "other")
    with pytest.raises(TrainingError, match=r"manifest.csv: the data or its split have changed"):
        tune(quick("n_trials=2"))


def test_a_study_is_not_gone_on_with_under_other_settings(quick):
    StudyFolder(quick())
    with pytest.raises(ConfigError, match=r"trainer.max_epochs: was 100, is 3") as raised:
        StudyFolder(quick("trainer.max_epochs=3", space="optimizer.lr: {low: 1.0e-5, high: 1.0e-2, log: true}"))
    assert "search.optimizer.lr.high: was 0.1, is 0.01" in str(raised.value)


def test_a_trial_that_was_left_is_taken_over_by_one_worker_alone(quick):
    first, second = StudyFolder(quick()), StudyFolder(quick())
    left = first.claim()
    other = second.claim()
    assert (left.number, other.number) == (0, 1)
    assert left.proposal != other.proposal
    left.lock.close()
    again = second.claim()
    assert (again.number, again.proposal, again.begun) == (0, left.proposal, True)
    assert first.claim().number == 2


def test_a_line_of_the_journal_that_was_not_finished_is_cut_off(quick):
    settings = quick()
    StudyFolder(settings).claim().lock.close()
    journal = settings.folder / "journal.log"
    with journal.open("a") as file:
        file.write('{"op_code":4,"worker')
    study = StudyFolder(settings)
    claims = [study.claim(), study.claim()]
    assert [claim.number for claim in claims] == [0, 1]
    assert len(StudyFolder(settings).trials()) == 2
