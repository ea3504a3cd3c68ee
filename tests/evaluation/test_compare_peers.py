"""scripts/compare_peers.py: the task that all peers read is fair, what they write is scored as it should be."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.phantom import write_phantom
from trus.errors import ConfigError

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return write_phantom(tmp_path_factory.mktemp("made"), patients=10, frames=2)


def without_own_test(manifest: Path) -> Path:
    """The same set without a test part, so that its folds are tested."""
    path = manifest.with_name("folds.csv")
    path.write_text(manifest.read_text().replace(",test,", ",train,"))
    return path


def perfect(task, out: Path, manifest: Path) -> None:
    """Write the reference masks as a peer's, which no peer can: test.csv names none."""
    from peers.sets import Manifest

    frames = {frame.image.resolve(): frame for frame in Manifest.load(manifest).frames}
    for case in task.test:
        task.write_prediction(out, case, task.read_classes(frames[case.image.resolve()].mask))


def test_folds_divide_no_patient_and_test_each_frame_once(manifest, tmp_path):
    from peers import sets

    path = without_own_test(manifest)
    prepared = sets.prepare(str(path), tmp_path, [0, 1, 2, 3, 4])
    patient = {frame.image_id: frame.patient_id for frame in sets.Manifest.load(path).frames}
    tested = []
    for fold in prepared.folds:
        rows = {part: (fold.folder / f"{part}.csv").read_text().splitlines()[1:] for part in sets.PARTS}
        ids = {part: [row.rsplit(",", 1)[1] for row in lines] for part, lines in rows.items()}
        patients = [{patient[name] for name in ids[part]} for part in sets.PARTS]
        assert not patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2]
        assert sorted(name for part in ids.values() for name in part) == sorted(patient)
        tested += ids["test"]
    assert sorted(tested) == sorted(patient)


def test_no_peer_is_given_a_test_mask(manifest, tmp_path):
    from peers import sets
    from peers.task import Task

    fold = sets.prepare(str(manifest), tmp_path, [0]).folds[0]
    task = Task.read(fold.folder)
    assert {case.mask for case in task.test} == {None}
    assert all(case.mask.is_file() for case in [*task.train, *task.validation])
    trained = {case.image.resolve() for case in [*task.train, *task.validation]}
    known = {frame.image.resolve() for frame in sets.Manifest.load(fold.folder / "manifest.csv").frames}
    assert known == trained
    assert not known & {case.image.resolve() for case in task.test}


def test_trus_trains_on_the_same_frames_as_the_others(manifest, tmp_path):
    from peers import sets
    from peers.task import Task

    from trus.data.splits import Split

    fold = sets.prepare(str(manifest), tmp_path, [2]).folds[0]
    frames = sets.Manifest.load(fold.folder / "manifest.csv").frames
    training, validation = Split.load(fold.folder / "split.json", frames).part(0)
    image = {frame.image_id: frame.image.resolve() for frame in frames}
    task = Task.read(fold.folder)
    assert {image[name] for name in training} == {case.image.resolve() for case in task.train}
    assert {image[name] for name in validation} == {case.image.resolve() for case in task.validation}


def test_the_same_set_gives_the_same_task_and_another_size_another(manifest, tmp_path):
    from peers import sets

    first, second, larger = (
        sets.prepare(str(manifest), tmp_path, [0], size).folds[0].task_hash for size in ((64, 64), (64, 64), (96, 96))
    )
    assert first == second != larger


def test_an_absent_set_says_how_it_is_made(monkeypatch, tmp_path):
    from peers import sets

    monkeypatch.setenv("TRUS_OUTPUTS", str(tmp_path))
    with pytest.raises(ConfigError, match="trus annotations import busi"):
        sets.prepare("busi_subset", tmp_path, [0])
    with pytest.raises(ConfigError, match=r"manifest\.csv or one of usgra"):
        sets.prepare("usgar", tmp_path, [0])


