"""Learning-rate schedules over a whole training run, and how Lightning is told about any schedule."""

import inspect
import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trus.errors import ConfigError

MONITOR = "val/iou"


def cosine(optimizer: Optimizer, total_steps: int, warmup_fraction: float = 0.05, min_factor: float = 0.01) -> LambdaLR:
    """Linear warm-up, then half a cosine down to `min_factor` of the learning rate (Loshchilov & Hutter, ICLR 2017).

    `total_steps`: optimiser steps of the whole run. `warmup_fraction`: share of them in [0, 1). `min_factor`: [0, 1].
    """
    return _decaying(
        optimizer, total_steps, warmup_fraction, min_factor, lambda done: 0.5 * (1 + math.cos(math.pi * done))
    )


def polynomial(
    optimizer: Optimizer,
    total_steps: int,
    warmup_fraction: float = 0.05,
    min_factor: float = 0.0,
    power: float = 0.9,
) -> LambdaLR:
    """Linear warm-up, then (1 - done) ** power down to `min_factor` of the learning rate (DeepLab, PAMI 2018).

    `total_steps`, `warmup_fraction`, `min_factor` as for `cosine`; `power` above 0, 1 is a straight line.
    """
    if power <= 0:
        raise ConfigError(f"scheduler.power={power}: must be above 0")
    return _decaying(optimizer, total_steps, warmup_fraction, min_factor, lambda done: (1 - done) ** power)


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """Leave the learning rate as it is; a scheduler all the same, so that the learning rate is logged."""
    return LambdaLR(optimizer, lambda step: 1.0)


def configure(partial: Callable[..., Any] | None, optimizer: Optimizer, total_steps: float) -> dict[str, Any]:
    """Build the scheduler and return Lightning's `lr_scheduler` dict for it.

    `partial`: a scheduler that still lacks its optimiser (a `_partial_` node of conf/scheduler), or None for a
    constant learning rate. One that takes `total_steps` gets it and moves every step; any other moves every epoch,
    on `val/iou` where it is ReduceLROnPlateau. `total_steps`: optimiser steps of the run, Lightning's
    `trainer.estimated_stepping_batches`. Raises `ConfigError` where a schedule needs it and it is infinite or 0.
    """
    build: Callable[..., Any] = constant if partial is None else partial
    if "total_steps" in inspect.signature(build).parameters:
        return {"scheduler": build(optimizer, total_steps=_finite(total_steps)), "interval": "step"}
    scheduler = build(optimizer)
    monitored = {"monitor": MONITOR} if isinstance(scheduler, ReduceLROnPlateau) else {}
    return {"scheduler": scheduler, "interval": "epoch", **monitored}


def _finite(total_steps: float) -> int:
    if not 1 <= total_steps < math.inf:
        raise ConfigError(
            f"the schedule needs a run of known length, not {total_steps} steps: set trainer.max_epochs or "
            "trainer.max_steps, or use scheduler=plateau"
        )
    return int(total_steps)


def _decaying(
    optimizer: Optimizer,
    total_steps: int,
    warmup_fraction: float,
    min_factor: float,
    shape: Callable[[float], float],
) -> LambdaLR:
    if not 0 <= warmup_fraction < 1:
        raise ConfigError(f"scheduler.warmup_fraction={warmup_fraction}: must be at least 0 and below 1")
    if not 0 <= min_factor <= 1:
        raise ConfigError(f"scheduler.min_factor={min_factor}: must be from 0 to 1")
    warmup = round(warmup_fraction * total_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)  # the first step is not wasted on a learning rate of 0
        # Lightning asks once more after the last step.
        done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return min_factor + (1 - min_factor) * shape(done)

    return LambdaLR(optimizer, factor)
