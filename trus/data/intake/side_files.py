"""Lists that come with the raw files: regions of devices, spacings, frames that a person accepted.

Messages name rows and never quote a cell: these files hold names of files.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trus.data.intake.pseudonyms import normalised
from trus.data.intake.source import Box
from trus.errors import IntakeError

Spacing = tuple[float, float]
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class DeviceRegion:
    """Where the ultrasound picture lies on the screen of a device, for frames of exactly this width and height."""

    device: str
    width: int
    height: int
    box: Box
    spacing: Spacing | None = None


def read_device_regions(path: Path) -> tuple[DeviceRegion, ...]:
    """`device,width,height,x0,y0,x1,y1[,spacing_row_mm,spacing_col_mm]`; device is `Manufacturer Model` or `*`.

    Raises IntakeError with every wrong row.
    """
    needed = ("device", "width", "height", "x0", "y0", "x1", "y1")
    regions, problems = [], []
    for number, row in _rows(path, "--regions", needed):
        try:
            regions.append(_device_region(row))
        except (ValueError, KeyError):
            problems.append(f"row {number}")
    if problems:
        raise IntakeError(
            f"--regions: {', '.join(problems)}: needs whole numbers with 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= "
            "height, and both spacings (0 to 100 mm) or none"
        )
    return tuple(regions)


def _device_region(row: dict[str, str]) -> DeviceRegion:
    width, height, x0, y0, x1, y1 = (int(row[name]) for name in ("width", "height", "x0", "y0", "x1", "y1"))
    if not (row["device"] and 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError
    texts = [row.get(name, "") for name in ("spacing_row_mm", "spacing_col_mm")]
    return DeviceRegion(row["device"], width, height, (x0, y0, x1, y1), _spacing(texts) if any(texts) else None)


@dataclass(frozen=True)
class SpacingList:
    """Spacings by file name, path below the input, or pseudonymous id."""

    by_name: dict[str, Spacing]

    def find(self, *names: str) -> Spacing | None:
        """The spacing under the first of `names` that the list has."""
        return next((self.by_name[n] for n in map(normalised, names) if n in self.by_name), None)


def read_spacings(path: Path) -> SpacingList:
    """First column the file; then `spacing_row_mm,spacing_col_mm`, or one column whose name begins with `pixel`.

    Raises IntakeError with every wrong row: unreadable numbers, or one file with two different spacings.
    """
    found: dict[str, Spacing] = {}
    problems = []
    for number, row in _rows(path, "--spacing-csv", ()):
        name, *_ = row.values()
        try:
            spacing = _spacing(_spacing_cells(row))
        except ValueError:
            problems.append(f"row {number}")
            continue
        if not agree(found.setdefault(normalised(name), spacing), spacing):
            problems.append(f"row {number} (the same file stands above with another spacing)")
    if problems:
        raise IntakeError(f"--spacing-csv: {', '.join(problems)}: needs mm a pixel, above 0 and below 100")
    return SpacingList(found)


def _spacing_cells(row: dict[str, str]) -> list[str]:
    if {"spacing_row_mm", "spacing_col_mm"} <= row.keys():
        return [row["spacing_row_mm"], row["spacing_col_mm"]]
    pixel = [text for name, text in row.items() if name.lower().replace("_", " ").startswith("pixel")]
    if len(pixel) != 1:
        raise IntakeError(
            "--spacing-csv: needs the columns spacing_row_mm and spacing_col_mm, or one column named pixel_size"
        )
    return pixel * 2


def _spacing(cells: list[str]) -> Spacing:
    row, column = (float(cell.replace(",", ".")) for cell in cells)
    if not (0 < row < 100 and 0 < column < 100):
        raise ValueError
    return row, column


def agree(one: Spacing, other: Spacing) -> bool:
    """Whether two spacings differ by at most 1 %."""
    return all(abs(a - b) <= 0.01 * max(a, b) for a, b in zip(one, other, strict=True))


def read_accepted(path: Path) -> list[str]:
    """Ids that a person accepted: one a line, or a CSV with a column `id` such as an edited quarantine.csv."""
    text = _text(path, "--accept")
    first = text.partition("\n")[0]
    if "id" in [name.strip() for name in first.replace(";", ",").split(",")]:
        ids = [row["id"] for _, row in _rows(path, "--accept", ("id",))]
    else:
        ids = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [*dict.fromkeys(filter(None, ids))]


def _rows(path: Path, option: str, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) with stripped cells. Raises IntakeError."""
    text = _text(path, option)
    separator = ";" if ";" in text.partition("\n")[0] else ","
    try:
        lines = [*csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)]
    except csv.Error:
        raise IntakeError(f"{option}: cannot be read as CSV; save it again as CSV UTF-8") from None
    if len(lines) < 2:
        raise IntakeError(f"{option}: holds no row below the names of its columns")
    names = [name.strip() for name in lines[0]]
    missing = [name for name in needed if name not in names]
    if missing or not any(names) or len(names) != len(set(names)):
        raise IntakeError(f"{option}: the first row must name each column once; missing: {', '.join(missing) or '-'}")
    for number, cells in enumerate(lines[1:], 2):
        if any(cell.strip() for cell in cells):
            yield number, dict(zip(names, [cell.strip() for cell in [*cells, *[""] * len(names)]], strict=False))


def _text(path: Path, option: str) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise IntakeError(f"{option}: is larger than {LARGEST // 2**20} MiB; it is no such list")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise IntakeError(f"{option}: the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise IntakeError(f"{option}: is not UTF-8 text; save it as CSV UTF-8") from None
