"""Fixtures that many tests share: a small synthetic data set, and a tiny trained network as .onnx and .ckpt."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from trus.data.classes import Classes
from trus.data.images import write_image
from trus.data.manifest import Manifest, write_manifest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

LONG = (
    "scaling/test_slurm.py",
    "scaling/test_ddp.py",
    "test_end_to_end.py",
    "training/test_cross_validation_processes.py",
    "scaling/test_launchers.py",
    "app/test_benchmark_app.py",
    "tuning/",
    "training/",
    "docs/",
)
"""What takes longest begins first: started last it would run alone at the end, while the other cores idle."""

CLASSES = {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
TINY_PREPROCESSING = {"size": [32, 32], "channels": "grey", "resize": "stretch"}
TINY_NETWORK = {
    "_target_": "trus.models.unet_small.build",
    "widths": [8, 16],
    "context": [1],
    "encoder_weights": None,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(root).as_posix()
        return next((place for place, start in enumerate(LONG) if path.startswith(start)), len(LONG))

    items.sort(key=place)


def draw_frame(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright disc (1, gland) and a darker one inside it (2, lesion): image and labels, uint8 (H, W)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    cy, cx = shape[0] / 2 + random.uniform(-5, 5), shape[1] / 2 + random.uniform(-8, 8)
    labels = np.where(np.hypot(y - cy, x - cx) < 28, 1, 0)
    labels[np.hypot(y - cy - 4, x - cx + 8) < 12] = 2
    image = np.choose(labels, [60, 190, 120]) + random.normal(0, 12, shape)
    return image.clip(0, 255).astype(np.uint8), labels.astype(np.uint8)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with manifest.csv, classes.json, images/ and masks/; read only (`dataset_copy` is there to be damaged).

    Patients p1 to p6 with frames pN_0 and pN_1, 80 rows x 96 columns; p5 and p6 are test patients. p3_0 and p6_1 are
    88 x 112. p1_0 has an empty mask, p2_1 none. All have a spacing but those of p4; those of p1 and p5 have a region.
    """
    folder = tmp_path_factory.mktemp("dataset")
    rows = []
    for patient in range(1, 7):
        for number in range(2):
            name = f"p{patient}_{number}"
            image, labels = draw_frame(10 * patient + number, (88, 112) if name in ("p3_0", "p6_1") else (80, 96))
            if name == "p1_0":
                labels[:] = 0
            write_image(folder / "images" / f"{name}.png", image)
            if name != "p2_1":
                write_image(folder / "masks" / f"{name}.png", labels)
            row = {
                "image_id": name,
                "image": f"images/{name}.png",
                "mask": "" if name == "p2_1" else f"masks/{name}.png",
                "patient_id": f"p{patient}",
                "split": "test" if patient >= 5 else "train",
                "source": "drawn by tests/conftest.py",
                "licence": "CC0-1.0",
            }
            if patient != 4:
                row |= {"spacing_row_mm": 0.2, "spacing_col_mm": 0.25}
            if patient in (1, 5):
                row |= {"region_x0": 8, "region_y0": 4, "region_x1": 88, "region_y1": 76}
            rows.append(row)
    write_manifest(folder / "manifest.csv", rows)
    Classes.from_dict(CLASSES).save(folder / "classes.json")
    return folder


@pytest.fixture
def dataset_copy(dataset: Path, tmp_path: Path) -> Path:
    """A copy of `dataset` that a test may change."""
    return Path(shutil.copytree(dataset, tmp_path / "dataset"))


@pytest.fixture
def manifest(dataset: Path) -> Manifest:
    """The manifest of `dataset`."""
    return Manifest.load(dataset / "manifest.csv")


@pytest.fixture
def edit_cell(dataset_copy: Path) -> Callable[[str, str, str], Path]:
    """Change one cell of the manifest of `dataset_copy`: (image_id, column, text) -> the manifest's path."""
    import pandas as pd

    def edit(image_id: str, column: str, text: str) -> Path:
        path = dataset_copy / "manifest.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.loc[table["image_id"] == image_id, column] = text
        table.to_csv(path, index=False)
        return path

    return edit


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 64 KiB. Skips where mounting is not permitted."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@dataclass(frozen=True)
class TinyModel:
    """One small trained network twice: exported and as a checkpoint. 32 x 32 grey in, gland and lesion out."""

    onnx: Path
    ckpt: Path


@pytest.fixture(scope="session")
def tiny_model(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """unet_small, trained for seconds on `dataset` until it finds most of the discs."""
    import torch

    from trus.inference.pytorch import CHECKPOINT_KEY
    from trus.models.build import build_network
    from trus.training.export import export_model

    folder = tmp_path_factory.mktemp("model")
    images, targets = _tiny_batch(Manifest.load(dataset / "manifest.csv"))
    torch.manual_seed(0)
    network = build_network(TINY_NETWORK, 1, 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network only waits for further ones
    _train(network, images, targets, steps=40)
    torch.set_num_threads(threads)
    metadata = _tiny_metadata(dataset)
    export_model(network, metadata, images[:3].numpy(), folder / "tiny.onnx")
    checkpoint = {
        "state_dict": {f"network.{name}": value for name, value in network.state_dict().items()},
        "hyper_parameters": {CHECKPOINT_KEY: metadata.model_dump_json()},
        "epoch": 3,
    }
    torch.save(checkpoint, folder / "tiny.ckpt")
    return TinyModel(folder / "tiny.onnx", folder / "tiny.ckpt")


def _train(network, images, targets, steps: int) -> None:
    import torch

    optimizer = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(steps):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _tiny_batch(manifest: Manifest):
    import torch

    from trus.data.images import read_frame, read_mask
    from trus.preprocessing import Preprocessor

    preprocessor = Preprocessor.from_dict(TINY_PREPROCESSING)
    images, targets = [], []
    for frame in manifest.frames:
        if frame.mask is not None and frame.image_id != "p1_0":
            image, geometry = preprocessor(read_frame(frame.image), frame.region)
            images.append(image)
            targets.append(geometry.forward_planes(manifest.classes.planes(read_mask(frame.mask))))
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets)).float()


def _tiny_metadata(dataset: Path):
    from trus import __version__
    from trus.inference.metadata import ModelMetadata, Provenance, Training
    from trus.preprocessing import Preprocessor

    return ModelMetadata(
        name="tiny",
        created="2026-11-23T00:00:00+00:00",
        trus_version=__version__,
        classes=Classes.load(dataset / "classes.json").to_dict(),
        thresholds=[0.5, 0.5],
        preprocessing=Preprocessor.from_dict(TINY_PREPROCESSING).to_dict(),
        input_shape=(1, 32, 32),
        training=Training(
            data_hash="0" * 64,
            split_hash="0" * 64,
            fold=0,
            seed=0,
            epoch=0,
            initial_weights="random",
            initial_weights_licence="none needed",
            config=TINY_NETWORK,
        ),
        data=Provenance(sources=["drawn by tests/conftest.py"], licences=["CC0-1.0"], frames=11, patients=6, cropped=0),
    )
