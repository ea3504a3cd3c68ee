"""One figure beside its goal."""

import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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


def report(measures: Mapping[str, Callable[[], Figure]], names: Iterable[str], as_json: bool) -> None:
    """Measure and print each figure, and end the process: with 0 where all goals are met."""
    found = []
    for name in names:
        load = os.getloadavg()[0]
        found.append(measures[name]())
        found[-1].details["load of the machine before"] = f"{load:.1f} on {os.cpu_count()} cores"
        if not as_json:
            print(found[-1], flush=True)
    if as_json:
        print(json.dumps([asdict(figure) for figure in found], indent=2))
    sys.exit(int(not all(figure.met for figure in found)))


def percentile(values: Sequence[float], part: int) -> float:
    """The `part`-th percentile (1 to 99); of fewer than two values the largest."""
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1] if len(values) > 1 else max(values)


def milliseconds(values: Sequence[float]) -> str:
    """Median, 95th percentile and largest of seconds."""
    found = (statistics.median(values), percentile(values, 95), max(values))
    return "median {:.1f}, p95 {:.1f}, max {:.1f} ms".format(*(1000 * value for value in found))
