"""The `trus` command. Everything heavy is imported inside the commands, so that `trus --help` answers at once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.errors import ConfigError, TrusError

if TYPE_CHECKING:
    from rich.progress import Progress

    from trus.data.classes import Classes

app = typer.Typer(
    help="Transrectal ultrasound: from frames to a segmentation model file and its masks. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
annotations = typer.Typer(help="Annotations in and out.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(annotations, name="annotations")

Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]


def main() -> None:
    """Entry point: a user's mistake ends in `error: ...` and exit code 1, not in a traceback."""
    try:
        app()
    except TrusError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'file system'}: {error.strerror or error}")


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(transient=True, console=Console(stderr=True))


def _version(wanted: bool) -> None:
    if wanted:
        from trus import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    patients: Annotated[int, typer.Option(help="How many synthetic patients.")] = 24,
    frames: Annotated[int, typer.Option(help="Frames a patient.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
) -> None:
    """Make SYNTHETIC ultrasound frames with gland and lesion masks and a manifest."""
    from trus.data.phantom import write_phantom

    with _progress() as progress:
        task = progress.add_task("synthetic frames", total=patients * frames)
        manifest = write_phantom(out, patients, frames, seed, lambda n, total: progress.update(task, completed=n))
    typer.echo(f"{patients * frames} synthetic frames of {patients} synthetic patients: {manifest}")


@annotations.command("formats")
def list_formats() -> None:
    """List the formats that can be imported."""
    from trus.data.annotations import FORMATS

    for name, (meaning, _) in FORMATS.items():
        typer.echo(f"{name}: {meaning}")


@annotations.command("import")
def import_annotations(
    format: Annotated[str, typer.Argument(help="One of `trus annotations formats`, e.g. masks.")],  # noqa: A002
    images: Annotated[Path, typer.Option(help="Folder of frames.")],
    masks: Annotated[Path, typer.Option(help="Folder of label masks named like the frames.")],
    out: Out,
    test_images: Annotated[Path | None, typer.Option(help="Folder of test frames.")] = None,
    test_masks: Annotated[Path | None, typer.Option(help="Folder of test masks.")] = None,
    patient_regex: Annotated[
        str | None, typer.Option(help="Finds the patient in a frame's name; its first group, e.g. '^(P\\d+)_'.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="NAME=LABEL,...; e.g. background=0,nerve=1,vessel=2.")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the frames too, instead of referring to them.")] = False,
) -> None:
    """Make a manifest (manifest.csv, classes.json, masks/) from annotated frames."""
    from trus.data.annotations import FORMATS

    if format not in FORMATS:
        raise ConfigError(f"format {format!r}: choose from {', '.join(FORMATS)}")
    summary = FORMATS[format][1](
        images, masks, out, test_images, test_masks, patient_regex, parse_classes(classes) if classes else None, copy
    )
    typer.echo(
        f"{summary.frames} frames ({summary.test_frames} test), {summary.frames - summary.without_mask} with a mask, "
        f"{summary.empty_masks} of these empty; classes {', '.join(summary.classes.targets)}"
    )
    if summary.patients:
        typer.echo(f"{summary.patients} patients")
    else:
        typer.echo("no patient ids: give --patient-regex, or train with split.allow_ungrouped=true")
    typer.echo(f"manifest: {summary.manifest}")


@app.command()
def predict(
    inputs: Annotated[list[str], typer.Argument(help="Frames, folders, globs, or a manifest.csv.", metavar="INPUT...")],
    model: Annotated[Path, typer.Option(help="An .onnx model file, or a .ckpt (needs trus[train]).")],
    out: Out,
    threshold: Annotated[float | None, typer.Option(help="Between 0 and 1, instead of the model file's own.")] = None,
    spacing: Annotated[str | None, typer.Option(help="ROW,COLUMN in mm a pixel, for areas in mm2.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Frames in work at a time.")] = 1,
) -> None:
    """Segment frames: masks/, overlays/, records/, predictions.csv and predictions.json below OUT.

    Started again, it goes on where it stopped. Exit code 1 when a frame failed; the others are done.
    """
    from trus.inference.batch import predict_batch
    from trus.inference.inputs import collect_inputs
    from trus.inference.predictor import available_cores, open_predictor

    if threshold is not None and not 0 < threshold < 1:
        raise ConfigError(f"--threshold {threshold}: must lie between 0 and 1")
    items = collect_inputs(inputs, parse_spacing(spacing) if spacing else None, out)
    predictor = open_predictor(model, threads=max(1, available_cores() // jobs))
    if threshold is not None:
        predictor.thresholds = [threshold] * len(predictor.thresholds)
    if predictor.metadata.data.cropped and not any(item.region for item in items):
        typer.echo("note: the model was trained on frames cropped by their manifest; these are taken whole", err=True)
    with _progress() as progress:
        task = progress.add_task("segmenting", total=len(items))
        result = predict_batch(predictor, items, out, jobs, lambda: progress.advance(task))
    again = f", {result.resumed} were there already" if result.resumed else ""
    typer.echo(f"{result.done} frames segmented{again}: {result.table}")
    typer.echo(predictor.metadata.statement)
    for _, reason in result.failed:
        typer.echo(f"failed: {reason}", err=True)
    if result.failed:
        typer.echo(f"{len(result.failed)} of {len(items)} frames failed", err=True)
        raise typer.Exit(1)


def parse_classes(text: str) -> "Classes":
    """`background=0,nerve=1` -> Classes. Raises ConfigError that names the part which cannot be read."""
    from trus.data.classes import Classes

    labels = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value.isdigit() or value in labels:
            raise ConfigError(f"--classes {text!r}: cannot read {part!r}; write e.g. background=0,nerve=1,vessel=2")
        labels[value] = name
    return Classes.from_dict({"labels": labels}, "--classes")


def parse_spacing(text: str) -> tuple[float, float]:
    """`0.1,0.1` -> (row, column) in mm. Raises ConfigError."""
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--spacing {text!r}: write two numbers in mm, e.g. 0.12,0.12") from error
    if not (0 < row < 100 and 0 < column < 100):
        raise ConfigError(f"--spacing {text!r}: mm a pixel must lie between 0 and 100")
    return row, column
