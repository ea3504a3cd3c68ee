"""`trus compare`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trus.evaluation.comparison.run import Comparison

_RUNS = "A cross-validation's, run's, evaluation's or sweep's folder, or the id of a run in MLflow; two or more."


def compare_trained(
    runs: Annotated[list[str], typer.Argument(help=_RUNS, metavar="RUN")],
    metric: Annotated[str, typer.Option(help="iou or dice.")] = "iou",
    class_name: Annotated[str | None, typer.Option("--class", help="One class; else the mean over classes.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for tables and figure.")] = None,
    baseline: Annotated[bool, typer.Option("--baseline", help="Compare with the first only, not all pairs.")] = False,
    common_frames: Annotated[
        bool, typer.Option("--common-frames", help="Compare runs of other data or splits on the frames they share.")
    ] = False,
    tracking_uri: Annotated[
        str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="Where MLflow keeps runs; else outputs/mlflow.db.")
    ] = None,
) -> None:
    """Compare runs on the same frames, patient by patient: is one better, or is it noise?

    Writes comparison.csv, patients.csv, comparison.json and comparison.png. Runs of other data or another split are
    refused. Paired bootstrap and sign-flip test over patients, Holm's correction over all pairs.
    """
    from trus.evaluation.comparison.run import run_comparison

    outputs = Path(os.environ.get("TRUS_OUTPUTS", "outputs"))
    uri = tracking_uri or f"sqlite:///{(outputs / 'mlflow.db').resolve()}"
    found = run_comparison(runs, out or outputs / "comparison", uri, metric, class_name, baseline, common_frames)
    _report(found, out or outputs / "comparison")


def _report(found: "Comparison", out: Path) -> None:
    from trus.evaluation.comparison.run import STATEMENT

    for line in found.aligned.warnings:
        typer.echo(f"WARNING: {line}", err=True)
    typer.echo(f"{found.title}: mean (95 % interval)")
    width = max(len(name) for name in found.aligned.names)
    for name, mean in zip(found.aligned.names, found.means, strict=True):
        typer.echo(f"  {name:{width}}  {mean}")
    for line in found.sentences():
        typer.echo(line)
    typer.echo(f"tables and figure: {out}\n{STATEMENT}")
