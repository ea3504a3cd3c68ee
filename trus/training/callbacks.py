"""Lightning callbacks: the best checkpoint, a line an epoch, a clean stop, and what is made of the best network."""

import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from trus.files import atomic_path
from trus.training.outcome import Outcome, deliver


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints appear whole or not at all, also when the disk fills up or the process is killed."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write to a temporary file in the same folder, fsync, rename."""
        with atomic_path(Path(path)) as temporary:
            try:
                torch.save(checkpoint, temporary)
            except RuntimeError as error:  # torch's writer does not say why the system refused
                raise OSError(f"{path}: the checkpoint could not be written (disk full?): {error}") from error


class BestCheckpoint(ModelCheckpoint):
    """best.ckpt by the monitored metric; a run that is gone on with in a new folder keeps the old best."""

    def __init__(self, dirpath: str, monitor: str, mode: str):
        super().__init__(
            dirpath=dirpath,
            filename="best",
            monitor=monitor,
            mode=mode,
            enable_version_counter=False,
            auto_insert_metric_name=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best checkpoint of the run that is gone on with."""
        earlier = Path(state_dict["best_model_path"])
        if self.dirpath and state_dict["dirpath"] != self.dirpath and earlier.is_file():
            copy = Path(self.dirpath) / earlier.name
            with atomic_path(copy) as temporary:
                shutil.copyfile(earlier, temporary)
            score = state_dict["best_model_score"]
            state_dict = state_dict | {
                "dirpath": self.dirpath,
                "best_model_path": str(copy),
                "best_k_models": {str(copy): score},
                "kth_best_model_path": str(copy),
            }
        super().load_state_dict(state_dict)


class EpochLines(Callback):
    """One line an epoch, in a terminal and in a log file alike."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's losses and scores."""
        values = trainer.callback_metrics
        shown = [f"{n} {values[n]:.4f}" for n in ("train/loss", "val/loss", "val/iou", "val/dice") if n in values]
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        print(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {'  '.join(shown)}  lr {rate:.2g}", flush=True)


class GracefulStop(Callback):
    """The first Ctrl-C ends training after this batch, validates and goes on to the export; the second aborts."""

    def __init__(self) -> None:
        self.stopped = False
        self._previous: Any = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen for Ctrl-C."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = trainer.should_stop = True
            print("\nstopping after this batch; Ctrl-C again to abort", file=sys.stderr, flush=True)

        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, stop)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training is over: from here on Ctrl-C aborts, as ever."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Leave Ctrl-C as it was."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None


class ExportBest(Callback):
    """At the end: evaluate the best checkpoint on the validation frames, export it, predict with the exported file."""

    def __init__(self, panels: bool, predict: bool):
        self.panels, self.predict = panels, predict
        self.outcome: Outcome | None = None

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leaves `outcome`, None when no checkpoint was written."""
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if best and trainer.is_global_zero:
            self.outcome = deliver(Path(best), trainer, pl_module, self.panels, self.predict)
