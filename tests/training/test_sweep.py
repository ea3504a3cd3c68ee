"""A real sweep in a process of its own: a failing job, the table, its run in MLflow, the exit code."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from mlflow import MlflowClient
from omegaconf import OmegaConf

from trus.config import check_train_config

ROOT = Path(__file__).parents[2]
ABLATIONS = sorted((ROOT / "conf" / "experiment").glob("ablation_*.yaml"))
TINY = [
    *("experiment=ablation_loss", "data=phantom", "data.phantom.patients=6", "data.phantom.frames=2", "split.folds=2"),
    *("preprocessing.size=[32,32]", "model.widths=[8,16]", "model.context=[1]", "data.workers=0", "trainer=cpu"),
    *("trainer.max_epochs=1", "trainer.precision=32"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """An ablation of two losses with one learning rate that is refused: (outputs, what it printed)."""
    outputs = tmp_path_factory.mktemp("outputs")
    places = [f"outputs={outputs}", f"hydra.sweep.dir={outputs}/sweeps/first"]
    command = [sys.executable, "scripts/train.py", *TINY, *places, "loss=dice_bce,lovasz", "optimizer.lr=1e-3,-1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return outputs, subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


def test_it_ends_in_a_table_and_an_error_that_names_the_cause(swept):
    outputs, result = swept
    assert result.returncode == 1
    assert "4 configurations, best first" in result.stdout, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "optimizer.lr=-1" in result.stderr
    with (outputs / "sweeps/first/sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["finished", "finished", "failed", "failed"]
    assert {row["networks_finished"] for row in rows[:2]} == {"2"}
    assert all("greater than 0" in row["error"] for row in rows[2:])
    document = json.loads((outputs / "sweeps/first/sweep.json").read_text())
    assert document["lines"][0]["difference_to_best"] is None


def test_mlflow_keeps_it_as_a_run_of_its_own(swept):
    outputs, _ = swept
    client = MlflowClient(f"sqlite:///{outputs}/mlflow.db")
    experiment = client.get_experiment_by_name("trus").experiment_id
    (run,) = client.search_runs([experiment], "tags.`trus.kind` = 'sweep'")
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"sweep.csv", "sweep.json", "sweep.png"}
    assert run.info.status == "FINISHED"


def test_its_runs_can_be_compared(swept, tmp_path):
    outputs, _ = swept
    command = [Path(sys.executable).parent / "trus", "compare", outputs / "sweeps/first", "-o", tmp_path]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "comparison.png").is_file()


@pytest.mark.parametrize("file", ABLATIONS, ids=lambda file: file.stem)
def test_every_setting_of_an_ablation_composes_to_a_cross_validation(file):
    params = yaml.safe_load(file.read_text())["hydra"]["sweeper"]["params"]
    (sweep,) = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    settings = [f"{sweep.key_or_group}={value}" for value in sweep.sweep_string_iterator()]
    assert len(settings) >= 3
    configs = []
    for setting in settings:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            overrides = [
                f"experiment={file.stem}",
                setting,
                "data.manifest=m.csv",
                "outputs=/tmp/o",
                "run_dir=/tmp/o/r",
            ]
            config = OmegaConf.to_container(compose("train", overrides), resolve=True)
        check_train_config(config)
        assert config["split"]["fold"] == "all"
        assert config["model"]["encoder_weights"] is None
        configs.append(json.dumps(config))
    assert len(set(configs)) == len(settings)
