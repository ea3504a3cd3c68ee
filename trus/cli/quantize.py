"""`trus quantize`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trus.quantisation.run import Outcome


def quantise(
    model: Annotated[Path, typer.Argument(help="A float .onnx model file.")],
    manifest: Annotated[Path, typer.Option(help="The manifest that it was trained with.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The INT8 file; else MODEL with .int8 in its name.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="The split.json of its run; else the one beside the model file or above it.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Training frames that calibrate.")] = 32,
    minutes: Annotated[float, typer.Option(min=0, help="At most that long for finding layers to leave out.")] = 10,
) -> None:
    """Write an 8-bit copy of a model file, if it is as good and faster.

    Calibrated on training frames, judged on the validation frames of the model's own split; the test part is not
    used. Written only if mean per-image Dice loses at most 0.005 and it is at least 1.3 times as fast here; else
    exit code 1, with what was measured.
    """
    from trus.quantisation.run import quantise_model

    target = out or model.with_name(f"{model.stem}.int8.onnx")
    outcome = quantise_model(model, manifest, target, split, frames, minutes, lambda line: typer.echo(line, err=True))
    for line in _lines(outcome):
        typer.echo(line)
    if outcome.reasons:
        typer.echo(f"error: {target} was not written: {'; '.join(outcome.reasons)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"written: {outcome.written}")


def _lines(outcome: "Outcome") -> list[str]:
    loss, speed, kept = outcome.loss, outcome.speed, len(outcome.variant.left_out)
    return [
        f"quantised: {outcome.variant.operators}, {kept} of {outcome.layers} layers left in float beside the last",
        f"validation Dice: {loss.before} before, {loss.after} after",
        f"Dice lost: {loss.loss}, {loss.loss.frames} frames",
        f"seconds a frame: {speed.before:.4f} before, {speed.after:.4f} after; {speed.ratio:.2f} times as fast",
        f"size: {outcome.bytes_before / 1e6:.1f} MB before, {outcome.bytes_after / 1e6:.1f} MB after",
    ]
