"""The table that a sweep ends in, from job folders as Hydra and training leave them."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from trus.evaluation.cross_validation.folder import CvFolder
from trus.evaluation.sweep.jobs import LOST, note_end, note_start
from trus.evaluation.sweep.report import print_sweep, write_sweep
from trus.evaluation.sweep.table import Line, tabulate_sweep
from trus.files import write_json


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Path]:
    """Jobs (overrides, folder of its cross-validation or None, error) -> the sweep's folder."""

    def make(*jobs: tuple[str, CvFolder | None, str | None]) -> Path:
        for number, (overrides, cv, error) in enumerate(jobs):
            folder = tmp_path / "sweep" / str(number)
            (folder / ".hydra").mkdir(parents=True)
            told = overrides.split()
            OmegaConf.save(told, folder / ".hydra" / "overrides.yaml")
            fold = next((text.split("=")[1] for text in told if text.startswith("split.fold=")), "all")
            config = {"split": {"fold": fold if fold == "all" else int(fold)}}
            OmegaConf.save(config, folder / ".hydra" / "config.yaml")
            note_start(folder, 0.0)
            if cv:
                write_json(
                    folder / "job.json", {"cv_folder": str(cv.path), "member": None, "value": 0.5, "run_id": "r"}
                )
            if error != LOST:
                note_end(folder, error)
        return tmp_path / "sweep"

    return make


def names(lines: list[Line]) -> list[str]:
    return [line.name for line in lines]


def test_best_first_with_differences_to_it(make_cv, sweep):
    found = tabulate_sweep(sweep(
        ("experiment=x loss=dice optimizer.lr=1e-3", make_cv("a"), None),
        ("experiment=x loss=lovasz optimizer.lr=1e-3", make_cv("b", lambda *_: 0.05), None),
        ("experiment=x loss=focal optimizer.lr=1e-3", make_cv("c", lambda *_: -0.02), None),
    ))  # fmt: skip
    assert names(found) == ["lovasz", "dice", "focal"]
    assert found[0].difference is None
    assert found[1].difference.shown
    assert found[2].difference.difference.value == pytest.approx(-0.07, abs=0.02)
    assert found[2].difference.p_adjusted >= found[2].difference.p_value
    assert [line.row.state for line in found] == ["finished"] * 3
    assert found[0].to_dict()["seconds"] == 183.0


def test_jobs_of_one_cross_validation_are_one_row(make_cv, sweep):
    first, second = make_cv("a"), make_cv("b")
    jobs = [(f"loss={loss} split.fold={fold}", cv, None) for loss, cv in (("dice", first), ("lovasz", second))
            for fold in range(3)]  # fmt: skip
    found = tabulate_sweep(sweep(*jobs))
    assert sorted(names(found)) == ["dice", "lovasz"]
    assert [len(line.row.members) for line in found] == [3, 3]
    assert sorted(found[0].to_dict()["jobs"] + found[1].to_dict()["jobs"]) == [*"012345"]


def test_a_row_is_scored_on_the_folds_that_its_jobs_trained(make_cv, sweep):
    found = tabulate_sweep(
        sweep(("loss=a split.fold=1", make_cv("a"), None), ("loss=b split.fold=1", make_cv("b"), None))
    )
    assert [line.mean.frames for line in found] == [8, 8]


def test_failed_killed_and_incomplete_jobs_are_listed_last_with_their_error(make_cv, sweep):
    partial, nothing = make_cv("b"), make_cv("c")
    partial.note(partial.members()[2], state="failed", error="NaN loss in epoch 3")
    for member in nothing.members():
        nothing.note(member, state="waiting")
    found = tabulate_sweep(sweep(
        ("loss=refused", None, "optimizer.lr=-1: too small"), ("loss=killed", nothing, LOST),
        ("loss=partial", partial, "1 of 3 failed"), ("loss=whole", make_cv("a"), None),
    ))  # fmt: skip
    assert names(found)[:2] == ["whole", "partial"]
    states = {line.name: (line.row.state, *line.row.errors) for line in found}
    assert states["whole"] == ("finished",)
    assert states["partial"][:2] == ("incomplete", "job 2: 1 of 3 failed")
    assert states["refused"] == ("failed", "job 0: optimizer.lr=-1: too small")
    assert states["killed"] == ("failed", f"job 1: {LOST}")
    assert found[1].note == "compared on the 16 frames that both have"


