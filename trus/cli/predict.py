"""`trus predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trus.cli.terminal import Out, parse_spacing, progress_bar
from trus.cores import available_cores
from trus.errors import ConfigError

if TYPE_CHECKING:
    from trus.inference.batch import BatchResult


def predict_frames(
    inputs: Annotated[list[str], typer.Argument(help="Frames, folders, globs, or a manifest.csv.", metavar="INPUT...")],
    model: Annotated[
        list[Path], typer.Option(help="An .onnx model file, or a .ckpt (needs trus[train]); several: their mean.")
    ],
    out: Out,
    threshold: Annotated[float | None, typer.Option(help="Between 0 and 1, instead of the model file's own.")] = None,
    postprocess: Annotated[bool, typer.Option(help="Tidy masks by the model file's own rules.")] = True,
    tta: Annotated[
        Literal["flip", "flip_scale"] | None,
        typer.Option(help="Ask again on the mirror image (twice the time), and at two more sizes (six times)."),
    ] = None,
    spacing: Annotated[str | None, typer.Option(help="ROW,COLUMN in mm a pixel, for areas in mm2.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Frames in work at a time.")] = 1,
    backend: Annotated[
        Literal["onnxruntime", "openvino", "openvino-bf16"] | None,
        typer.Option(
            help="What runs an .onnx: onnxruntime, the default, openvino, or openvino-bf16, much faster on processors "
            "with bfloat16, with slightly other probabilities (both need trus[openvino])."
        ),
    ] = None,
) -> None:
    """Segment frames: masks/, overlays/, records/, predictions.csv and predictions.json below OUT.

    Started again, it goes on where it stopped. Exit code 1 when a frame failed; the others are done.
    """
    from trus.inference.batch import predict_batch
    from trus.inference.ensemble import open_models
    from trus.inference.inputs import collect_inputs

    if threshold is not None and not 0 < threshold < 1:
        raise ConfigError(f"--threshold {threshold}: must lie between 0 and 1")
    items = collect_inputs(inputs, parse_spacing(spacing) if spacing else None, out)
    predictor = open_models(model, max(1, available_cores() // jobs), tta, threshold, postprocess, backend)
    if predictor.metadata.data.cropped and not any(item.region for item in items):
        typer.echo("note: the model was trained on frames cropped by their manifest; these are taken whole", err=True)
    with progress_bar() as progress:
        task = progress.add_task("segmenting", total=len(items))
        result = predict_batch(predictor, items, out, jobs, lambda: progress.advance(task))
    _report(result, predictor.metadata.statement)


def _report(result: "BatchResult", statement: str) -> None:
    again = f", {result.resumed} were there already" if result.resumed else ""
    typer.echo(f"{result.done} frames segmented{again}: {result.table}")
    typer.echo(statement)
    for _, reason in result.failed:
        typer.echo(f"failed: {reason}", err=True)
    if result.failed:
        typer.echo(
            f"{len(result.failed)} of {result.done + result.resumed + len(result.failed)} frames failed", err=True
        )
        raise typer.Exit(1)
