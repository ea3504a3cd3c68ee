"""`trus annotations`."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.cli.terminal import Out, parse_classes, progress_bar
from trus.errors import ConfigError

if TYPE_CHECKING:
    from trus.data.annotations.exporting import ExportSummary, Proposer
    from trus.data.annotations.importing import ImportSummary
    from trus.data.classes import Classes

annotations = typer.Typer(help="Annotations in and out.", no_args_is_help=True, rich_markup_mode=None)

FormatName = Annotated[str, typer.Argument(help="One of `trus annotations formats`.", metavar="FORMAT")]
PatientRegex = Annotated[
    str | None, typer.Option(help="Finds the patient in a frame's name; its first group, e.g. '^(P\\d+)_'.")
]
Update = Annotated[bool, typer.Option("--update", help="Replace what differs; OUT/earlier keeps the state before.")]
KeepCopies = Annotated[
    bool, typer.Option("--keep-copies", help="Roboflow's copies of one picture become a frame each.")
]
SHOWN = 10
"""So many lines of notes and changes are printed; of refused frames, all."""


class Split(enum.StrEnum):
    """Values of the manifest's column."""

    train = "train"
    test = "test"


class Geometry(enum.StrEnum):
    """How objects are written where a format can hold both."""

    polygon = "polygon"
    rle = "rle"


class Only(enum.StrEnum):
    """Which frames go out."""

    unannotated = "unannotated"


@annotations.command("formats")
def list_formats() -> None:
    """List the formats: which can be imported, which exported."""
    from rich.console import Console
    from rich.table import Table

    from trus.data.annotations import FORMATS

    table = Table("format", "import", "export", "what it is", box=None, pad_edge=False, header_style="bold")
    for name, form in FORMATS.items():
        table.add_row(name, "yes" if form.read else "-", "yes" if form.write else "-", form.meaning)
    Console(highlight=False).print(table)


@annotations.command("import")
def import_annotations(
    form: FormatName,
    source: Annotated[Path, typer.Argument(help="The export: a file, a folder, or the .zip as downloaded.")],
    out: Out,
    manifest: Annotated[Path | None, typer.Option(help="Lay the annotations onto the frames of this manifest.")] = None,
    images: Annotated[Path | None, typer.Option(help="Where the pictures are, if not in the export.")] = None,
    classes: Annotated[str | None, typer.Option(help="classes.json, or NAME=LABEL,...; e.g. gland=1,lesion=2.")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="OLD=NEW,...: what a category is called here.")] = None,
    patient_regex: PatientRegex = None,
    split: Annotated[Split | None, typer.Option(help="All frames of this import are train or test.")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the frames too, instead of referring to them.")] = False,
    update: Update = False,
    keep_copies: KeepCopies = False,
    annotator: Annotated[str | None, typer.Option(help="Whose drawings to take, or who drew these.")] = None,
) -> None:
    """Turn what an annotation tool wrote into manifest.csv, classes.json and masks/.

    Exit code 1 when a frame was refused, though the others are written, or when --update is needed.
    """
    from trus.data.annotations import format_named
    from trus.data.annotations.importing import ImportOptions, import_annotations

    chosen = format_named(form)
    new_only = {"--patient-regex": patient_regex, "--split": split, "--copy": copy, "--keep-copies": keep_copies}
    if manifest is not None and (given := [name for name, value in new_only.items() if value]):
        raise ConfigError(f"{', '.join(given)}: not together with --manifest, whose frames stay as they are")
    options = ImportOptions(
        manifest, images, _classes(classes), _renames(rename or []), patient_regex, split, copy, update, keep_copies,
        annotator,
    )  # fmt: skip
    with progress_bar() as bar:
        task = bar.add_task("importing", total=None)
        summary = import_annotations(
            chosen, source, out, options, lambda done, total: bar.update(task, completed=done, total=total)
        )
    _report_import(summary)
    if summary.refused or not summary.applied:
        raise typer.Exit(1)


