"""`trus annotations`."""

from pathlib import Path
from typing import Annotated

import typer

from trus.cli.terminal import Out, parse_classes
from trus.errors import ConfigError

annotations = typer.Typer(help="Annotations in and out.", no_args_is_help=True, rich_markup_mode=None)


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
