"""Reading a manifest as far as it can be read: what breaks the schema becomes a finding instead of the end."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trus.data.check.findings import Finding
from trus.data.classes import Classes
from trus.data.manifest import Frame, frames_of
from trus.data.schema import REGION, SPACING, Problem, read_table, schema_problems
from trus.errors import ManifestError

if TYPE_CHECKING:
    import pandas as pd

POSITION_DIGITS = 9
"""A pixel position with more digits is no position; Python refuses to convert some thousand digits at all."""


@dataclass(frozen=True)
class Rows:
    """The frames that can be looked at, the classes, and what is wrong with the manifest itself."""

    frames: list[Frame]
    classes: Classes
    classes_known: bool
    findings: list[Finding] = field(default_factory=list)


def read_rows(path: Path) -> Rows:
    """Read a manifest and the classes.json beside it. Raises ManifestError only where no table can be read at all.

    A cell that breaks the schema is told and taken as empty; a row without an image is told and left out. Without a
    usable classes.json every label value is a class named by its number.
    """
    table = read_table(path)
    problems = schema_problems(table) + _endless_positions(table)
    classes, unusable = _read_classes(path.parent / "classes.json")
    findings = [*unusable, *map(_finding, problems)]
    if not table.columns.is_unique or not {"image_id", "image"} <= {*table.columns}:
        return Rows([], classes, not unusable, findings)
    usable = _without(table, problems)
    return Rows(frames_of(usable, path.resolve().parent), classes, not unusable, findings)


def _endless_positions(table: "pd.DataFrame") -> list[Problem]:
    columns = [column for column in REGION if table.columns.is_unique and column in table]
    return [
        Problem(
            int(str(number)), column, text[:20] + "...", f"must be a pixel position of at most {POSITION_DIGITS} digits"
        )
        for column in columns
        for number, text in table[column].items()
        if len(text) > POSITION_DIGITS
    ]


def _finding(problem: Problem) -> Finding:
    rows = (problem.row,) if problem.row > 1 else ()
    leaks = problem.column == "split" and problem.value in ("", "train")
    return Finding("patient-on-both-sides" if leaks else "manifest-schema", rows, str(problem))


def _without(table: "pd.DataFrame", problems: list[Problem]) -> "pd.DataFrame":
    usable = table.copy()
    for problem in problems:
        group = next((group for group in (SPACING, REGION) if problem.column in group), ())
        columns = [column for column in group if column in usable]
        if problem.column == "split" and problem.value not in ("", "train"):
            columns = ["split"]
        if problem.row > 1 and columns:
            usable.loc[problem.row, columns] = ""
    for group in (SPACING, REGION):
        if not {*group} <= {*usable.columns}:
            usable = usable.drop(columns=[column for column in group if column in usable])
    return usable[usable["image"] != ""]


def _read_classes(path: Path) -> tuple[Classes, list[Finding]]:
    try:
        return Classes.load(path), []
    except (ManifestError, OSError, RecursionError) as error:
        numbered = {"labels": {str(value): f"label {value}" for value in range(1, 256)}}
        return Classes.from_dict(numbered), [Finding("classes-unreadable", (), str(error))]
