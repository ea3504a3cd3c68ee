"""HC18: fetal heads with pixel sizes (van den Heuvel et al., PLOS ONE 13(8), 2018)."""

import csv
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Painted, ReadOptions
from trus.data.annotations.layouts.folders import drawn_in, pictures
from trus.data.classes import Classes
from trus.errors import AnnotationError

_PARTS = (("training_set", "train"), ("test_set", "test"), ("images", None), (".", None))
_ANNOTATION = "_Annotation"
_LINE = 12
"""px; what is nowhere farther from its edge than half of this is a drawn line, not a head (the smallest are 100 px)."""


def read_hc18(source: Path, options: ReadOptions) -> Export:
    """Read `NNN_HC.png` with `NNN_HC_Annotation.png` below `source`: training_set/ and test_set/, images/, or itself.

    The annotation may be the ellipse that the original draws, which is filled, or a filled mask. Pixel sizes (mm)
    come from the part's `*pixel_size*.csv`. The patient is the number before `_`: `010_2HC` is the fetus of `010_HC`;
    test_set counts anew, its numbers are prefixed. Raises AnnotationError where there is no such picture.
    """
    export = Export(Classes.from_dict({"labels": {"0": "background", "1": "head"}}), [])
    for part, split in _PARTS:
        if (source / part).is_dir():
            _read_part(source, part, split, export)
    if not export.frames:
        raise AnnotationError(f"{source}: no NNN_HC.png in it, its training_set/, test_set/ or images/")
    without = sum(frame.spacing is None for frame in export.frames)
    if without:
        export.notes.append(
            f"hc18: {without} of {len(export.frames)} pictures have no pixel size in a *pixel_size*.csv"
        )
    return export


def _read_part(source: Path, part: str, split: str | None, export: Export) -> None:
    images = pictures(source / part)
    masks = {stem.removesuffix(_ANNOTATION): images.pop(stem) for stem in [*images] if stem.endswith(_ANNOTATION)}
    sizes = _pixel_sizes(source, part, export)
    export.refused.extend(f"{masks[stem]}: there is no picture {stem}" for stem in sorted({*masks} - {*images}))
    prefix = "test_" if split == "test" else ""
    for stem, image in images.items():
        fetus = re.match(r"\d+(?=_)", stem)
        if fetus is None:
            export.refused.append(f"{image}: no number before the first _ in its name, so its fetus is not known")
            continue
        export.frames.append(
            AnnotatedFrame(
                name=image.relative_to(source).as_posix(),
                draw=_drawing(image, masks.get(stem)),
                image=image,
                image_id=prefix + stem,
                patient_id=prefix + fetus[0],
                split=split,
                spacing=sizes.get(image.name),
                source="HC18 (doi:10.5281/zenodo.1322001)",
            )
        )


def _pixel_sizes(source: Path, part: str, export: Export) -> dict[str, tuple[float, float]]:
    """File name -> mm a pixel (row, column), which HC18 states as one number."""
    prefix = part if part.endswith("_set") else ""
    files = [file for folder in (source, source / part) for file in sorted(folder.glob(f"{prefix}*pixel_size*.csv"))]
    sizes: dict[str, set[float]] = {}
    for file in dict.fromkeys(file.resolve() for file in files):
        for name, text in _rows(file):
            try:
                size = float(text)
            except ValueError:
                size = 0.0
            if 0 < size < 100:
                sizes.setdefault(name, set()).add(size)
            else:
                export.notes.append(f"{file}: pixel size {text!r} of {name} is no number of mm; no spacing is taken")
    for name in [name for name, found in sizes.items() if len(found) > 1]:
        export.notes.append(f"{part}: {name} has several pixel sizes {sorted(sizes.pop(name))}; none is taken")
    return {name: (size, size) for name, (size,) in sizes.items()}


def _rows(file: Path) -> list[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = [[cell.strip() for cell in row] for row in csv.reader(text) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{file}: cannot be read as CSV ({error})") from error
    if not rows or [cell.lower().replace(" ", "") for cell in rows[0][:2]] != ["filename", "pixelsize(mm)"]:
        raise AnnotationError(f"{file}: its columns must begin with filename, pixel size(mm), as in HC18")
    return [(row[0], row[1] if len(row) > 1 else "") for row in rows[1:]]


def _drawing(image: Path, mask: Path | None) -> Callable[[], list[Drawn]] | None:
    return None if mask is None else partial(_draw, image, mask)


def _draw(image: Path, mask: Path) -> list[Drawn]:
    plane = drawn_in(image, mask)
    if not plane.any():
        raise AnnotationError(f"{mask}: is empty, but every picture of HC18 shows a head")
    return [Painted("head", fill_outline(plane) if _is_line(plane) else plane)]


def _is_line(plane: np.ndarray) -> bool:
    from scipy.ndimage import distance_transform_edt

    return bool(distance_transform_edt(np.pad(plane, 1)).max() <= _LINE / 2)


def fill_outline(line: np.ndarray) -> np.ndarray:
    """The line around a head (convex, cut open by the picture's border or not) with what it encloses, bool (H, W).

    Raises AnnotationError where it encloses nothing.
    """
    from scipy.ndimage import label

    # inside a convex line is what its own hull covers, wherever the border cuts it
    parts, _ = label(~line)
    counts = np.bincount(parts[_hull(line) & ~line], minlength=1)
    filled = line | (parts == counts.argmax()) if counts.any() else line
    hull = _hull(filled)
    if filled.sum() < 0.95 * hull.sum() or hull.mean() > 0.98 or _is_line(filled):
        raise AnnotationError("the line around the head has gaps or bends inwards, so what it encloses is not certain")
    return filled


def _hull(plane: np.ndarray) -> np.ndarray:
    import cv2

    points = np.argwhere(plane)[:, ::-1].astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(plane.shape, np.uint8), cv2.convexHull(points), 1) > 0