def test_a_fold_that_is_missing_is_named_where_the_job_says_nothing(make_cv, sweep):
    partial = make_cv("b")
    partial.note(partial.members()[2], state="failed", error="NaN loss in epoch 3")
    (line,) = tabulate_sweep(sweep(("loss=partial", partial, None)))
    assert line.row.errors == ["fold2_seed0: NaN loss in epoch 3"]


def test_what_was_finished_before_this_sweep_is_said(make_cv, sweep):
    cv = make_cv("a")
    for member in cv.members():
        os.utime(cv.run_dir(member) / "member.json", (1, 1))
    folder = sweep(("loss=dice", cv, None), ("loss=lovasz", make_cv("b"), None))
    for number in range(2):
        note_start(folder / str(number), 1000.0)
        note_end(folder / str(number), None)
    assert {line.name: line.row.state for line in tabulate_sweep(folder)} == {
        "dice": "finished before", "lovasz": "finished",
    }  # fmt: skip


def test_other_data_or_another_split_is_not_compared(make_cv, sweep):
    found = tabulate_sweep(sweep(
        ("split.seed=0", make_cv("a"), None), ("split.seed=1", make_cv("b", hashes=("d" * 64, "t" * 64)), None),
    ))  # fmt: skip
    assert found[1].difference is None
    assert "not compared" in found[1].note


def test_a_damaged_folder_is_one_rows_error(make_cv, sweep):
    damaged = make_cv("b")
    (damaged.run_dir(damaged.members()[0]) / "validation.csv").write_text("nonsense")
    found = tabulate_sweep(sweep(("loss=a", make_cv("a"), None), ("loss=b", damaged, None)))
    assert [line.row.state for line in found] == ["finished", "incomplete"]
    assert "columns missing" in found[1].row.errors[0]


def test_the_files_and_the_printed_table(make_cv, sweep, capsys):
    folder = sweep(("loss=dice", make_cv("a"), None), ("loss=lovasz", make_cv("b", lambda *_: 0.05), None),
                   ("loss=[odd]", None, "no such loss"))  # fmt: skip
    lines = tabulate_sweep(folder)
    files = write_sweep(folder, lines)
    print_sweep(lines, folder)
    printed = capsys.readouterr().out
    assert printed.index("lovasz") < printed.index("dice") < printed.index("[odd]")
    assert "[odd]: job 2: no such loss" in printed
    assert [file.name for file in files] == ["sweep.csv", "sweep.json", "sweep.png"]
    with files[0].open() as file:
        rows = list(csv.DictReader(file))
    assert [row["loss"] for row in rows] == ["lovasz", "dice", "[odd]"]
    assert float(rows[1]["difference_to_best_low"]) < float(rows[1]["difference_to_best"]) < 0
    assert rows[2]["iou"] == ""
    assert rows[2]["error"] == "job 2: no such loss"
    document = json.loads(files[1].read_text())
    assert document["lines"][1]["difference_to_best"]["shown"] is True
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_a_sweep_in_which_everything_failed_has_a_table_and_no_figure(sweep, capsys):
    folder = sweep(("loss=a", None, "broken"), ("loss=b", None, "broken too"))
    lines = tabulate_sweep(folder)
    assert [file.name for file in write_sweep(folder, lines)] == ["sweep.csv", "sweep.json"]
    print_sweep(lines, folder)
    assert "broken too" in capsys.readouterr().out


def test_a_sweep_of_one_job_has_nothing_to_compare(make_cv, sweep, capsys):
    folder = sweep(("loss=a", make_cv("a"), None))
    lines = tabulate_sweep(folder)
    write_sweep(folder, lines)
    print_sweep(lines, folder)
    assert "chosen on the very frames" not in capsys.readouterr().out
