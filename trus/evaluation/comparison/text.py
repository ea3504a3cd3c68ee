"""A paired comparison in plain words: what is shown, what is not, and what could have been."""

import math
from collections.abc import Sequence

from trus.evaluation.comparison.paired import LEVEL, PairedDifference
from trus.evaluation.statistics import Estimate

UNITS = {"iou": "IoU", "dice": "Dice"}


def say(pair: PairedDifference, metric: str, grouped: bool = True, pairs: int = 1, seed_error: float = 0.0) -> str:
    """One sentence of one pair. `seed_error` is the standard error of the difference from chance of training alone."""
    unit, basis = UNITS[metric], _count(pair.difference.patients, "patient" if grouped else "frame")
    first, second = pair.first, pair.second
    if pair.difference.patients == 0:
        return f"nothing can be said of {second} and {first}: no frame is scored"
    if pair.identical:
        return f"{second} and {first} have the same {unit} on every frame, {basis}"
    change = f"{second} minus {first} is {signed(pair.difference, unit)}"
    if math.isnan(pair.p_value):
        return (
            f"no difference can be shown with one {basis.split()[1]}: {change}; without a second there is no interval"
        )
    if pair.shown:
        return _say_shown(pair, unit, basis, pairs, seed_error)
    return f"no difference can be shown with {basis}: {change}, {_p(pair, pairs)}; {_say_power(pair, unit)}"


def say_seeds(names: Sequence[str], noise: Sequence[float], counts: Sequence[int]) -> str:
    """What is known of chance of training."""
    known = [f"{sd:.3f} ({name}, {n} seeds)" for name, sd, n in zip(names, noise, counts, strict=True) if n > 1]
    if known:
        return f"training again with another seed moves the mean by a standard deviation of {', '.join(known)}"
    return "not in these intervals: chance of training, with one network a fold; train with seeds=3 to see it"


def signed(estimate: Estimate, unit: str) -> str:
    """`+0.021 IoU, 95 % +0.004 to +0.038`."""
    value = f"{estimate.value:+.3f} {unit}"
    return value if math.isnan(estimate.low) else f"{value}, 95 % {estimate.low:+.3f} to {estimate.high:+.3f}"


def _say_shown(pair: PairedDifference, unit: str, basis: str, pairs: int, seed_error: float) -> str:
    best, other = (pair.second, pair.first) if pair.difference.value > 0 else (pair.first, pair.second)
    low, high = sorted((abs(pair.difference.low), abs(pair.difference.high)))
    verdict = "unlikely to be noise"
    if abs(pair.difference.value) < 2 * seed_error:
        verdict = "more than patients explain, but no more than another seed can change"
    size = f"{abs(pair.difference.value):.3f} {unit}, 95 % {low:.3f} to {high:.3f}, {basis}"
    return f"{best} is better than {other} by {size}; {verdict} ({_p(pair, pairs)})"


def _say_power(pair: PairedDifference, unit: str) -> str:
    differing = pair.better + pair.worse
    if pair.exact and 2.0 ** (1 - differing) >= LEVEL:
        return f"only {differing} of them differ{'s' * (differing == 1)}: too few to show any difference, however large"
    return f"one of about {pair.detectable:.3f} {unit} or more would be found in 4 of 5 such studies"


def _p(pair: PairedDifference, pairs: int) -> str:
    value = f"p < {0.001}" if pair.p_adjusted < 0.001 else f"p = {pair.p_adjusted:.2g}"
    return value + f" after Holm over {pairs} comparisons" * (pairs > 1)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)
