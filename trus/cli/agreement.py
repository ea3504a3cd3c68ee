"""`trus annotations agree`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.cli.terminal import Out, progress_bar
from trus.errors import ConfigError

if TYPE_CHECKING:
    from trus.evaluation.agreement.run import Agreement


def agree_annotators(
    manifests: Annotated[
        list[Path],
        typer.Argument(help="One manifest an annotator, of the same frames; two or more.", metavar="MANIFEST"),
    ],
    out: Out,
    consensus: Annotated[
        str | None, typer.Option(help="Also make one data set of all: majority (more than half drew it) or staple.")
    ] = None,
    maps: Annotated[int, typer.Option(min=0, help="Draw disagreement maps of so many frames, the worst first.")] = 24,
) -> None:
    """Compare annotators of the same frames: agreement.csv, patients.csv, summary.json, maps/, worst.png; a consensus.

    Frames belong together by their image_id. Exit code 1 when a frame was refused; the others are done.
    """
    from trus.data.annotations.annotators import load_annotators
    from trus.data.annotations.consensus import METHODS
    from trus.evaluation.agreement.run import run_agreement

    if consensus is not None and consensus not in METHODS:
        raise ConfigError(f"--consensus {consensus!r}: choose from {', '.join(METHODS)}")
    annotators = load_annotators(manifests)
    with progress_bar() as progress:
        task = progress.add_task("comparing", total=None)
        found = run_agreement(
            annotators, out, consensus, maps, lambda total: progress.update(task, total=total, advance=1)
        )
    _report(found, out, consensus)
    for line in found.refused:
        typer.echo(f"refused: {line}", err=True)
    if found.refused:
        typer.echo(f"{len(found.refused)} frames were refused", err=True)
        raise typer.Exit(1)


def _report(found: "Agreement", out: Path, consensus: str | None) -> None:
    typer.echo(f"{len(found.voted)} frames that two or more annotators drew on, {found.single} that one or nobody did")
    for pair in found.pairs:
        typer.echo(
            f"{pair.first} and {pair.second}, {pair.class_name}: Dice {pair.dice}, IoU {pair.iou.value:.3f}; "
            f"drawn by both {pair.both}, only {pair.first} {pair.first_only}, only {pair.second} {pair.second_only}, "
            f"neither {pair.none}"
        )
    typer.echo(f"overall Dice {found.overall}, {found.overall.frames} frames, {found.overall.patients} patients")
    if found.without_patient:
        typer.echo(f"note: {found.without_patient} frames have no patient_id; the interval takes each for a patient")
    if consensus is not None:
        _report_consensus(found, out, consensus)


def _report_consensus(found: "Agreement", out: Path, consensus: str) -> None:
    typer.echo(f"{consensus} of {len(found.voted)} frames: {out / 'manifest.csv'} ({found.rows_written} rows)")
    pairs = sum(len(frame.rows) == 2 for frame in found.voted.values())
    if pairs and consensus == "majority":
        typer.echo(f"note: {pairs} of these frames were drawn by two only; their majority is what both drew")
    if pairs and consensus == "staple":
        typer.echo(f"note: {pairs} of these frames were drawn by two only; STAPLE cannot tell which of two is right")
    for (target, name), rates in found.rates.items():
        means = rates.to_dict()
        typer.echo(
            f"{name}, {target}: sensitivity {means['sensitivity']:.3f}, specificity {means['specificity']:.3f} "
            f"against the estimate, {means['frames']} frames"
        )
