"""`trus intake`."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.cli.terminal import Out, parse_classes, progress_bar
from trus.cores import available_cores

if TYPE_CHECKING:
    from trus.data.classes import Classes
    from trus.data.intake.intake import Result
    from trus.data.intake.settings import Settings
    from trus.data.intake.side_files import SpacingList


class PatientFrom(enum.StrEnum):
    """Where the patient id stands."""

    dicom = "dicom"
    parent_folder = "parent-folder"
    regex = "regex"
    none = "none"


class Outside(enum.StrEnum):
    """What becomes of the pixels outside of the region."""

    crop = "crop"
    blank = "blank"


Raw = Annotated[list[Path], typer.Argument(help="Raw files and folders.", metavar="RAW...")]
Private = Annotated[Path | None, typer.Option(help="Folder that must stay; by default OUT-private.")]
Key = Annotated[Path | None, typer.Option(help="Key file of the pseudonyms; made where it is not there.")]
From = Annotated[PatientFrom, typer.Option(help="Where the patient id stands.")]
Pattern = Annotated[str | None, typer.Option(help="Sought in the path below RAW; its first group, e.g. '^([^/]+)/'.")]
OneRegion = Annotated[
    str | None, typer.Option(help="x0,y0,x1,y1 in px for every file, or whole for frames that are cut already.")
]
Regions = Annotated[
    Path | None, typer.Option(help="CSV of device,width,height,x0,y0,x1,y1[,spacing_row_mm,spacing_col_mm].")
]
Outer = Annotated[Outside, typer.Option(help="What becomes of pixels outside of the region.")]
Spacings = Annotated[Path | None, typer.Option(help="CSV: file, then spacing_row_mm,spacing_col_mm or pixel_size.")]
Every = Annotated[int, typer.Option(min=1, help="Every N-th frame of clips.")]
Frames = Annotated[str | None, typer.Option(help="Frames of clips: START:STOP:STEP or numbers, from 0.")]
Axis = Annotated[int, typer.Option(min=0, max=2, help="Axis along which volumes are cut into slices.")]
Accept = Annotated[
    Path | None, typer.Option(help="List of ids in quarantine that a person has looked at, e.g. quarantine.csv.")
]
KeepDevice = Annotated[bool, typer.Option("--keep-device", help="Write the device's plain name.")]
Licence = Annotated[str, typer.Option(help="Licence of the frames, for the manifest.")]
ClassNames = Annotated[
    str | None, typer.Option(help="classes.json or NAME=LABEL,...; by default gland (1) with lesion (2) inside.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")]


def take_in_frames(
    inputs: Raw,
    out: Out,
    private: Private = None,
    key: Key = None,
    patient_from: From = PatientFrom.dicom,
    patient_regex: Pattern = None,
    region: OneRegion = None,
    regions: Regions = None,
    outside: Outer = Outside.crop,
    spacing_csv: Spacings = None,
    every: Every = 1,
    frames: Frames = None,
    axis: Axis = 2,
    accept: Accept = None,
    keep_device: KeepDevice = False,
    licence: Licence = "",
    classes: ClassNames = None,
    jobs: Jobs = None,
) -> None:
    """Take raw exports of scanners in: de-identified PNG frames and a manifest below OUT.

    OUT can be handed on as a whole, after a look at the contact sheets. Everything else stays in OUT-private: the key,
    frames that a person must decide on, contact sheets, the list of sources. Started again, it goes on where it
    stopped. Exit code 1 when a file was refused; frames in quarantine alone do not change it.
    """
    from trus.data.intake.raw_files import patient_rule
    from trus.data.intake.settings import Settings, parse_frames, parse_region
    from trus.data.intake.side_files import read_accepted, read_device_regions, read_spacings

    rows = read_device_regions(regions) if regions else ()
    settings = Settings(
        patient_rule(patient_from.value, patient_regex, len(inputs) > 1), parse_region(region), rows,
        outside is Outside.blank, every, parse_frames(frames), axis, keep_device, licence,
    )  # fmt: skip
    spacings = read_spacings(spacing_csv) if spacing_csv else None
    accepted = read_accepted(accept) if accept else []
    _report(_run(inputs, out, settings, private, key, spacings, accepted, _classes(classes), jobs))


def _run(
    inputs: list[Path],
    out: Path,
    settings: "Settings",
    private: Path | None,
    key: Path | None,
    spacings: "SpacingList | None",
    accepted: list[str],
    classes: "Classes | None",
    jobs: int | None,
) -> "Result":
    from trus.data.intake.intake import intake

    with progress_bar() as progress:
        task = progress.add_task("files", total=None)
        return intake(
            inputs, out, settings, private, key, spacings, accepted, classes, jobs or available_cores(),
            lambda files: progress.update(task, total=files),
            lambda done, taken: progress.update(task, completed=done, description=f"files ({taken} frames)"),
        )  # fmt: skip


def _classes(text: str | None) -> "Classes | None":
    from trus.data.classes import Classes

    if text is None:
        return None
    return Classes.load(Path(text)) if text.endswith(".json") else parse_classes(text)


def _report(result: "Result") -> None:
    from trus.data.intake.report import notes, summary

    for line in summary(result):
        typer.echo(line)
    for line in notes(result):
        typer.echo(line, err=True)
    if result.outcome.interrupted:
        raise typer.Exit(130)
    if result.outcome.refused or result.outcome.changed or result.outcome.unwritable or result.published.unknown:
        raise typer.Exit(1)