def test_peers_are_named_and_given_more_time():
    from peers.fits import parse_peer

    peer = parse_peer("mine=trus:unet_small+preprocessing.size=[64,64]@10")
    assert (peer.label, peer.program, peer.times) == ("mine", "trus", 10)
    assert peer.variant == "unet_small+preprocessing.size=[64,64]"
    assert parse_peer("nnunet_small@2.5").times == 2.5
    assert parse_peer("nnunet_small@10").folder != parse_peer("nnunet_small").folder
    with pytest.raises(ConfigError, match="smp_lite0"):
        parse_peer("smp")
    with pytest.raises(ConfigError, match="wall clock"):
        parse_peer("smp_lite0@ten")


def test_commas_within_brackets_divide_no_peers():
    from compare_peers import _words

    assert _words("trus:a+preprocessing.size=[64,64],smp_lite0") == ["trus:a+preprocessing.size=[64,64]", "smp_lite0"]


def test_a_fit_counts_as_done_only_under_the_same_conditions(manifest, tmp_path):
    from peers import sets
    from peers.fits import Fit, parse_peer

    fold = sets.prepare(str(manifest), tmp_path, [0]).folds[0]
    fit = Fit(parse_peer("smp_lite0"), fold, 0, 60, 2)
    assert not fit.is_done
    fit.out.mkdir(parents=True)
    (fit.out / "fit.json").write_text(json.dumps({"task_hash": fold.task_hash, "threads": 2, "variant": "lite0"}))
    assert fit.is_done
    with pytest.raises(ConfigError, match="threads"):
        assert Fit(parse_peer("smp_lite0"), fold, 0, 60, 1).is_done


def test_scores_are_those_of_the_masks_and_pairs_are_compared(manifest, tmp_path):
    from peers import scoring, sets
    from peers.fits import Fit, parse_peer
    from peers.task import Task

    prepared = sets.prepare(str(manifest), tmp_path, [0])
    fold = prepared.folds[0]
    task = Task.read(fold.folder)
    groups = {name: [Fit(parse_peer(name), fold, 0, 60, 1)] for name in ("smp_lite0", "smp_resnet18")}
    good, empty = (group[0].out for group in groups.values())
    perfect(task, good, manifest)
    for case in task.test:
        width, height = Image.open(case.image).size
        task.write_prediction(empty, case, np.zeros((height, width), np.uint8))
    for out, others in ((good, 0.01), (empty, 0.5)):
        record = {"threads": 1, "seconds_given": 60, "steps": 7, "share_of_others": others}
        (out / "fit.json").write_text(json.dumps(record))
    runs = [scoring.score_peer(prepared, parse_peer(name), group, tmp_path) for name, group in groups.items()]
    text = scoring.tabulate(prepared, runs, groups, tmp_path)
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row["iou"]["value"] for row in rows] == [1, 0]
    assert rows[1]["difference"]["value"] == -1
    assert rows[0]["iou"]["patients"] == len({frame.patient_id for frame in prepared.frames.values()})
    assert "SYNTHETIC" in text
    assert "other programs took of the cores during smp_resnet18 50%" in text
    assert prepared.split_hash[:12] in text


def test_a_mask_of_another_size_is_refused(manifest, tmp_path):
    from peers import sets
    from peers.task import Task

    task = Task.read(sets.prepare(str(manifest), tmp_path, [0]).folds[0].folder)
    with pytest.raises(ValueError, match="shape"):
        task.write_prediction(tmp_path, task.test[0], np.zeros((3, 3), np.uint8))


def test_the_script_trains_predicts_and_scores_and_does_nothing_twice(tmp_path):
    from peers import environments

    command = [sys.executable, SCRIPTS / "compare_peers.py", "--smallest", "--out", tmp_path]
    first = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    records = {path: path.read_bytes() for path in tmp_path.rglob("fit.json")}
    assert len(records) == 1 + environments.is_ready("smp", environments.cache_folder())
    for content in records.values():
        record = json.loads(content)
        assert record["steps"] > 0
        assert 3 <= record["training_seconds"] < record["command_seconds"]
        assert record["threads"] == 1
    again = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("fit.json")} == records
    assert "SYNTHETIC" in again.stdout
