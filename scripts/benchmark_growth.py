"""How cost grows with the number of frames and of runs: `python scripts/benchmark_growth.py`.

Every stage runs as its user starts it, in a process of its own, on small made frames (noise with a bright disc; nothing
is learnt), 100, 1,000 and 10,000 of them; the listing of MLflow runs on 100, 300 and 1,000. Printed are wall clock, CPU
time and the growth: seconds for each further frame between the two largest counts over that between the two smallest.
1 is linear; where the goal, at most 1.3, is missed, the exit code is 1.

    python scripts/benchmark_growth.py --model model.onnx          # evaluation with that model file too
    python scripts/benchmark_growth.py --only check --only load --frames 100,300,1000
    python scripts/benchmark_growth.py --smallest                  # whether it works, for the tests
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOAL = 1.3
SIDE = 96
FRAMES_A_PATIENT = 4
LOAD = """
import sys
from pathlib import Path
from trus.data.manifest import Manifest
from trus.data.splits import make_split
manifest = Manifest.load(Path(sys.argv[1]))
settings = {"kind": "kfold", "folds": 5, "repeats": 1, "seed": 0, "stratify": True, "allow_ungrouped": False}
make_split(manifest.frames, manifest.classes, manifest.verify(), settings)
"""
LIST = """
import sys
from trus.evaluation.mlflow_store import connect
client = connect(sys.argv[1])
found = client.search_runs([client.get_experiment_by_name("trus").experiment_id], max_results=5000)
assert len(found) == int(sys.argv[2])
"""


def write_frames(folder: Path, count: int) -> Path:
    """A data set of `count` frames, each other noise, 4 to a patient; returns its manifest."""
    random, yx = np.random.default_rng(count), np.mgrid[:SIDE, :SIDE]
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "image", "mask", "patient_id"])
        for number in range(count):
            centre = random.uniform(30, SIDE - 30, 2)
            disc = np.hypot(*(yx - centre[:, None, None])) < random.uniform(8, 20)
            image = (random.rayleigh(30, (SIDE, SIDE)) + 90 * disc).clip(0, 255).astype(np.uint8)
            name = f"f{number:05d}"
            cv2.imwrite(str(folder / "images" / f"{name}.png"), image)
            cv2.imwrite(str(folder / "masks" / f"{name}.png"), disc.astype(np.uint8))
            patient = f"p{number // FRAMES_A_PATIENT:04d}"
            writer.writerow([name, f"images/{name}.png", f"masks/{name}.png", patient])
    (folder / "classes.json").write_text(json.dumps({"labels": {"0": "background", "1": "gland"}}))
    return folder / "manifest.csv"


def write_runs(folder: Path, count: int) -> str:
    """A store with `count` finished runs of 60 parameters, 20 metrics and 15 tags; returns its address."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{folder}/mlflow.db"
    folder.mkdir(parents=True)
    client = MlflowClient(uri)
    experiment = client.create_experiment("trus", artifact_location=str(folder / "artifacts"))
    for number in range(count):
        run = client.create_run(experiment, run_name=f"run {number}")
        metrics = [Metric(f"best/m{k}", number * k % 97 / 97, 0, 0) for k in range(20)]
        params = [Param(f"group.setting{k}", str(number * k % 7)) for k in range(60)]
        client.log_batch(run.info.run_id, metrics, params, [RunTag(f"trus.tag{k}", "x") for k in range(15)])
        client.set_terminated(run.info.run_id)
    return uri


def run(folder: Path, *command: str) -> tuple[float, float]:
    """Wall clock and CPU seconds of a command that has to succeed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | {"TRUS_OUTPUTS": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true"}
    arguments = [sys.executable, *command]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


Stage = Callable[[str, int], tuple[float, float]]


def stages(folder: Path, model: Path | None) -> dict[str, Stage]:
    """Name -> what measures it, given a manifest (the store's address for `runs`) and the count."""
    small = ["model=unet_small", "model.widths=[8,16]", "model.context=[1]", "preprocessing.size=[32,32]"]
    one = [*small, "data.batch_size=32", "trainer.max_epochs=1", "logger=none"]
    one += ["callbacks.export.predict=false", "callbacks.export.panels=false"]
    train, evaluate = (str(ROOT / "scripts" / name) for name in ("train.py", "evaluate.py"))

    def intake(path: str, count: int) -> tuple[float, float]:
        raw, out = str(Path(path).parent / "images"), str(folder / f"intake_{count}")
        return run(folder, "-m", "trus.cli", "intake", raw, "-o", out, "--region", "whole", "--patient-from", "none")

    found: dict[str, Stage] = {
        "intake": intake,
        "check": lambda path, count: run(folder, "-m", "trus.cli", "check", path),
        "load": lambda path, count: run(folder, "-c", LOAD, path),
        "epoch": lambda path, count: run(folder, train, f"data.manifest={path}", *one),
        "runs": lambda path, count: run(folder, "-c", LIST, path, str(count)),
    }
    if model:
        model_file, part = f"model_file={model.resolve()}", ["split.part=all", "logger=none"]
        found["evaluate"] = lambda path, count: run(folder, evaluate, model_file, f"data.manifest={path}", *part)
    return found


def growth(counts: list[int], seconds: list[float]) -> float:
    """Seconds for a further frame between the two largest counts over that between the two smallest."""
    slopes = np.diff(seconds) / np.diff(counts)
    return float(slopes[-1] / max(slopes[0], 1e-9))


def measure(name: str, stage: Stage, sources: dict[int, str]) -> bool:
    """Print one stage's row; returns whether it grows no faster than the goal."""
    found = {count: stage(source, count) for count, source in sources.items()}
    by_cpu = growth(list(found), [cpu for _, cpu in found.values()])
    row = "  ".join(f"{count:>6,}: {wall:7.2f} s, CPU {cpu:7.2f} s" for count, (wall, cpu) in found.items())
    print(f"{name:10}{row}  growth {by_cpu:.2f}", flush=True)
    return by_cpu <= GOAL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model file with one class, gland, for `evaluate`")
    parser.add_argument("--only", action="append", help="one stage or several; all without")
    parser.add_argument("--frames", default=[100, 1000, 10_000], type=_counts, help="three counts or more, rising")
    parser.add_argument("--runs", default=[100, 300, 1000], type=_counts)
    parser.add_argument("--smallest", action="store_true", help="20 to 60 frames: whether it works; for the tests")
    options = parser.parse_args()
    if options.smallest:
        options.frames, options.runs = [20, 40, 60], [2, 4, 6]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = stages(folder, options.model)
        chosen = options.only or list(known)
        if unknown := sorted({*chosen} - {*known}):
            sys.exit(f"--only {unknown[0]}: choose from {', '.join(known)}")
        frames = {count: str(write_frames(folder / f"frames_{count}", count)) for count in options.frames}
        runs = {count: write_runs(folder / f"runs_{count}", count) for count in options.runs if "runs" in chosen}
        linear = [measure(stage, known[stage], runs if stage == "runs" else frames) for stage in chosen]
    sys.exit(int(not all(linear)))


def _counts(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
