"""The manifest: one CSV, one row a frame, and what must be true of it and of the files that it names."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.schema import COLUMNS, REGION, SPACING, Problem, read_table, schema_problems
from trus.errors import ImageError, ManifestError
from trus.files import hash_file, hash_json, write_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Frame:
    """One row: absolute paths, None for what is not known. `row` is the line in the CSV file (the header is 1)."""

    row: int
    image_id: str
    image: Path
    mask: Path | None
    patient_id: str | None
    split: str | None
    spacing: tuple[float, float] | None
    region: tuple[int, int, int, int] | None
    source: str | None
    licence: str | None
    device: str | None = None
    annotator: str | None = None
    spacing_note: str | None = None


@dataclass(frozen=True)
class Contents:
    """What `Manifest.verify` read, by image_id: SHA-256 of each image and mask, and how many pixels of the mask hold
    each label value, int64 (256,); and the hash of all the data."""

    image: dict[str, str]
    mask: dict[str, str]
    pixels: dict[str, np.ndarray]
    data_hash: str


@dataclass(frozen=True)
class _Held:
    """What one readable file holds: its SHA-256, its height and width, and how many pixels hold each label value,
    int64 (256,), of an image (0,)."""

    digest: str
    size: tuple[int, int]
    pixels: np.ndarray


_held: dict[str, _Held] = {}
"""By column and SHA-256: the jobs of a sweep decode a file once, whatever its path."""


@dataclass(frozen=True)
class Manifest:
    """A manifest that passed its schema."""

    path: Path
    frames: list[Frame]
    classes: Classes

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read and check a manifest and the classes.json beside it; files are checked by `verify`.

        Raises ManifestError that lists every problem with its row, column, value and remedy.
        """
        path = Path(path)
        table = read_table(path)
        _raise(path, schema_problems(table))
        return cls(path, frames_of(table, path.resolve().parent), Classes.load(path.parent / "classes.json"))

    def verify(self, threads: int = 4) -> Contents:
        """Decode every file; check sizes, labels, regions and repeats. Raises ManifestError with all problems."""
        with ThreadPoolExecutor(threads) as pool:
            checked = list(pool.map(self._check_frame, self.frames))
        names = [frame.image_id for frame in self.frames]
        images = {name: image for name, (_, image, _) in zip(names, checked, strict=True) if image}
        masks = {name: mask for name, (_, _, mask) in zip(names, checked, strict=True) if mask}
        image, mask = ({name: held.digest for name, held in column.items()} for column in (images, masks))
        pixels = {name: held.pixels for name, held in masks.items()}
        _raise(self.path, [problem for problems, _, _ in checked for problem in problems] + self._repeated(image))
        return Contents(image, mask, pixels, hash_data(self.frames, self.classes, image, mask))

    def _check_frame(self, frame: Frame) -> tuple[list[Problem], _Held | None, _Held | None]:
        image, problems = _read(frame, "image")
        if image:
            problems += _check_region(frame, image.size)
        if frame.mask is None:
            return problems, image, None
        mask, unreadable = _read(frame, "mask")
        problems += unreadable
        if mask:
            problems += self._check_mask(frame, mask, image)
        return problems, image, mask

    def _check_mask(self, frame: Frame, mask: _Held, image: _Held | None) -> list[Problem]:
        problems = []
        if image and mask.size != image.size:
            (height, width), size = mask.size, image.size
            shapes = f"the mask is {width}x{height}, its frame {size[1]}x{size[0]} px"
            remedy = f"{shapes}; export it at the frame's size"
            problems.append(Problem(frame.row, "mask", str(frame.mask), remedy))
        if unknown := sorted({*np.flatnonzero(mask.pixels).tolist()} - {*self.classes.labels}):
            remedy = f"holds labels {unknown} that classes.json does not name: {self.classes.labels}"
            problems.append(Problem(frame.row, "mask", str(frame.mask), remedy))
        return problems

    def _repeated(self, image: dict[str, str]) -> list[Problem]:
        groups: dict[str, list[Frame]] = defaultdict(list)
        for frame in self.frames:
            if frame.image_id in image:
                groups[image[frame.image_id]].append(frame)
        problems = []
        for first, *others in groups.values():
            for frame in others:
                if frame.patient_id != first.patient_id:
                    remedy = (
                        f"the same frame stands in row {first.row} under patient {first.patient_id!r}; keep one of them"
                    )
                    problems.append(Problem(frame.row, "patient_id", str(frame.patient_id or ""), remedy))
                elif (frame.split == "test") != (first.split == "test"):
                    remedy = f"the same frame stands in row {first.row} on the other side of the test split; keep one"
                    problems.append(Problem(frame.row, "split", str(frame.split or ""), remedy))
        return problems


