"""`trus compare` on folders and on MLflow's real store: what it says, what it refuses, what it writes."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from trus.cli import app
from trus.errors import ConfigError
from trus.evaluation.comparison.run import Comparison, compare_runs, run_comparison
from trus.evaluation.comparison.scored_run import load_run, read_folder
from trus.evaluation.cross_validation.result import write_out_of_fold
from trus.files import write_json

NOWHERE = "sqlite:////no/such.db"


def compare(*folders, **settings) -> Comparison:
    return compare_runs([read_folder(folder.path) for folder in folders], **settings)


def test_a_real_difference_is_said_in_one_sentence(make_cv):
    found = compare(make_cv("dice"), make_cv("lovasz", lambda *_: 0.05))
    sentence, seeds = found.sentences()
    assert sentence.startswith("lovasz is better than dice by 0.0")
    assert "12 patients; unlikely to be noise (p" in sentence
    assert "one network a fold" in seeds


def test_the_better_one_is_named_first_whatever_the_order(make_cv):
    better = make_cv("lovasz", lambda *_: 0.05)
    assert compare(better, make_cv("dice")).sentences()[0].startswith("lovasz is better than dice by 0.0")


def test_noise_is_called_that_with_what_would_have_been_seen(make_cv):
    sentence = compare(make_cv("dice"), make_cv("lovasz")).sentences()[0]
    assert sentence.startswith("no difference can be shown with 12 patients: lovasz minus dice is ")
    assert "or more would be found in 4 of 5 such studies" in sentence


def test_three_patients_are_told_that_nothing_could_be_shown(make_cv):
    few = {"patients": 3, "folds": 3}
    sentence = compare(make_cv("dice", **few), make_cv("lovasz", lambda *_: 0.2, **few)).sentences()[0]
    assert sentence.startswith("no difference can be shown with 3 patients")
    assert "only 3 of them differ: too few to show any" in sentence


def test_one_patient(make_cv):
    one = {"patients": 1, "folds": 1}
    found = compare(make_cv("dice", **one), make_cv("lovasz", **one))
    assert found.sentences()[0].startswith("no difference can be shown with one patient")


def test_identical_runs(make_cv, tmp_path):
    first = make_cv("dice")
    shutil.copytree(first.path, tmp_path / "copy")
    found = compare_runs([read_folder(first.path), read_folder(tmp_path / "copy")])
    assert "have the same IoU on every frame, 12 patients" in found.sentences()[0]
    assert len(set(found.aligned.names)) == 2


def test_seeds_are_averaged_for_each_frame_and_their_noise_is_shown(make_cv):
    seeds = {"seeds": (0, 1, 2), "noise": 0.001}
    found = compare(make_cv("dice"), make_cv("lovasz", lambda p, f, s: (0.0, 0.01, 0.05)[s], **seeds))
    assert found.aligned.by_seed[0] == []
    low, middle, high = found.aligned.by_seed[1]
    assert (middle - low, high - low) == (pytest.approx(0.01, abs=2e-3), pytest.approx(0.05, abs=2e-3))
    assert found.means[1].value == pytest.approx((low + middle + high) / 3)
    assert found.means[1].frames == found.means[0].frames
    assert "(lovasz, 3 seeds)" in found.sentences()[1]
    assert "no more than another seed can change" in found.sentences()[0]


def test_a_seed_that_lacks_a_fold_says_nothing_of_noise(make_cv):
    folder = make_cv("dice", seeds=(0, 1))
    folder.note(folder.members()[-1], state="failed")
    found = compare(folder, make_cv("lovasz"), common_frames=True)
    assert found.aligned.by_seed[0] == []
    assert any("fold2_seed1 not finished" in line for line in found.aligned.warnings)


def test_several_runs_are_corrected_together_or_against_the_first(make_cv):
    runs = [make_cv(name) for name in ("dice", "lovasz", "focal")]
    found = compare(*runs)
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("dice", "lovasz"), ("dice", "focal"), ("lovasz", "focal"),
    ]  # fmt: skip
    assert all(pair.p_adjusted >= pair.p_value for pair in found.pairs)
    assert "after Holm over 3 comparisons" in found.sentences()[0]
    assert len(compare(*runs, baseline=True).pairs) == 2


def test_other_data_split_and_frames_are_refused_and_all_named(make_cv):
    other = make_cv("lovasz", patients=9, hashes=("e" * 64, "t" * 64))
    with pytest.raises(ConfigError) as error:
        compare(make_cv("dice"), other)
    for part in ("data hash: dddddddddddd (dice), eeeeeeeeeeee (lovasz)", "split hash: ", "24 (dice), 18 (lovasz); 18",
                 "--common-frames"):  # fmt: skip
        assert part in str(error.value)


def test_what_all_share_is_compared_on_request_with_a_warning(make_cv):
    other = make_cv("lovasz", patients=9, hashes=("e" * 64, "t" * 64))
    found = compare(make_cv("dice"), other, common_frames=True)
    assert found.pairs[0].difference.patients == 9
    assert sum("NOT THE SAME" in line for line in found.to_dict()["warnings"]) == 3


def test_frames_with_another_reference_are_left_out(make_cv):
    first, second = make_cv("dice"), make_cv("lovasz", hashes=("e" * 64, "s" * 64))
    file = second.run_dir(second.members()[0]) / "validation.csv"
    file.write_text(
        file.read_text().replace("p0_0,p0,gland", "p0_0,p0,gland", 1).replace(",100,scored", ",99,scored", 1)
    )
    found = compare(first, second, common_frames=True)
    assert len(found.aligned.image_ids) == 23
    assert any("1 frame(s) left out" in line for line in found.aligned.warnings)


def test_an_unfinished_fold_is_no_silent_difference(make_cv):
    partial = make_cv("lovasz")
    partial.note(partial.members()[1], state="failed", error="NaN loss")
    with pytest.raises(ConfigError, match=r"frames: 24 \(dice\), 16 \(lovasz\); 16 in common"):
        compare(make_cv("dice"), partial)


def test_no_common_frame(make_cv):
    first, second = make_cv("dice"), make_cv("lovasz")
    first.note(first.members()[0], state="failed")
    for member in second.members()[1:]:
        second.note(member, state="failed")
    with pytest.raises(ConfigError, match="nothing is left to compare"):
        compare(first, second, common_frames=True)


def test_a_class_alone_and_one_that_is_not_there(make_cv):
    runs = make_cv("dice"), make_cv("lovasz")
    assert compare(*runs, class_name="lesion").means[0].frames == 20
    with pytest.raises(ConfigError, match="--class nerve: not a class of dice, lovasz; there: gland, lesion"):
        compare(*runs, class_name="nerve")


def test_a_score_that_is_undefined_everywhere(make_cv):
    runs = make_cv("dice"), make_cv("lovasz")
    for folder in runs:
        for member in folder.members():
            file = folder.run_dir(member) / "validation.csv"
            lines = file.read_text().splitlines()
            file.write_text(
                "\n".join([lines[0], *(",".join([*x.split(",")[:3], "", "", "0,0,0,both empty"]) for x in lines[1:])])
            )
    with pytest.raises(ConfigError, match="iou is undefined on every frame"):
        compare(*runs)


def test_frames_without_patients_are_patients_of_their_own_and_that_is_said(make_cv):
    found = compare(make_cv("dice", grouped=False), make_cv("lovasz", grouped=False))
    assert found.pairs[0].difference.patients == 24
    assert "24 frames" in found.sentences()[0]
    assert any("no patient ids" in line for line in found.aligned.warnings)


def test_the_same_run_twice_and_a_run_alone_are_refused(make_cv):
    run = read_folder(make_cv("dice").path)
    with pytest.raises(ConfigError, match="given twice"):
        compare_runs([run, run])
    with pytest.raises(ConfigError, match="two runs or more"):
        compare_runs([run])


def test_a_run_folder_and_an_evaluation_of_the_same_part(make_cv, tmp_path):
    cv = make_cv("dice")
    run = tmp_path / "run"
    shutil.copytree(cv.run_dir(cv.members()[0]), run)
    write_json(run / "split.json", {"hash": "s" * 64, "grouped": True})
    write_json(run / "data.json", {"data_hash": "d" * 64, "frames": {}})
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    shutil.copy(run / "validation.csv", evaluation / "frames.csv")
    summary = {"part": "validation", "data_hash": "d" * 64, "split_hash": "s" * 64, "includes_training_frames": False}
    write_json(evaluation / "summary.json", summary)
    found = compare_runs([load_run(str(run), NOWHERE), load_run(str(evaluation), NOWHERE)])
    assert found.pairs[0].identical
    write_json(evaluation / "summary.json", summary | {"part": "train", "includes_training_frames": True})
    with pytest.raises(ConfigError, match="trained on"):
        compare_runs([read_folder(run), read_folder(evaluation)], common_frames=True)


def test_runs_of_mlflow_are_fetched_from_its_store(make_cv, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    experiment = client.create_experiment("trus", artifact_location=str(tmp_path / "artifacts"))
    ids = []
    for folder in (make_cv("dice"), make_cv("lovasz", lambda *_: 0.05)):
        write_out_of_fold(folder, folder.members())
        write_json(folder.path / "split.json", {"hash": "s" * 64, "grouped": True})
        tags = {"trus.kind": "cv", "trus.data_hash": "d" * 64, "trus.split_hash": "s" * 64}
        run = client.create_run(experiment, run_name=f"{folder.read().name} with=all that=was set", tags=tags)
        for name in ("out_of_fold.csv", "split.json", "cv.json"):
            client.log_artifact(run.info.run_id, str(folder.path / name))
        ids.append(run.info.run_id)
        shutil.rmtree(folder.path)
    found = run_comparison(ids, tmp_path / "out", uri)
    assert found.sentences()[0].startswith("lovasz is better than dice")
    with pytest.raises(ConfigError, match="no such folder, and no such run"):
        load_run("0" * 32, uri)
    with pytest.raises(ConfigError, match=r"no such folder, and .*such.db"):
        load_run("0" * 32, NOWHERE)


def test_runs_of_one_name_are_told_apart_by_their_settings_and_common_ones_are_left_out(make_cv):
    folders = [make_cv("unet dice lr=1 folds=3"), make_cv("unet dice lr=1 folds=3"), make_cv("unet dice lr=2 folds=3")]
    for folder, rate in zip(folders, (0.1, 0.2, 0.3), strict=True):
        folder.write(replace(folder.read(), config={"optimizer": {"lr": rate}, "outputs": f"/tmp/{rate}"}))
    names = compare(*folders).aligned.names
    assert names == ["unet dice lr=1 optimizer.lr=0.1", "unet dice lr=1 optimizer.lr=0.2", "unet dice lr=2"]


def test_a_sweeps_folder_stands_for_its_runs(make_cv, tmp_path):
    for number, folder in enumerate([make_cv("dice"), make_cv("lovasz")] * 2):
        write_json(tmp_path / f"sweep/{number}/job.json", {"cv_folder": str(folder.path), "member": None})
    assert len(run_comparison([str(tmp_path / "sweep")], tmp_path / "out", NOWHERE).runs) == 2


@pytest.mark.parametrize("count", [2, 4])
def test_the_command_writes_tables_and_a_figure(make_cv, tmp_path, count):
    gains = {"b": lambda *_: 0.05}
    folders = [str(make_cv(name, gains.get(name, lambda *_: 0.0)).path) for name in "abcd"[:count]]
    result = CliRunner().invoke(app, ["compare", *folders, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "b is better than a by" in result.output
    assert "Research use only" in result.output
    assert (tmp_path / "out/comparison.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "out/comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count * (count - 1) / 2
    assert float(rows[0]["difference_low"]) < float(rows[0]["difference"]) < float(rows[0]["difference_high"])
    with (tmp_path / "out/patients.csv").open() as file:
        assert len(list(csv.reader(file))) == 13
    document = json.loads((tmp_path / "out/comparison.json").read_text())
    assert document["pairs"][0]["shown"] is True
    assert document["runs"][0]["split_hash"] == "s" * 64


def test_folders_of_nothing_and_damaged_tables_are_named(tmp_path):
    with pytest.raises(ConfigError, match="nothing scored here"):
        read_folder(tmp_path)
    (tmp_path / "validation.csv").write_text("image_id,iou\na,1\n")
    with pytest.raises(ConfigError, match="columns missing: patient_id, class, dice"):
        read_folder(tmp_path)


def test_comparing_folders_imports_neither_mlflow_nor_torch(make_cv, tmp_path):
    folders = [str(make_cv(name).path) for name in "ab"]
    code = (
        "import sys; from pathlib import Path; from trus.evaluation.comparison.run import run_comparison; "
        f"run_comparison({folders}, Path({str(tmp_path / 'out')!r}), 'x'); "
        "print({'mlflow', 'torch', 'hydra'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert result.stdout.strip() == "set()"
