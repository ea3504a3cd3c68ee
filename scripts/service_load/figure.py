"""One figure beside its goal."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`, as text too where one number does not say it; `met`: whether the goal is."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line, and one for each detail."""
        lines = [f"{self.name}: {self.value:g} {self.unit} (goal {self.goal}): {'met' if self.met else 'MISSED'}"]
        return "\n".join(lines + [f"    {name}: {value}" for name, value in self.details.items()])


def percentile(values: Sequence[float], part: int) -> float:
    """The `part`-th percentile (1 to 99); of fewer than two values the largest."""
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1] if len(values) > 1 else max(values)


def milliseconds(values: Sequence[float]) -> str:
    """Median, 95th percentile and largest of seconds."""
    found = (statistics.median(values), percentile(values, 95), max(values))
    return "median {:.1f}, p95 {:.1f}, max {:.1f} ms".format(*(1000 * value for value in found))
