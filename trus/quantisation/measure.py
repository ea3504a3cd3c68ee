"""How far a quantised network is from its original, and how much faster."""

import time
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort

from trus.evaluation.evaluate import Evaluation
from trus.evaluation.statistics import Estimate, bootstrap_mean

MAX_DICE_LOSS = 0.005
MIN_SPEED_UP = 1.3
_ROUNDS, _SECONDS = 40, 40.0


@dataclass(frozen=True)
class Distance:
    """`logits`: root mean square of their differences, as a share of the original's standard deviation; `masks`: 1 -
    Dice between both networks' masks over all frames and classes together, 0 where both are empty."""

    logits: float
    masks: float


@dataclass(frozen=True)
class Speed:
    """Median seconds a frame of both networks, and the median ratio of rounds in which both took turns."""

    before: float
    after: float
    ratio: float


@dataclass(frozen=True)
class DiceLoss:
    """Mean per-image Dice of both networks on the same frames, and their paired difference (positive: lost)."""

    before: Estimate
    after: Estimate
    loss: Estimate


def logits_of(session: ort.InferenceSession, frames: list[np.ndarray]) -> list[np.ndarray]:
    """Logits float32 (1, K, h, w) of each preprocessed frame (1, C, h, w)."""
    return [session.run(["logits"], {"image": frame})[0] for frame in frames]


def distance(reference: list[np.ndarray], quantised: list[np.ndarray], limits: np.ndarray) -> Distance:
    """Of logits (1, K, h, w) a frame; `limits` (K,) are the thresholds as logits."""
    first, second = np.concatenate(reference), np.concatenate(quantised)
    bounds = limits[None, :, None, None]
    areas = int((first >= bounds).sum() + (second >= bounds).sum())
    common = int(((first >= bounds) & (second >= bounds)).sum())
    deviation = max(float(first.std(dtype=np.float64)), 1e-6)
    rms = float(np.sqrt(np.square(second - first, dtype=np.float64).mean()))
    return Distance(rms / deviation, 1 - 2 * common / areas if areas else 0.0)


def compare_speed(before: ort.InferenceSession, after: ort.InferenceSession, frame: np.ndarray) -> Speed:
    """Both in turns, one frame (1, C, h, w) a turn, for up to 40 rounds or seconds; the first round is not counted."""
    turns: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(turns) < 4 or (len(turns) <= _ROUNDS and time.perf_counter() - start < _SECONDS):
        turns.append((_seconds(before, frame), _seconds(after, frame)))
    timed = np.array(turns[1:])
    first, second = np.median(timed, axis=0)
    return Speed(float(first), float(second), float(np.median(timed[:, 0] / timed[:, 1])))


def dice_loss(before: Evaluation, after: Evaluation) -> DiceLoss:
    """Of two evaluations of the same frames; intervals are over patients."""
    first, second, patients = before.overlap.dice, after.overlap.dice, before.patients
    return DiceLoss(*(bootstrap_mean(values, patients) for values in (first, second, first - second)))


def verdict(loss: DiceLoss, speed: Speed) -> list[str]:
    """Why the quantised network must not take the original's place; nothing where it may."""
    reasons = []
    if not loss.loss.value <= MAX_DICE_LOSS:  # NaN, of frames that hold no target, is no proof
        reasons.append(f"mean per-image Dice lost {loss.loss}, at most {MAX_DICE_LOSS} is allowed")
    if not speed.ratio >= MIN_SPEED_UP:
        reasons.append(f"it is {speed.ratio:.2f} times as fast, at least {MIN_SPEED_UP} is asked for")
    return reasons


def _seconds(session: ort.InferenceSession, frame: np.ndarray) -> float:
    start = time.perf_counter()
    session.run(["probabilities"], {"image": frame})
    return time.perf_counter() - start
