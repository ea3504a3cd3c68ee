"""Learning-rate schedules over a whole training run, and how Lightning is told about any schedule."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trus.errors import ConfigError

MONITOR = "val/iou"


@dataclass(frozen=True)
class Span:
    """A whole run: at most `steps` of the optimiser, which may be infinite where the clock ends it.

    `time_used` returns the share of the time allowed that is used, from 0; None: no limit. Raises ConfigError where
    nothing ends the run.
    """

    steps: float
    time_used: Callable[[], float] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.steps < math.inf and not (self.steps == math.inf and self.time_used):
            raise ConfigError(
                f"the schedule needs a run of known length, not {self.steps} steps: set trainer.max_epochs, "
                "trainer.max_steps or trainer.max_time, or use scheduler=plateau"
            )

    def done(self, step: int) -> float:
        """Share of the run from 0 to 1 before this step, by steps or by time, whichever ends it first."""
        used = self.time_used() if self.time_used else 0.0
        return min(1.0, max(step / self.steps, used))


def cosine(optimizer: Optimizer, span: Span, warmup_fraction: float = 0.05, min_factor: float = 0.01) -> LambdaLR:
    """Linear warm-up, then half a cosine down to `min_factor` of the learning rate (Loshchilov & Hutter, ICLR 2017).

    `warmup_fraction`: share of the run in [0, 1). `min_factor`: [0, 1].
    """
    return _decaying(optimizer, span, warmup_fraction, min_factor, lambda done: 0.5 * (1 + math.cos(math.pi * done)))


def polynomial(
    optimizer: Optimizer, span: Span, warmup_fraction: float = 0.05, min_factor: float = 0.0, power: float = 0.9
) -> LambdaLR:
    """Linear warm-up, then (1 - done) ** power down to `min_factor` of the learning rate (DeepLab, PAMI 2018).

    `warmup_fraction`, `min_factor` as for `cosine`; `power` above 0, 1 is a straight line.
    """
    if power <= 0:
        raise ConfigError(f"scheduler.power={power}: must be above 0")
    return _decaying(optimizer, span, warmup_fraction, min_factor, lambda done: (1 - done) ** power)


def constant(optimizer: Optimizer, span: Span) -> LambdaLR:
    """Leave the learning rate as it is; a scheduler all the same, so that the learning rate is logged."""
    return LambdaLR(optimizer, lambda step: 1.0)


def configure(
    partial: Callable[..., Any] | None,
    optimizer: Optimizer,
    steps: float,
    time_used: Callable[[], float] | None = None,
) -> dict[str, Any]:
    """Build the scheduler and return Lightning's `lr_scheduler` dict for it.

    `partial`: a scheduler that still lacks its optimiser (a `_partial_` node of conf/scheduler), or None for a
    constant learning rate. One that takes a `Span` gets it, of `steps` (Lightning's
    `trainer.estimated_stepping_batches`) and `time_used`, and moves every step; any other moves every epoch, on
    `val/iou` where it is ReduceLROnPlateau. Raises ConfigError.
    """
    build: Callable[..., Any] = constant if partial is None else partial
    if "span" in inspect.signature(build).parameters:
        return {"scheduler": build(optimizer, span=Span(steps, time_used)), "interval": "step"}
    scheduler = build(optimizer)
    monitored = {"monitor": MONITOR} if isinstance(scheduler, ReduceLROnPlateau) else {}
    return {"scheduler": scheduler, "interval": "epoch", **monitored}


def _decaying(
    optimizer: Optimizer, span: Span, warmup_fraction: float, min_factor: float, shape: Callable[[float], float]
) -> LambdaLR:
    if not 0 <= warmup_fraction < 1:
        raise ConfigError(f"scheduler.warmup_fraction={warmup_fraction}: must be at least 0 and below 1")
    if not 0 <= min_factor <= 1:
        raise ConfigError(f"scheduler.min_factor={min_factor}: must be from 0 to 1")
    warmup = round(warmup_fraction * span.steps) / span.steps if span.steps < math.inf else warmup_fraction

    def factor(step: int) -> float:
        done = span.done(step)
        if done < warmup:
            first = 1 / span.steps  # the first step is not wasted on a learning rate of 0
            return (done + first) / (warmup + first)
        # Lightning asks once more after the last step.
        return min_factor + (1 - min_factor) * shape((done - warmup) / max(1 - warmup, 1e-9))

    return LambdaLR(optimizer, factor)
