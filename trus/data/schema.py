"""The manifest's schema: its columns, and every breach of it as row, column, value and remedy."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trus.errors import ManifestError

if TYPE_CHECKING:
    import pandas as pd

REGION = ("region_x0", "region_y0", "region_x1", "region_y1")
SPACING = ("spacing_row_mm", "spacing_col_mm")
COLUMNS = (
    *("image_id", "image", "mask", "patient_id", "split"),
    *SPACING,
    *REGION,
    *("device", "annotator", "source", "licence"),
)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a manifest: where, what, and what would be right."""

    row: int
    column: str
    value: str
    remedy: str

    def __str__(self) -> str:
        """One line of the error."""
        return f"row {self.row}, column {self.column}, value {self.value!r}: {self.remedy}"


def read_table(path: Path) -> "pd.DataFrame":
    """Read a manifest with every cell as stripped text. Raises ManifestError."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ManifestError(
            f"{path}: no such manifest; `trus annotations import` and `trus phantom` write one"
        ) from error
    except (ValueError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ManifestError(f"{path}: cannot be read as CSV ({error})") from error
    if table.empty:
        raise ManifestError(f"{path}: holds no row; `trus annotations import` and `trus phantom` write one")
    return table.apply(lambda column: column.str.strip())


def schema_problems(table: "pd.DataFrame") -> list[Problem]:
    """Every breach of the schema, in row order; the table itself is read by `read_table`."""
    from pandera.errors import SchemaErrors

    try:
        _schema().validate(table, lazy=True)
        problems = []
    except SchemaErrors as error:
        problems = [_problem(case) for case in error.failure_cases.to_dict("records")]
    return sorted(problems + _misspelt_columns(table) + _group_problems(table), key=lambda problem: problem.row)


def _schema() -> Any:
    import pandera.pandas as pa

    def matches(pattern: str, remedy: str) -> Any:
        return pa.Check(lambda text: re.fullmatch(pattern, text) is not None, element_wise=True, error=remedy)

    number = r"(?=.*[1-9])\d*\.?\d+(e-?\d+)?"
    filled = matches(".+", "must not be empty")
    return pa.DataFrameSchema(
        {
            "image_id": pa.Column(str, filled, unique=True),
            "image": pa.Column(str, filled),
            "mask": pa.Column(str, required=False),
            "patient_id": pa.Column(str, required=False),
            "split": pa.Column(str, matches("|train|test", "must be train, test or empty"), required=False),
            **{
                c: pa.Column(str, matches(f"|{number}", "must be millimetres above 0, or empty"), required=False)
                for c in SPACING
            },
            **{
                c: pa.Column(str, matches(r"|\d+", "must be a pixel position from 0, or empty"), required=False)
                for c in REGION
            },
            **{c: pa.Column(str, required=False) for c in ("device", "annotator", "source", "licence")},
        },
        unique_column_names=True,
    )


def _problem(case: dict[str, Any]) -> Problem:
    check, value = str(case["check"]), str(case["failure_case"])
    row = 1 if case["index"] is None or case["index"] != case["index"] else int(case["index"]) + 2
    if check == "column_in_dataframe":
        return Problem(1, value, "", "this column is required; add it")
    if check == "field_uniqueness":
        return Problem(row, str(case["column"]), value, "stands in more than one row; each frame needs its own")
    return Problem(row, str(case["column"]), value, check)


def _misspelt_columns(table: "pd.DataFrame") -> list[Problem]:
    """Further columns are welcome (they can be strata), but not one that is a known name mistyped."""
    problems = []
    for column in set(map(str, table.columns)) - set(COLUMNS):
        if meant := difflib.get_close_matches(column.lower().replace(" ", "_"), COLUMNS, n=1, cutoff=0.85):
            problems.append(Problem(1, column, "", f"unknown column; did you mean {meant[0]}?"))
    return problems


def _group_problems(table: "pd.DataFrame") -> list[Problem]:
    problems = []
    for i, row in enumerate(table.to_dict("records")):
        for group in (SPACING, REGION):
            given = [row.get(column, "") != "" for column in group]
            if any(given) and not all(given):
                problems.append(
                    Problem(i + 2, group[given.index(False)], "", f"fill all of {', '.join(group)}, or none")
                )
    return problems
