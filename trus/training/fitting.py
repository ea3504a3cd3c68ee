"""Fitting one network with Lightning, from its config and prepared data to what it leaves behind."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from trus.data.datamodule import FrameDataModule
from trus.errors import TrainingError
from trus.training.callbacks import AtomicCheckpointIO, ExportBest, GracefulStop
from trus.training.distributed import shared, together
from trus.training.document import build_metadata
from trus.training.module import SegmentationTask
from trus.training.outcome import Outcome, deliver
from trus.training.precision import resolve_precision
from trus.training.run_logger import RunLogger


@dataclass(frozen=True)
class Fitted:
    """Epochs done, whether a person stopped it, what it left (None: nothing validated), seconds of fit alone."""

    epochs: int
    stopped: bool
    outcome: Outcome | None
    seconds: float


class TrainingEnd(Callback):
    """Measures training with its validation, and says when nothing but the export is left to do."""

    def __init__(self, trained: Callable[[int, float], object]):
        self.trained = trained
        self.seconds = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start of the first validation or step."""
        self._start = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Told unless a signal ended training."""
        self.seconds = time.perf_counter() - self._start
        stops = [c for c in trainer.callbacks if isinstance(c, GracefulStop)]  # type: ignore[attr-defined]
        if not any(c.stopped or c.terminated for c in stops):
            self.trained(trainer.current_epoch, self.seconds)


def fit(
    config: dict[str, Any],
    data: FrameDataModule,
    logger: RunLogger | None,
    choices: dict[str, str],
    trained: Callable[[int, float], object] = lambda epochs, seconds: None,
) -> Fitted:
    """Train as `config` says, seeded by its seed alone, on the fold that `data` has been told to use.

    `trained` is called with epochs and seconds when training has come to its own end, before the export. Raises
    TrainingError when the loss is not finite or memory does not suffice.
    """
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    task = SegmentationTask(build_metadata(config, data, logger, choices), config)
    end = TrainingEnd(trained)
    callbacks = [end, *(hydra.utils.instantiate(node) for node in config["callbacks"].values() if node)]
    trainer = make_trainer(config, callbacks, logger)
    device = f"{trainer.strategy.root_device}{shared(trainer, config)}"
    where = f"{choices.get('model')} on {device}, precision {trainer.precision}"
    counts = f"{len(data.training_frames)} training and {len(data.validation_frames)} validation frames"
    if trainer.is_global_zero:
        print(f"{where}, {counts}", flush=True)
    try:
        with together(trainer):
            trainer.fit(task, datamodule=data, ckpt_path=config["ckpt_path"], weights_only=True)
    except RuntimeError as error:
        if any(words in str(error).lower() for words in ("out of memory", "can't allocate memory")):
            raise TrainingError(
                f"out of memory: lower data.batch_size (now {config['data']['batch_size']}; "
                "trainer.accumulate_grad_batches makes up for it) or preprocessing.size"
            ) from error
        raise
    stopped = any(c.stopped for c in callbacks if isinstance(c, GracefulStop))
    outcomes = [c.outcome for c in callbacks if isinstance(c, ExportBest)]
    return Fitted(trainer.current_epoch, stopped, outcomes[0] if outcomes else None, end.seconds)


def deliver_trained(config: dict[str, Any], data: FrameDataModule, logger: RunLogger | None) -> Outcome:
    """What `fit` leaves behind, of a network that was trained to its end before. Raises ModelFileError."""
    best = Path(config["run_dir"]) / "checkpoints" / "best.ckpt"
    export: ExportBest = hydra.utils.instantiate(config["callbacks"]["export"])
    return deliver(best, None, data, logger, export.wanted)


def make_trainer(config: dict[str, Any], callbacks: list[Any], logger: RunLogger | None) -> pl.Trainer:
    """Lightning's trainer as the config group says, with precision resolved and checkpoints written atomically."""
    settings = dict(config["trainer"])
    settings["precision"] = resolve_precision(settings["precision"], settings["accelerator"])
    settings.setdefault("enable_progress_bar", sys.stderr.isatty())
    return hydra.utils.instantiate(
        settings,
        callbacks=callbacks,
        logger=logger or False,
        default_root_dir=config["run_dir"],
        plugins=[AtomicCheckpointIO()],
        enable_model_summary=False,
        _convert_="all",
    )
