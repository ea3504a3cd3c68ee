"""From the command to the first step, and what it spends the time on: `python scripts/benchmark_startup.py`.

Starts `python scripts/train.py experiment=phantom` several times, with the cache warm and MLflow's store there already
after an uncounted first start, and ends each at its first step. Prints the medians of wall clock and CPU time, and the
goal of 10 s. On a machine with other work the CPU time is what a quiet one would take at most.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytorch_lightning.callbacks import Callback

ROUNDS, GOAL = 3, 10.0
NOTE = "TRUS_BENCHMARK_NOTE"


class FirstStep(Callback):
    """Writes the time and ends the process."""

    def on_train_batch_end(self, *_: object) -> None:
        use = resource.getrusage(resource.RUSAGE_SELF)
        note = {"when": time.time(), "cpu": use.ru_utime + use.ru_stime}
        Path(os.environ[NOTE]).write_text(json.dumps(note))
        raise KeyboardInterrupt


def start(folder: Path, number: int) -> tuple[float, float]:
    """Seconds of wall clock and of CPU until the first step is done."""
    scripts, note = Path(__file__).resolve().parent, folder / f"note{number}.json"
    command = [sys.executable, str(scripts / "train.py"), "experiment=phantom", f"outputs={folder}"]
    command += ["+callbacks.first_step._target_=benchmark_startup.FirstStep"]
    environment = os.environ | {"PYTHONPATH": str(scripts), NOTE: str(note)}
    begin = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if not note.is_file():
        raise SystemExit(done.stderr)
    found = json.loads(note.read_text())
    return found["when"] - begin, found["cpu"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        start(Path(name), 0)
        rounds = [start(Path(name), number + 1) for number in range(ROUNDS)]
    wall, cpu = (statistics.median(values) for values in zip(*rounds, strict=True))
    each = ", ".join(f"{seconds:.1f}" for seconds, _ in rounds)
    print(
        f"command to first step: {wall:.1f} s ({each}), {cpu:.1f} s of CPU; goal {GOAL:.0f} s, ratio {wall / GOAL:.2f}"
    )


if __name__ == "__main__":
    main()
