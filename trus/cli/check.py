"""`trus check`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.cli.terminal import progress_bar
from trus.cores import available_cores
from trus.errors import ConfigError

if TYPE_CHECKING:
    from trus.data.check import Check

PAGE = "check.html"
SHOWN = 3
"""Findings of a kind that the terminal shows; the page has the others."""


def check_data(
    manifest: Annotated[Path, typer.Argument(help="The manifest.csv to check.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page; check.html beside the manifest by default.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 on warnings too.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A kind of warning that was looked at; repeatable.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all findings as JSON too.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Frames in work at a time; all cores by default.")] = None,
) -> None:
    """Check a manifest and its files: a summary here, and one HTML page with pictures.

    Exit code 1 on errors, with --strict on warnings too.
    """
    from trus.data.check import Severity, check_manifest
    from trus.data.check.page import require_jinja, write_page
    from trus.data.check.summary import as_json
    from trus.files import write_json

    require_jinja()
    page = _page(manifest, out)
    _refuse_to_overwrite(page, json)
    jobs = jobs or available_cores()
    with progress_bar() as progress:
        task = progress.add_task("checking")
        check = check_manifest(
            manifest, jobs, accept or (), lambda done, total: progress.update(task, completed=done, total=total)
        )
        task = progress.add_task("drawing")
        write_page(check, page, jobs, lambda done, total: progress.update(task, completed=done, total=total))
    if json is not None:
        write_json(json, as_json(check))
    _print_summary(check)
    typer.echo(f"page: {page}")
    if check.count(Severity.ERROR) or (strict and check.count(Severity.WARNING)):
        raise typer.Exit(1)


def _page(manifest: Path, out: Path | None) -> Path:
    if out is not None:
        return out / PAGE if out.is_dir() else out
    if not manifest.parent.is_dir() or os.access(manifest.parent, os.W_OK):
        return manifest.parent / PAGE
    typer.echo(f"note: {manifest.parent} cannot be written to; the page goes to ./{PAGE}", err=True)
    return Path(PAGE)


def _refuse_to_overwrite(page: Path, json: Path | None) -> None:
    """An earlier result may be replaced; anything else was named by mistake."""
    if json is not None and page.resolve() == json.resolve():
        raise ConfigError(f"{page}: cannot be both the page and the JSON file; give --json another name")
    for target in (page, json):
        if target is not None and target.exists():
            with target.open("rb") as file:
                if b"trus check " not in file.read(4096):
                    raise ConfigError(f"{target}: exists and was not written by trus check; choose another name")


def _print_summary(check: "Check") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from trus.data.check import Severity
    from trus.data.check.page import group_findings

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)  # a log has no width of its own
    for line in _totals(check):
        typer.echo(line)
    colours = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in (("", "left"), ("code", "left"), ("found", "right"), ("frames", "right")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("what", no_wrap=True, overflow="ellipsis")
    groups = group_findings(check)
    for group in groups:
        label = "accepted" if group.accepted else str(group.severity)
        cells = (group.code, str(len(group.findings)), str(group.frames or ""), group.kind.title)
        table.add_row(f"[{colours[group.severity]}]{label}[/]", *cells)
    console.print(table)
    for group in (group for group in groups if group.severity is not Severity.INFO):
        console.print(f"\n[{colours[group.severity]}]{group.code}[/]: {escape(group.kind.remedy)}", soft_wrap=True)
        for finding in group.findings[:SHOWN]:
            console.print(f"  {escape(_one_line(finding.what))}", soft_wrap=True)
        if len(group.findings) > SHOWN:
            console.print(f"  ... and {len(group.findings) - SHOWN} more")
    words = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
    counts = [(check.count(severity), word) for severity, word in words]
    typer.echo("\n" + ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts))


def _one_line(text: str) -> str:
    """What files and cells hold must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _totals(check: "Check") -> list[str]:
    from trus.data.check.summary import summarise

    summary = summarise(check)
    split = ", ".join(f"{n} {part or 'in no part'}" for part, n in summary.split.items())
    patients = f"{summary.patients_known} patients" if summary.patients else "patients not known"
    lines = [
        f"{summary.frames} frames ({split}), {patients}",
        f"{summary.annotated} with a mask, {summary.empty} of these empty; {summary.not_annotated} not annotated",
    ]
    if summary.synthetic:
        lines.append(f"SYNTHETIC: {summary.synthetic} of {summary.frames} frames were computed")
    return [*lines, f"data hash: {check.data_hash or 'none, the data has errors'}"]
