"""`trus bench`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.cli.terminal import progress_bar

if TYPE_CHECKING:
    from trus.inference.bench import Figures


_COLUMNS = (
    *("median ms", "p95 ms", "network ms", "around ms", "cores ms", "frames /s", "peak MiB", "start s", "speed"),
)
"""Frame file to mask file; the network alone and everything around it; all cores' time together; of a clip; from the
start of a process to its first mask; against the first line."""


class Runtime(StrEnum):
    """What can run an .onnx file."""

    onnxruntime = "onnxruntime"
    openvino = "openvino"
    openvino_bf16 = "openvino-bf16"


def bench_models(
    models: Annotated[
        list[Path], typer.Argument(help=".onnx model files, or .ckpt (needs trus[train]).", metavar="MODEL...")
    ],
    backend: Annotated[
        list[Runtime] | None,
        typer.Option(help="What runs the .onnx files; again for several. By default onnxruntime."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames timed for each file and backend.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="Turns in which the files alternate.")] = 5,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="Frames, folders or globs; by default speckle of 800x600 px.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; by default all that may be used.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Time model files from frame file to mask file: latency, throughput, memory and start-up, side by side.

    Each file and backend runs in a process of its own; in every round each takes its turn.
    """
    from trus.files import write_json
    from trus.inference.bench import machine, measure, sides_of
    from trus.inference.inputs import collect_inputs

    sides = sides_of(models, backend or ())
    files = [item.path for item in collect_inputs(inputs)] if inputs else []
    before = machine()
    with progress_bar() as progress:
        task = progress.add_task("measuring", total=len(sides) * (min(rounds, frames) + 1))
        figures = measure(sides, files, frames, rounds, threads, lambda: progress.advance(task))
    _print(figures)
    after = machine()
    typer.echo(
        f"{before['processor']}, {threads or before['cores']} threads, load {before['load']:.1f} before and "
        f"{after['load']:.1f} after; {figures[0].frames} frames each, in {min(rounds, frames)} rounds"
    )
    if json is not None:
        write_json(json, {"machine": before, "load_after": after["load"], "sides": [f.to_dict() for f in figures]})


def _print(figures: "list[Figures]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("model", "backend"):
        table.add_column(title, no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for side in figures:
        values = (side.median_s, side.p95_s, side.stages["network"], side.around_s, side.cores_s)
        table.add_row(
            _short(side.model, figures),
            side.backend,
            *(f"{1e3 * seconds:.1f}" for seconds in values),
            f"{side.throughput:.1f}",
            f"{side.peak_bytes / 2**20:.0f}",
            f"{side.first_mask_s:.1f}",
            f"{figures[0].median_s / side.median_s:.2f}",
        )
    console = Console()
    console.print(table, width=max(console.width, 110))


def _short(model: str, figures: "list[Figures]") -> str:
    """The file's name, or its path where names repeat."""
    name = Path(model).name
    return model if len({side.model for side in figures if Path(side.model).name == name}) > 1 else name
