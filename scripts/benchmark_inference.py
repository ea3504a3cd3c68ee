"""The speed goals of a model file: `python scripts/benchmark_inference.py --model M.onnx --checkpoint M.ckpt`.

Frame file to mask file with PyTorch in float32, the model file, `--int8` (from `trus quantize`) and, with `--openvino`,
that runtime, with the model file in bfloat16 too where the processor has it: each in a process of its own, in
alternating rounds of one run. Prints ratios, by wall clock and by the time of all cores together (which other work on
the machine disturbs less), beside the goals. `--small` is a file of `unet_small` whose first mask `trus predict` makes
in a fresh process. The goals are for FPN-ResNet-152 at 768x768 on 2 cores: `model=fpn_resnet152
preprocessing.size=[768,768]`. Perona-Malik: scripts/benchmark_diffusion.py.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from trus.data.images import frame_files
from trus.errors import ModelFileError
from trus.files import write_json
from trus.inference.bench import Figures, Side, machine, measure
from trus.inference.predictor import open_predictor

Line = tuple[str, float, float, str, bool]
"""What, measured, goal, unit, and whether more is better."""


def main() -> None:
    options = _options()
    frames = frame_files(options.frames)[: options.count] if options.frames else []
    sides = [Side(options.checkpoint, "pytorch"), Side(options.model, "onnxruntime")]
    sides += [Side(options.int8, "onnxruntime")] if options.int8 else []
    files = [side.model for side in sides[1:]]
    if options.openvino:
        sides += [Side(model, "openvino") for model in files]
        sides += [Side(options.model, "openvino-bf16")] if _computes_in_bfloat16(options.model) else []
    before = machine()
    found = measure(sides, frames, options.count, options.rounds, options.threads)
    lines = [*_lines(found), *(_cold_start(options.small, frames) if options.small else [])]
    print(
        f"{before['processor']}, {options.threads} threads, load {before['load']:.1f} before, {found[0].frames} frames"
    )
    for side in found:
        _print_side(side)
    for line in lines:
        _print_line(*line)
    if options.json:
        names = ("what", "measured", "goal", "unit", "more is better")
        goals = [dict(zip(names, line, strict=True)) for line in lines]
        write_json(options.json, {"machine": before, "sides": [side.to_dict() for side in found], "goals": goals})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="fp32 .onnx")
    parser.add_argument("--checkpoint", type=Path, required=True, help=".ckpt of the same network")
    parser.add_argument("--int8", type=Path, help="quantised .onnx")
    parser.add_argument("--small", type=Path, help=".onnx of unet_small, for the cold start")
    parser.add_argument("--openvino", action="store_true", help="the files with OpenVINO too")
    parser.add_argument("--frames", type=Path, help="folder; by default speckle of 800x600 px")
    parser.add_argument("--count", type=int, default=10, help="frames a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _computes_in_bfloat16(model: Path) -> bool:
    try:
        open_predictor(model, backend="openvino-bf16")
    except ModelFileError as error:
        print(f"without bfloat16: {error}", file=sys.stderr)
        return False
    return True


def _lines(found: list[Figures]) -> Iterator[Line]:
    pytorch, fp32, *_ = found
    for side in found[1:]:
        what = f"PyTorch over {'model file' if side.model == fp32.model else 'INT8'}, {side.backend}"
        goal = 1.8 if side.model == fp32.model else 4.5
        yield f"{what}, wall", pytorch.median_s / side.median_s, goal, "x", True
        yield f"{what}, cores' time", pytorch.cores_s / side.cores_s, goal, "x", True
    yield "around the network, of it, wall", 100 * fp32.around_s / fp32.stages["network"], 12, "%", False
    share = fp32.around_cores_s / fp32.cores_stages["network"]
    yield "around the network, of it, cores' time", 100 * share, 12, "%", False
    peak = max(side.peak_bytes for side in found if side.backend == "onnxruntime")
    yield "peak memory of a model file", peak / 2**30, 1.5, "GiB", False


def _cold_start(model: Path, frames: list[Path], times: int = 3) -> Iterator[Line]:
    """From the start of `trus predict` to its end, one frame; with the files in the page cache."""
    with tempfile.TemporaryDirectory() as name:
        frame = frames[0] if frames else _phantom(Path(name))
        rounds = [_predict(model, frame, Path(name) / f"out{number}") for number in range(times)]
    yield "cold start to first mask, unet_small", statistics.median(wall for wall, _ in rounds), 3.0, "s", False
    yield "the same, all cores' time", statistics.median(cpu for _, cpu in rounds), 3.0, "s", False


def _predict(model: Path, frame: Path, out: Path) -> tuple[float, float]:
    """Seconds of wall clock and of all cores together."""
    command = [Path(sys.executable).parent / "trus", "predict", "--model", model, frame, "-o", out]
    earlier, start = _children(), time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, _children() - earlier


def _children() -> float:
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def _phantom(folder: Path) -> Path:
    command = [Path(sys.executable).parent / "trus", "phantom", folder / "phantom", "--patients", "1", "--frames", "1"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return frame_files(folder / "phantom" / "images")[0]


def _print_side(side: Figures) -> None:
    stages = ", ".join(f"{stage} {1e3 * seconds:.1f}" for stage, seconds in side.stages.items())
    print(
        f"{side.backend:13} {Path(side.model).name}: median {1e3 * side.median_s:.0f} ms, p95 {1e3 * side.p95_s:.0f}, "
        f"cores' time {1e3 * side.cores_s:.0f} ({stages}); {side.throughput:.2f} frames/s, "
        f"peak {side.peak_bytes / 2**20:.0f} MiB, first mask after {side.first_mask_s:.1f} s"
    )


def _print_line(what: str, measured: float, goal: float, unit: str, more: bool) -> None:
    met = measured >= goal if more else measured <= goal
    sign = "at least" if more else "at most"
    print(f"{what:51} {measured:7.2f} {unit:4} goal {sign} {goal:g} {unit}: {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
