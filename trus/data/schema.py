"""The manifest's schema: its columns, and every breach of it as row, column, value and remedy."""

import csv
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
SPACING_REMEDY = "must be millimetres a pixel, above 0 and below 100, or empty"
COLUMNS = (
    *("image_id", "image", "mask", "patient_id", "split"),
    *SPACING,
    *REGION,
    *("device", "annotator", "source", "licence", "spacing_note"),
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
    """Read a manifest with every cell as stripped text; the index is the line in the file. Raises ManifestError."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            table = _table(csv.reader(file, strict=True))
    except FileNotFoundError as error:
        raise ManifestError(
            f"{path}: no such manifest; `trus annotations import` and `trus phantom` write one"
        ) from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: is not UTF-8 text ({error}); save it as CSV UTF-8") from error
    except (ValueError, csv.Error, IsADirectoryError) as error:
        raise ManifestError(f"{path}: cannot be read as CSV ({error})") from error
    if table.empty:
        raise ManifestError(f"{path}: holds no row; `trus annotations import` and `trus phantom` write one")
    return table


def _table(reader: Any) -> "pd.DataFrame":
    import pandas as pd

    header = [name.strip() for name in next(reader, [])]
    while header and not header[-1]:
        header.pop()
    if len(header) == 1 and ";" in header[0]:
        raise ValueError("its columns are separated by semicolons; save it with commas")
    lines, numbers = [], []
    start = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            if any(cell.strip() for cell in cells[len(header) :]):
                raise ValueError(f"row {start} has {len(cells)} cells, the header {len(header)}")
            lines.append([cell.strip() for cell in [*cells, *[""] * len(header)][: len(header)]])
            numbers.append(start)
        start = reader.line_num + 1
    return pd.DataFrame(lines, numbers, header, dtype=str)


def schema_problems(table: "pd.DataFrame") -> list[Problem]:
    """Every breach of the schema, in row order; the table itself is read by `read_table`."""
    from pandera.errors import SchemaErrors

    if not table.columns.is_unique:
        return _repeated_columns(table)
    try:
        _schema().validate(table, lazy=True)
        problems = []
    except SchemaErrors as error:
        problems = [_problem(case) for case in error.failure_cases.to_dict("records")]
    problems += _misspelt_columns(table) + _group_problems(table) + _patients_on_both_sides(table)
    return sorted(problems, key=lambda problem: problem.row)


def _schema() -> Any:
    import pandera.pandas as pa

    def matches(pattern: str, remedy: str) -> Any:
        return pa.Check(lambda text: re.fullmatch(pattern, text) is not None, element_wise=True, error=remedy)

    filled = matches(".+", "must not be empty")
    within = matches(r"(?![/\\])(?!.*(^|[/\\])\.\.?([/\\]|$)).*", "names result files: no path out of their folder")
    return pa.DataFrameSchema(
        {
            "image_id": pa.Column(str, [filled, within], unique=True),
            "image": pa.Column(str, filled),
            "mask": pa.Column(str, required=False),
            "patient_id": pa.Column(str, required=False),
            "split": pa.Column(str, matches("|train|test", "must be train, test or empty"), required=False),
            **{
                c: pa.Column(str, pa.Check(_is_spacing, element_wise=True, error=SPACING_REMEDY), required=False)
                for c in SPACING
            },
            **{
                c: pa.Column(str, matches(r"|\d+", "must be a pixel position from 0, or empty"), required=False)
                for c in REGION
            },
            **{c: pa.Column(str, required=False) for c in ("device", "annotator", "source", "licence", "spacing_note")},
        },
    )


def _is_spacing(text: str) -> bool:
    try:
        return not text or 0 < float(text) < 100
    except ValueError:
        return False


def _problem(case: dict[str, Any]) -> Problem:
    check, value = str(case["check"]), str(case["failure_case"])
    row = 1 if case["index"] is None or case["index"] != case["index"] else int(case["index"])
    if check == "column_in_dataframe":
        return Problem(1, value, "", "this column is required; add it")
    if check == "field_uniqueness":
        return Problem(row, str(case["column"]), value, "stands in more than one row; each frame needs its own")
    return Problem(row, str(case["column"]), value, check)


def _repeated_columns(table: "pd.DataFrame") -> list[Problem]:
    repeated = dict.fromkeys(table.columns[table.columns.duplicated()])
    return [Problem(1, str(column), "", "this column stands there more than once; keep one") for column in repeated]


def _misspelt_columns(table: "pd.DataFrame") -> list[Problem]:
    """Further columns are welcome (they can be strata), but not one that is a known name mistyped."""
    problems = []
    for column in set(map(str, table.columns)) - set(COLUMNS):
        if meant := difflib.get_close_matches(column.lower().replace(" ", "_"), COLUMNS, n=1, cutoff=0.85):
            problems.append(Problem(1, column, "", f"unknown column; did you mean {meant[0]}?"))
    return problems


def _group_problems(table: "pd.DataFrame") -> list[Problem]:
    problems = []
    for number, row in zip(table.index, table.to_dict("records"), strict=True):
        for group in (SPACING, REGION):
            given = [row.get(column, "") != "" for column in group]
            if any(given) and not all(given):
                problems.append(
                    Problem(int(number), group[given.index(False)], "", f"fill all of {', '.join(group)}, or none")
                )
    return problems


def _patients_on_both_sides(table: "pd.DataFrame") -> list[Problem]:
    if not {"patient_id", "split"} <= {*table.columns}:
        return []
    testers = {*table.loc[table["split"] == "test", "patient_id"]} - {""}
    leaking = table[table["patient_id"].isin(testers) & (table["split"] != "test")]
    remedy = "this patient has test frames too, which would leak; put all of a patient's frames on one side"
    return [
        Problem(int(number), "split", row["split"], f"patient {row['patient_id']!r}: {remedy}")
        for number, row in zip(leaking.index, leaking.to_dict("records"), strict=True)
    ]
