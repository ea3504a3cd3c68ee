"""What a cross-validation and a sweep cost beside training: `python scripts/benchmark_cross_validation.py`.

1. `split.fold=all` of five folds on the phantom (synthetic): the share of the folds' time that is outside training with
   its validation: building, evaluation, export, tracking. Goal: under 5 %.
2. `-m seed=0,1,2,3` with one epoch each: wall clock of a job beside its network (training, evaluation, export and
   their tracking), from the second job on, for the first carries the imports. Goal: under 1 s.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

TRAIN = Path(__file__).resolve().parent / "train.py"


def train(folder: Path, *overrides: str) -> None:
    """Run scripts/train.py to its end."""
    command = [sys.executable, str(TRAIN), *overrides, "experiment=phantom", f"outputs={folder}"]  # -m has to be first
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def cross_validation(folder: Path, epochs: int) -> None:
    """Five folds in one job."""
    train(folder, "split.fold=all", "split.folds=5", f"trainer.max_epochs={epochs}", "callbacks.early_stopping=null")
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("cv/*/members/*/member.json"))]
    whole, fitting = (sum(member[key] for member in found) for key in ("seconds", "seconds_fitting"))
    each = statistics.median(member["seconds"] - member["seconds_fitting"] for member in found)
    print(
        f"{len(found)} folds, {epochs} epochs: {whole:.0f} s, {fitting:.0f} s of them training and validation; outside "
        f"{1 - fitting / whole:.3f} (median {each:.1f} s a fold), goal 0.05",
        flush=True,
    )


def sweep(folder: Path) -> None:
    """Four jobs of one process, each from the end of the one before to its own."""
    train(folder, "-m", "seed=0,1,2,3", "trainer.max_epochs=1")
    jobs = sorted(folder.glob("sweeps/*/*/*/job.json"), key=lambda path: path.stat().st_mtime)
    beside = []
    for before, job in pairwise(jobs):
        note = json.loads(job.read_text())
        member = json.loads((Path(note["cv_folder"]) / "members" / note["member"] / "member.json").read_text())
        beside.append(job.stat().st_mtime - before.stat().st_mtime - member["seconds"])
    each = ", ".join(f"{seconds:.2f}" for seconds in beside)
    print(f"a job of a sweep beside its network: median {statistics.median(beside):.2f} s ({each}), goal 1 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--only", choices=("cross_validation", "sweep"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.only != "sweep":
            cross_validation(Path(name) / "cross_validation", arguments.epochs)
        if arguments.only != "cross_validation":
            sweep(Path(name) / "sweep")


if __name__ == "__main__":
    main()
