"""`trus export`."""

from pathlib import Path
from typing import Annotated

import typer


def export_model_file(
    checkpoint: Annotated[Path, typer.Argument(help="A .ckpt of a run.", metavar="CKPT")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The .onnx file; else CKPT's name with .onnx, beside it.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Frames to check the export on; else the manifest of the checkpoint's run.")
    ] = None,
) -> None:
    """Write a checkpoint as a model file, once its graph agrees with the network on real frames. Needs trus[train]."""
    from trus.training.checkpoint_export import export_checkpoint

    done = export_checkpoint(checkpoint, out or checkpoint.with_suffix(".onnx"), manifest)
    typer.echo(f"written: {done.target}")
    typer.echo(f"checked on {done.frames} frames of {done.manifest}: {done.parity}")
    if done.score is None:
        typer.echo("it holds no score: no model file of the run was made of the same weights; scripts/evaluate.py")
    if done.appearance is None:
        typer.echo("it does not know what its training frames looked like: manifest and split are not those of its run")
