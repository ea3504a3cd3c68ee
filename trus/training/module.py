"""The LightningModule: a network, a loss, metrics and an optimiser, all from the config."""

from typing import Any, cast

import hydra
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer
from torch.nn.functional import binary_cross_entropy_with_logits

from trus.data.classes import Classes
from trus.errors import ConfigError, TrainingError
from trus.inference.metadata import ModelMetadata
from trus.inference.pytorch import CHECKPOINT_KEY
from trus.models.build import build_network
from trus.training.metrics import OverlapMetrics, stage_metrics
from trus.training.schedules import configure


class SegmentationTask(pl.LightningModule):
    """Training and validation of one network.

    `metadata` is the model file's document before training; checkpoints carry it, so that the network can be
    rebuilt from them. `config` is the resolved training config, of which loss, optimizer and scheduler are used.
    Logs train/loss, val/loss, val/iou (mean per-image IoU, what everything monitors) and the other metrics.
    """

    def __init__(self, metadata: ModelMetadata, config: dict[str, Any]):
        super().__init__()
        self.save_hyperparameters({CHECKPOINT_KEY: metadata.model_dump_json()}, logger=False)
        self.config = config
        self.threshold = float(config["threshold"])
        self.classes: Classes = metadata.class_set
        self.configure_model_and_loss(metadata)
        for stage in ("train", "val"):
            self.add_module(f"{stage}_metrics", stage_metrics(stage, self.classes.targets))

    def configure_model_and_loss(self, metadata: ModelMetadata) -> None:
        """Build the network (with its initial weights) and the loss."""
        self.network = build_network(self.config["model"], metadata.input_shape[0], len(self.classes.targets))
        self.network.to(memory_format=torch.channels_last)
        self.loss = hydra.utils.instantiate(self.config["loss"])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float32 -> logits (N, K, H, W)."""
        return self.network(image)

    def training_step(self, batch: dict[str, Any], index: int) -> torch.Tensor:
        """One batch's loss. Raises TrainingError when it is not finite."""
        return self._step(batch, "train")

    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        """Loss and metrics of one batch, without the frames that only fill up a process's share."""
        counted = batch["counted"]
        if not counted.all():
            batch = {name: batch[name][counted] for name in ("image", "target")}
        if counted.any():
            self._step(batch, "val")

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training metrics and its learning rate."""
        self._log_metrics("train")
        self.log("lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's validation metrics."""
        self._log_metrics("val")

    def configure_optimizers(self) -> Any:
        """Optimiser and, where there is one, scheduler."""
        steps = self.trainer.estimated_stepping_batches
        try:
            optimizer = hydra.utils.instantiate(self.config["optimizer"])(self.network.parameters())
            scheduler = hydra.utils.instantiate(self.config["scheduler"])
            time_used = self._time_used if self._timer() else None
            return {"optimizer": optimizer, "lr_scheduler": configure(scheduler, optimizer, steps, time_used)}
        except (TypeError, ValueError) as error:
            groups = {name: self.config[name] for name in ("optimizer", "scheduler")}
            raise ConfigError(f"optimizer or scheduler: {error}; the settings were {groups}") from error

    def _timer(self) -> Timer | None:
        return next((c for c in self.trainer.callbacks if isinstance(c, Timer)), None)  # type: ignore[attr-defined]

    def _time_used(self) -> float:
        """Share of trainer.max_time, the same in every process: else their learning rates would differ."""
        timer = cast(Timer, self._timer())
        used, left = timer.time_elapsed(), cast(float, timer.time_remaining())
        return self.trainer.strategy.broadcast(used / (used + left))

    def _step(self, batch: dict[str, Any], stage: str) -> torch.Tensor:
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        target = batch["target"]
        logits = self.network(image)
        loss = self._loss(logits, target, batch.get("taught"))
        if not self._finite_everywhere(loss):
            raise TrainingError(self._explain_loss(stage, loss))
        # a float: Lightning averages the count over processes in its own type, and 3 frames in 2 processes became 1
        frames: Any = float(len(image))
        self.log(f"{stage}/loss", loss, on_step=False, on_epoch=True, batch_size=frames, sync_dist=True)
        predicted = (logits.detach().float().sigmoid() >= self.threshold).float()
        self._metrics(stage).update(predicted, target)
        return loss

    def _loss(self, logits: torch.Tensor, target: torch.Tensor, taught: torch.Tensor | None) -> torch.Tensor:
        """Where a teacher has answered, its probabilities have `teacher.weight` in the loss, the masks the rest."""
        loss = self.loss(logits, target)
        if taught is None:
            return loss
        weight = self.config["teacher"]["weight"]
        return (1 - weight) * loss + weight * binary_cross_entropy_with_logits(logits, taught)

    def _finite_everywhere(self, loss: torch.Tensor) -> bool:
        """In every process: one that stopped alone would leave the others waiting for it."""
        finite = bool(torch.isfinite(loss))
        if self.trainer.world_size == 1 or not self.trainer.training:
            return finite
        return self.trainer.strategy.reduce_boolean_decision(finite)

    def _metrics(self, stage: str) -> OverlapMetrics:
        return cast(OverlapMetrics, self.get_submodule(f"{stage}_metrics"))

    def _log_metrics(self, stage: str) -> None:
        metrics = self._metrics(stage)
        values = {name: float(value) for name, value in metrics.compute().items()}  # the same in every process
        # with limit_*_batches no frame of an epoch may hold a target; what monitors the score still needs a number
        self.log_dict({f"{stage}/iou": 0.0, f"{stage}/dice": 0.0} | values)
        metrics.reset()

    def _explain_loss(self, stage: str, loss: torch.Tensor) -> str:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"] if self.trainer.optimizers else float("nan")
        return (
            f"{stage}/loss became {loss.item()} in epoch {self.current_epoch}, step {self.global_step} "
            f"(optimizer.lr={rate:g}, trainer.precision={self.trainer.precision}). Try a lower optimizer.lr, "
            "trainer.precision=32 or trainer.gradient_clip_val=0.5. The best checkpoint so far is kept"
        )
