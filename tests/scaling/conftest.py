"""What the tests of several processes and jobs share: small settings, and running the commands that people type."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CLASSES, draw_frame
from tests.scaling.slurm import Cluster, why_not
from tests.training.server import Server
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.data.manifest import write_manifest

ROOT = Path(__file__).parents[2]
SMALL = [
    *(
        "model=unet_small",
        "model.widths=[8,16]",
        "model.context=[1]",
        "preprocessing.size=[32,32]",
        "augmentation=none",
    ),
    *("data.workers=0", "trainer.accelerator=cpu", "trainer.precision=32", "scheduler=none", "optimizer.lr=3e-3"),
]


def command(*overrides: object) -> list[str]:
    """scripts/train.py with SMALL and `overrides`; -m goes before them."""
    words = [*SMALL, *map(str, overrides)]
    return [sys.executable, "scripts/train.py", *sorted(words, key=lambda word: word != "-m")]


@pytest.fixture(scope="session")
def manifest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven patients with a drawn frame each."""
    folder = tmp_path_factory.mktemp("eleven_patients")
    rows = []
    for patient in range(11):
        image, labels = draw_frame(patient, (64, 80))
        write_image(folder / f"p{patient}.png", image)
        write_image(folder / f"p{patient}_mask.png", labels)
        name = {"image_id": f"p{patient}", "image": f"p{patient}.png", "mask": f"p{patient}_mask.png"}
        rows.append(name | {"patient_id": f"p{patient}", "source": "drawn by a test", "licence": "CC0-1.0"})
    write_manifest(folder / "manifest.csv", rows)
    Classes.from_dict(CLASSES).save(folder / "classes.json")
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A SLURM node with two CPUs. Skips where there is no SLURM."""
    if reason := why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))  # a socket's path is short, pytest's folders are not
    cluster = Cluster(folder, cpus=2)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server on loopback."""
    server = Server(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()