@annotations.command("export")
def export_annotations(
    form: FormatName,
    out: Out,
    manifest: Annotated[Path, typer.Option(help="The manifest whose frames go out.")],
    geometry: Annotated[Geometry, typer.Option(help="Outlines, or pixels, where the format can hold both.")] = (
        Geometry.polygon
    ),
    tolerance: Annotated[float, typer.Option(help="How far an outline may stray from the mask, in px; 0 is exact.")] = (
        0.5
    ),
    model: Annotated[Path | None, typer.Option(help="A model file that draws frames without a mask.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Between 0 and 1, instead of the model file's own.")] = None,
    only: Annotated[Only | None, typer.Option(help="Only frames without a mask.")] = None,
    split: Annotated[Split | None, typer.Option(help="Only frames of this split.")] = None,
) -> None:
    """Write frames and masks for an annotation tool; with --model, frames without a mask carry its proposal."""
    from trus.data.annotations import format_named
    from trus.data.annotations.exchange import WriteOptions
    from trus.data.annotations.exporting import ExportOptions, export_annotations

    chosen = format_named(form)
    if not 0 <= tolerance <= 100:
        raise ConfigError(f"--tolerance {tolerance}: px between 0 and 100")
    if threshold is not None and not 0 < threshold < 1:
        raise ConfigError(f"--threshold {threshold}: must lie between 0 and 1")
    propose = None if model is None else _proposer(model, manifest, threshold)
    options = ExportOptions(WriteOptions(geometry, tolerance), propose, only, split)
    with progress_bar() as bar:
        task = bar.add_task("exporting", total=None)
        summary = export_annotations(chosen, manifest, out, options, lambda: bar.advance(task))
    _report_export(summary)
    if summary.refused:
        raise typer.Exit(1)


def _proposer(model: Path, manifest: Path, threshold: float | None) -> "Proposer":
    from trus.data.classes import Classes
    from trus.data.images import read_frame
    from trus.inference.predictor import open_predictor

    predictor = open_predictor(model)
    ours, theirs = Classes.load(manifest.parent / "classes.json"), predictor.classes
    wrong = [f"{v} {name!r}" for v, name in theirs.labels.items() if ours.labels.get(v) != name]
    if wrong:
        raise ConfigError(f"{model}: its labels {', '.join(wrong)} are not those of the manifest, {ours.labels}")
    if threshold is not None:
        predictor.thresholds = [threshold] * len(predictor.thresholds)
    return lambda frame: predictor.predict(read_frame(frame.image), frame.region).labels


def _classes(text: str | None) -> "Classes | None":
    from trus.data.classes import Classes

    if text is None:
        return None
    return Classes.load(Path(text)) if text.lower().endswith(".json") else parse_classes(text)


def _renames(given: list[str]) -> dict[str, str]:
    renames: dict[str, str] = {}
    for part in (part for text in given for part in text.split(",")):
        old, _, new = (piece.strip() for piece in part.partition("="))
        if not old or not new or old in renames:
            raise ConfigError(f"--rename {part!r}: write OLD=NEW, e.g. --rename Prostate=gland,Cancer=lesion")
        renames[old] = new
    return renames


def _report_import(summary: "ImportSummary") -> None:
    for note in _some(summary.notes):
        typer.echo(f"note: {note}")
    if summary.applied:
        _report_applied(summary)
    else:
        typer.echo("this import would replace what is there; nothing was written:")
        for line in _some(summary.changes.lines()):
            typer.echo(f"  {line}")
        typer.echo("give --update to replace it; the state before is kept in OUT/earlier")
    for line in summary.refused:
        typer.echo(f"refused: {line}", err=True)
    if summary.refused:
        typer.echo(f"{len(summary.refused)} refused", err=True)


def _report_applied(summary: "ImportSummary") -> None:
    changes = summary.changes
    typer.echo(
        f"{summary.frames} frames, {summary.frames - summary.without_mask} with a mask, {summary.empty_masks} of these "
        f"empty; classes {', '.join(summary.classes.targets)}"
    )
    if changes.nothing:
        typer.echo("nothing changed")
    elif summary.earlier is not None:
        typer.echo(
            f"{len(changes.lines())} change(s) of what was there; the state before is kept in {summary.earlier}:"
        )
        for line in _some(changes.lines()):
            typer.echo(f"  {line}")
    typer.echo(
        f"manifest: {summary.manifest}: {summary.rows} frames ({summary.test_frames} test), "
        f"{summary.annotated} annotated"
    )
    if summary.patients:
        typer.echo(f"{summary.patients} patients")
    else:
        typer.echo("no patient ids: give --patient-regex, or train with split.allow_ungrouped=true")


def _report_export(summary: "ExportSummary") -> None:
    bare = summary.frames - summary.annotated - summary.proposed
    proposed = f", {summary.proposed} with the model's proposal" if summary.proposed else ""
    typer.echo(f"{summary.frames} frames, {summary.annotated} with their mask{proposed}, {bare} bare: {summary.out}")
    for note in _some(summary.notes):
        typer.echo(f"note: {note}")
    for line in summary.refused:
        typer.echo(f"left out: {line}", err=True)


def _some(lines: list[str]) -> list[str]:
    return lines[:SHOWN] + ([f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
