"""What the launchers say before any job is started, and where their packages are."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.scaling.conftest import ROOT, command
from trus.evaluation.cross_validation.folder import CvFolder

SWEEP = ("hydra_plugins", "hydra_joblib", "hydra_submitit", "submitit", "optuna")
"""What begins so in site-packages is of trus[sweep]."""


@pytest.fixture(scope="module")
def without_sweep(tmp_path_factory) -> dict[str, str]:
    """An environment for `python -S` that has every package but those of trus[sweep]."""
    folder = tmp_path_factory.mktemp("packages")
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith(SWEEP):
            (folder / package.name).symlink_to(package)
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.mark.parametrize("launcher", ["joblib", "slurm"])
def test_a_launcher_whose_package_is_missing_names_what_to_install(launcher, without_sweep, tmp_path):
    words = [sys.executable, "-S", "scripts/train.py", "-m", f"launcher={launcher}", "data.manifest=x"]
    done = subprocess.run([*words, f"outputs={tmp_path}"], cwd=ROOT, env=without_sweep, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: launcher={launcher}: "), done.stderr
    assert "pip install 'trus[sweep]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_file_is_refused_for_jobs_on_several_hosts(manifest_file, tmp_path):
    words = command("-m", "launcher=slurm", "split.fold=0,1", f"data.manifest={manifest_file}", f"outputs={tmp_path}")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"error: logger.tracking_uri=sqlite:///{tmp_path}/mlflow.db: with launcher=slurm" in done.stderr, done.stderr
    assert "mlflow server" in done.stderr
    assert not (tmp_path / "cv").exists()
    assert not (tmp_path / "mlflow.db").exists()


def test_jobs_side_by_side_on_one_computer_end_in_one_cross_validation_and_a_table(manifest_file, tmp_path):
    words = command("-m", "launcher=joblib", "split.folds=2", "split.fold=0,1", "trainer.max_epochs=2",
                    "data.batch_size=2", "data.workers=1", "logger=none", f"data.manifest={manifest_file}",
                    f"outputs={tmp_path}")  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 configuration" in done.stdout
    (folder,) = (CvFolder(path.parent) for path in tmp_path.glob("cv/*/cv.json"))
    assert [folder.progress(member).state for member in folder.members()] == ["finished", "finished"]
    assert (folder.path / "out_of_fold.csv").is_file()
    assert len(list(tmp_path.glob("sweeps/*/*/sweep.csv"))) == 1


def test_the_wheel_holds_the_launcher_where_hydra_looks_for_it(tmp_path):
    words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), "."]
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    if "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("the build needs hatchling from a package index, and none is in reach")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "hydra_plugins/trus_slurm_launcher.py" in names
    assert "trus/training/slurm.py" in names
    assert "hydra_plugins/__init__.py" not in names  # it would hide the other launchers
