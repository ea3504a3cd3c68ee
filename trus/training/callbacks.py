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
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, WeightAveraging
from pytorch_lightning.plugins.io import TorchCheckpointIO

from trus.errors import ConfigError
from trus.files import atomic_path
from trus.training.outcome import Outcome, Wanted, deliver

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that ended by SIGTERM and can be started again."""


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
        values = trainer.callback_metrics  # in every process: they are brought together now
        shown = [f"{n} {values[n]:.4f}" for n in ("train/loss", "val/loss", "val/iou", "val/dice") if n in values]
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        of = f"/{trainer.max_epochs}" if trainer.max_epochs != -1 else ""  # else only the clock ends the run
        line = f"epoch {trainer.current_epoch + 1}{of}  {'  '.join(shown)}  lr {rate:.2g}"
        if trainer.is_global_zero:
            print(line, flush=True)


class AverageWeights(WeightAveraging):
    """Validates, keeps and exports a moving average of the network's weights instead of the last ones.

    `decay`: share of the average that stays at a step, in [0, 1); at first less, (1 + n) / (10 + n) at update n: the
    initial weights are soon forgotten (Polyak & Juditsky 1992; the beginning as TensorFlow's
    ExponentialMovingAverage). Training itself goes on from the last weights. Raises ConfigError.
    """

    def __init__(self, decay: float):
        if not 0 <= decay < 1:
            raise ConfigError(f"callbacks.average.decay={decay}: must be at least 0 and below 1")

        def update(average: torch.Tensor, current: torch.Tensor, updates: Any) -> torch.Tensor:
            kept = min(decay, (1 + int(updates)) / (10 + int(updates)))
            return average + (1 - kept) * (current - average)

        super().__init__(avg_fn=update)


class GracefulStop(Callback):
    """Ctrl-C: training ends after this batch, validates and goes on to the export; a second one aborts.

    SIGTERM, a scheduler's: last.ckpt is written after this batch and the process exits with TERMINATED.
    """

    def __init__(self) -> None:
        self.stopped = self.terminated = False
        self._previous: dict[int, Any] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen for Ctrl-C."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True
            if trainer.world_size == 1:
                trainer.should_stop = True
            if trainer.is_global_zero:
                print("\nstopping after this batch; Ctrl-C again to abort", file=sys.stderr, flush=True)

        self._listen(signal.SIGINT, stop)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen for SIGTERM: only now, since Lightning sets its own handler, which leaves no checkpoint, before."""

        def terminate(number: int, frame: FrameType | None) -> None:
            self.terminated = True

        self._listen(signal.SIGTERM, terminate)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Leave, with a checkpoint of this very step; after an epoch's last step it is validated first, as ever."""
        self._agree(trainer)
        if self.terminated and not trainer.is_last_batch:
            for callback in trainer.checkpoint_callbacks:
                if isinstance(callback, ModelCheckpoint) and callback.filename == "last":
                    trainer.save_checkpoint(Path(str(callback.dirpath)) / "last.ckpt")
            raise SystemExit(TERMINATED)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave; the epoch before has its checkpoint."""
        self._agree(trainer)
        if self.terminated:
            raise SystemExit(TERMINATED)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training is over: from here on both signals abort, as ever."""
        self.teardown(trainer, pl_module, "fit")
        if self.terminated:
            raise SystemExit(TERMINATED)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Leave the signals as they were."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def _listen(self, number: int, handler: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous[number] = signal.signal(number, handler)

    def _agree(self, trainer: pl.Trainer) -> None:
        """A signal may have reached only some of the processes; all leave after the same batch."""
        if trainer.world_size == 1:
            return
        if trainer.strategy.reduce_boolean_decision(self.stopped, all=False):
            self.stopped = trainer.should_stop = True
        if trainer.strategy.reduce_boolean_decision(self.terminated, all=False):
            self.terminated = True


class ExportBest(Callback):
    """At the end: evaluate the best checkpoint on the validation frames, export it, predict with the exported file."""

    def __init__(self, panels: bool, predict: bool, keep: bool = True):
        self.wanted = Wanted(keep=keep, panels=panels, predict=predict)
        self.outcome: Outcome | None = None

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leaves `outcome`, None when no checkpoint was written."""
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if best and trainer.is_global_zero:
            data = trainer.datamodule  # type: ignore[attr-defined]
            self.outcome = deliver(Path(best), pl_module.network, data, trainer.logger, self.wanted)  # type: ignore[arg-type]
