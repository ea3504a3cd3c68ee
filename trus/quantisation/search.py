"""Which layers to leave in float: those whose quantisation is measured to cost most, on training frames."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trus.inference.predictor import open_session
from trus.quantisation.graph import OPERATORS, Quantiser
from trus.quantisation.measure import Distance, compare_speed, distance, logits_of

CLOSE_ENOUGH = 0.01
"""1 - Dice between both networks' masks at which no further layer is left out."""
_SHARE_OF_SEARCH = 0.7
_MOST_LEFT_OUT = 0.25


@dataclass(frozen=True)
class Variant:
    """A way to quantise, and how far its network is from the original on the training frames that were tried."""

    operators: str
    left_out: tuple[str, ...]
    distance: Distance

    @property
    def close(self) -> bool:
        """Is it so near to the original that no further layer need be left out?"""
        return self.distance.masks <= CLOSE_ENOUGH


@dataclass
class Search:
    """Tries variants for up to `seconds`: each is written, opened and run on `frames` (1, C, h, w).

    `reference` are the original's logits of the frames, `limits` (K,) the thresholds as logits. `tried` is called
    after each.
    """

    quantiser: Quantiser
    frames: Sequence[np.ndarray]
    reference: list[np.ndarray]
    limits: np.ndarray
    seconds: float
    tried: Callable[[Variant], Any] = lambda variant: None

    def run(self) -> Variant:
        """The variant to take: nothing left out if that is close, else the layers that cost most.

        What is left out is judged on training frames only, so that the validation frames judge a network that was not
        chosen on them.
        """
        self._end = time.monotonic() + self.seconds
        start = time.monotonic()
        base = self._choose_operators()
        if base.close:
            return base
        alone = self._leave_out_each(base, (time.monotonic() - start) / len(OPERATORS))
        return self._narrow(_smallest([base, *alone, *self._leave_out_several(base, alone)]))

    def _choose_operators(self) -> Variant:
        """The nearer one; the faster where both are as near."""
        variants = {operators: self._try(operators, ()) for operators in OPERATORS}
        few, many = variants.values()
        if not _alike(few.distance.masks, many.distance.masks):
            return min(few, many, key=lambda one: one.distance.masks)
        # read into memory, since the second variant is written over the first
        first, second = (open_session(self.quantiser.write(operators, ()).read_bytes()) for operators in variants)
        return few if compare_speed(first, second, self.frames[0]).ratio < 1 else many

    def _try(self, operators: str, left_out: Sequence[str]) -> Variant:
        session = open_session(self.quantiser.write(operators, left_out))
        found = distance(self.reference, logits_of(session, list(self.frames)), self.limits)
        variant = Variant(operators, tuple(left_out), found)
        self.tried(variant)
        return variant

    def _leave_out_each(self, base: Variant, seconds_each: float) -> list[Variant]:
        """One group of neighbouring layers at a time, as many groups as there is time for; ends with the first that
        is enough by itself."""
        time_left = (self._end - time.monotonic()) * _SHARE_OF_SEARCH
        count = int(np.clip(time_left / max(seconds_each, 1e-3), 1, len(self.quantiser.layers)))
        found: list[Variant] = []
        for group in np.array_split(np.array(self.quantiser.layers), count):
            if time.monotonic() > self._end or (found and found[-1].close):
                break
            found.append(self._try(base.operators, group.tolist()))
        return found

    def _narrow(self, variant: Variant) -> Variant:
        """The half of what is left out that is enough by itself, and the half of that, while there is time."""
        while variant.close and len(variant.left_out) > 1:
            middle = len(variant.left_out) // 2
            for half in (variant.left_out[:middle], variant.left_out[middle:]):
                if time.monotonic() > self._end:
                    return variant
                if (tried := self._try(variant.operators, half)).close:
                    variant = tried
                    break
            else:
                return variant
        return variant

    def _leave_out_several(self, base: Variant, alone: list[Variant]) -> list[Variant]:
        """2, 4 ... of the groups that cost most, until the network is close, time is up or too many would be out."""
        costly = [one for one in sorted(alone, key=_logits) if one.distance.logits < base.distance.logits]
        found = list(alone)
        count = 2
        while count < 2 * len(costly) and time.monotonic() < self._end and not any(one.close for one in found):
            left_out = [layer for one in costly[:count] for layer in one.left_out]
            if len(left_out) > max(2, _MOST_LEFT_OUT * len(self.quantiser.layers)):
                break
            found.append(self._try(base.operators, left_out))
            count *= 2
        return found


def _logits(variant: Variant) -> float:
    return variant.distance.logits


def _smallest(variants: list[Variant]) -> Variant:
    """The one that leaves out least of those that are close, or about as near as the nearest."""
    nearest = min(one.distance.masks for one in variants)
    good = [one for one in variants if one.close or _alike(one.distance.masks, nearest)]
    return min(good, key=lambda one: (len(one.left_out), one.distance.masks))


def _alike(first: float, second: float) -> bool:
    return max(first, second) <= 1.1 * min(first, second) or max(first, second) <= CLOSE_ENOUGH
