"""The packages as they are handed on: what the wheel holds, and that it runs where nothing else of this folder is."""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trus.data.images import read_mask, write_image

from ..conftest import draw_frame

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
PACKAGED = ("trus", "hydra_plugins")


def uv(*arguments: object) -> None:
    """Run uv without the network. Skips where its cache does not hold what is needed."""
    command = [UV, "--offline", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "network was disabled" in " ".join(done.stderr.split()):
        pytest.skip(f"uv's cache does not hold what this needs: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stderr


def tracked() -> Iterator[str]:
    """Files of the repository, or a skip where this is no clone."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no clone: git does not say which files belong to it")
    return (name for name in done.stdout.split("\0") if name and (ROOT / name).exists())


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it."""
    if not UV.exists():
        pytest.skip("there is no uv beside this Python")
    folder = tmp_path_factory.mktemp("packages")
    uv("build", "--build-constraint", "requirements-build.lock", "--out-dir", folder)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and what it depends on, without any extra."""
    environment = tmp_path_factory.mktemp("empty")
    uv("venv", "--no-project", "--python", sys.executable, environment / "venv")
    python = environment / "venv/bin/python"
    uv("pip", "install", "--python", python, "--constraint", "requirements-serve.lock", packages[1])
    return python.parent


def run(program: Path, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as somebody who has neither this folder nor this environment."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "TRUS"))}
    return subprocess.run(
        [program, *map(str, arguments)], cwd=folder, env=bare, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_all_of_the_package_and_nothing_else(packages):
    with zipfile.ZipFile(packages[1]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {name for name in tracked() if name.startswith(tuple(f"{each}/" for each in PACKAGED))}


def test_the_sdist_holds_every_file_of_the_repository(packages):
    with tarfile.open(packages[0]) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert {*tracked()} <= held


def test_a_frame_is_segmented_where_only_the_wheel_is(installed, tiny_model, tmp_path):
    image, labels = draw_frame(10, (80, 96))
    write_image(tmp_path / "frame.png", image)

    done = run(installed / "trus", "predict", "--model", tiny_model.onnx, "frame.png", "-o", "masks", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    mask = read_mask(next((tmp_path / "masks/masks").glob("*.png")))
    assert mask.shape == labels.shape
    assert np.mean((mask > 0) == (labels > 0)) > 0.95


def test_a_model_file_is_described_where_only_the_wheel_is(installed, tiny_model, tmp_path):
    done = run(installed / "trus", "inspect", tiny_model.onnx, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "tiny" in done.stdout
    assert "gland, contains lesion" in done.stdout


def test_the_small_install_has_no_training_stack_and_runs_its_own_copy(installed, tmp_path):
    code = "import importlib.util as u, trus; print(trus.__file__, u.find_spec('torch'), u.find_spec('fastapi'))"
    file, torch, fastapi = run(installed / "python", "-c", code, folder=tmp_path).stdout.split()

    assert Path(file).is_relative_to(installed.parent)
    assert (torch, fastapi) == ("None", "None")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["serve", "--model"], "serve"),
        (["app", "--no-browser", "--model"], "serve"),
        (["quantize", "--manifest", "manifest.csv"], "train"),
    ],
)
def test_a_command_that_needs_more_says_what_to_install(installed, tiny_model, tmp_path, arguments, extra):
    done = run(installed / "trus", *arguments, tiny_model.onnx, folder=tmp_path)

    assert done.returncode == 1
    assert f"pip install 'trus[{extra}]'" in done.stderr