def frames_of(table: "pd.DataFrame", folder: Path) -> list[Frame]:
    """Rows of a table that keeps the schema -> frames whose paths start at `folder`."""
    return [
        _frame(int(number), {str(key): text for key, text in row.items()}, folder)
        for number, row in zip(table.index, table.to_dict("records"), strict=True)
    ]


def hash_data(frames: Sequence[Frame], classes: Classes, image: dict[str, str], mask: dict[str, str]) -> str:
    """One SHA-256 of all that a training reads; `image` and `mask` are those of the files by image_id."""
    rows = [[f.image_id, f.patient_id, f.split, f.region, image[f.image_id], mask.get(f.image_id)] for f in frames]
    return hash_json([sorted(rows, key=lambda row: str(row[0])), classes.to_dict()])


def write_manifest(path: Path, rows: Iterable[dict[str, Any]], further: Sequence[str] = ()) -> None:
    """Write rows (keys from COLUMNS and `further`, others are refused), atomically; missing keys stay empty."""
    write_text(path, manifest_text(rows, further))


def manifest_text(rows: Iterable[dict[str, Any]], further: Sequence[str] = ()) -> str:
    """The CSV that `write_manifest` writes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*COLUMNS, *further], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def _frame(number: int, row: dict[str, str], folder: Path) -> Frame:
    text = {column: row.get(column) or None for column in COLUMNS}
    spacing = (float(row[SPACING[0]]), float(row[SPACING[1]])) if text[SPACING[0]] else None
    region = tuple(int(row[column]) for column in REGION) if text[REGION[0]] else None
    return Frame(
        row=number,
        image_id=row["image_id"],
        image=folder / row["image"],
        mask=folder / row["mask"] if text["mask"] else None,
        patient_id=text["patient_id"],
        split=text["split"],
        spacing=spacing,
        region=region,  # type: ignore[arg-type]
        source=text["source"],
        licence=text["licence"],
        device=text["device"],
        annotator=text["annotator"],
        spacing_note=text["spacing_note"],
    )


def _read(frame: Frame, column: str) -> tuple[_Held | None, list[Problem]]:
    path = getattr(frame, column)
    try:
        return _hold(path, column), []
    except ImageError as error:
        return None, [Problem(frame.row, column, str(path), str(error).removeprefix(f"{path}: "))]


def _hold(path: Path, column: str) -> _Held:
    """Decode an image or a mask, unless one of the same content was. Raises ImageError."""
    reader = read_frame if column == "image" else read_mask
    try:
        digest = hash_file(path)
    except OSError:
        reader(path)  # says what is wrong with it
        raise
    key = f"{column} {digest}"
    if key not in _held:
        array = reader(path)
        # labels are 0 to 255; counting them is ten times as fast as a sort
        pixels = np.zeros(0, np.int64) if column == "image" else np.bincount(array.ravel(), minlength=256)
        _held[key] = _Held(digest, (array.shape[0], array.shape[1]), pixels)
    return _held[key]


def _check_region(frame: Frame, size: tuple[int, ...]) -> list[Problem]:
    if frame.region is None:
        return []
    x0, y0, x1, y1 = frame.region
    if x0 < x1 <= size[1] and y0 < y1 <= size[0]:
        return []
    remedy = f"must be x0 < x1 <= {size[1]} and y0 < y1 <= {size[0]}, the frame's size"
    return [Problem(frame.row, "region_x0..y1", str(frame.region), remedy)]


def _raise(path: Path, problems: list[Problem]) -> None:
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ManifestError(f"{path}: {len(problems)} problem(s)\n{lines}")
