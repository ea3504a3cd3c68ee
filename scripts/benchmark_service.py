"""The figures that the service must hold, each beside its goal: `python scripts/benchmark_service.py`.

Starts real `trus serve` processes on loopback and asks them from this one; nothing is left behind. Service and direct
prediction take turns, so that another load of the machine falls on both; how much of the cores the load generator, the
service and others took is said with each figure.

    python scripts/benchmark_service.py --only overhead --only memory
    python scripts/benchmark_service.py --only throughput --only start --model outputs/usgra_source/model.onnx
    python scripts/benchmark_service.py --smallest --json        # seconds; for the tests

`throughput` and `start` take the model file given; without one, a small made one, which shows little of a cold start.
Exit code 1 where a goal is missed.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from service_load import steady, stress
from service_load.figure import Figure, report
from service_load.made_models import convolutions, write

NAMES = ("overhead", "throughput", "overload", "memory", "sigterm", "start")


def figures(folder: Path, given: Path | None, smallest: bool) -> dict[str, Callable[[], Figure]]:
    """How each figure is measured, in rounds that suffice or in the smallest."""
    side = 128 if smallest else 512
    model = given or write(convolutions((1, side, side), width=64, depth=12), folder / "made.onnx")
    if smallest:
        return {
            "overhead": lambda: steady.overhead(folder, 2),
            "throughput": lambda: steady.throughput(model, 1, 1),
            "overload": lambda: stress.overload(folder, 0.5),
            "memory": lambda: steady.memory(folder, 10, 10),
            "sigterm": lambda: stress.sigterm(folder, 1),
            "start": lambda: stress.start(model, 1),
        }
    return {
        "overhead": lambda: steady.overhead(folder, 300),
        "throughput": lambda: steady.throughput(model, 7, 8),
        "overload": lambda: stress.overload(folder, 20),
        "memory": lambda: steady.memory(folder, 10_000, 1_000),
        "sigterm": lambda: stress.sigterm(folder, 30),
        "start": lambda: stress.start(model, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NAMES, action="append", help="one figure or several; all without")
    parser.add_argument("--model", type=Path, help="for throughput and start")
    parser.add_argument("--smallest", action="store_true", help="the smallest rounds: whether the script works")
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(figures(Path(folder), options.model, options.smallest), options.only or NAMES, options.json)


if __name__ == "__main__":
    main()
