"""A training config for the shared small data set, and running it in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from trus.data.datamodule import FrameDataModule
from trus.training.document import build_metadata
from trus.training.module import SegmentationTask
from trus.training.reproduce import resolve_or_restore
from trus.training.run import train

CONF = Path(__file__).parents[2] / "conf"
SMALL = [
    *("model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[32,32]"),
    *("data.batch_size=4", "data.workers=0", "split.folds=2", "trainer=cpu", "trainer.precision=32", "logger=none"),
    *("trainer.max_epochs=2", "augmentation=none", "optimizer.lr=3e-3"),
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small only lose by a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def config(dataset: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Overrides -> the resolved config of a small network on `dataset`, everything written below tmp_path."""

    def make(*overrides: str) -> dict[str, Any]:
        places = [f"data.manifest={dataset}/manifest.csv", f"outputs={tmp_path}", f"run_dir={tmp_path}/run"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            composed = compose("train", [*SMALL, *places, *overrides])
        return OmegaConf.to_container(composed, resolve=True)

    return make


@pytest.fixture
def job(dataset: Path, tmp_path: Path, quick_export: None) -> Iterator[Callable[..., float | None]]:
    """Overrides -> what `train` returns, as a job of Hydra would call it; everything is written below tmp_path."""

    def run(*overrides: str, multirun: bool = False, manifest: Path = dataset / "manifest.csv") -> float | None:
        mode = ["hydra.mode=MULTIRUN"] if multirun else ["hydra.mode=RUN"]
        places = [f"data.manifest={manifest}", f"outputs={tmp_path}", f"hydra.runtime.output_dir={tmp_path}/job"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            composed = compose("train", [*mode, *SMALL, *places, *overrides], return_hydra_config=True)
        HydraConfig.instance().set_config(composed)
        with open_dict(composed):
            del composed["hydra"]
        return train(resolve_or_restore(composed))

    yield run
    HydraConfig.instance().cfg = None


@pytest.fixture
def quick_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the first exporter, which takes seconds: the second one and the parity gate are the real thing."""

    def give_up(*_: Any) -> bytes:
        raise RuntimeError("left out by the test")

    monkeypatch.setattr("trus.training.export._dynamo", give_up)


@pytest.fixture
def prepared(config: Callable[..., dict[str, Any]]) -> Callable[..., tuple[SegmentationTask, FrameDataModule]]:
    """Overrides -> the task and its prepared data."""

    def make(*overrides: str) -> tuple[SegmentationTask, FrameDataModule]:
        settings = config(*overrides)
        pl.seed_everything(0, verbose=False)
        groups = (settings[name] for name in ("data", "preprocessing", "augmentation", "split"))
        data = FrameDataModule(*groups)
        data.prepare()
        metadata = build_metadata(settings, data, None, {"model": "unet_small"})
        return SegmentationTask(metadata, settings), data

    return make


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., pl.Trainer]:
    """Keyword arguments -> a quiet CPU trainer."""

    def make(**settings: Any) -> pl.Trainer:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        quiet |= {"enable_checkpointing": bool(settings.get("callbacks")), "num_sanity_val_steps": 0}
        quiet |= {"accelerator": "cpu", "max_epochs": 1, "default_root_dir": tmp_path, "log_every_n_steps": 1}
        return pl.Trainer(**(quiet | settings))

    return make
