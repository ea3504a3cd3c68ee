"""Masks in colours: which colour means which class, and the label values of a coloured picture."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageColor

from trus.data.annotations.categories import BACKGROUND
from trus.data.classes import Classes
from trus.data.images import read_frame
from trus.errors import AnnotationError

Colour = tuple[int, int, int]
FILES = ("colormap.csv", "colormap.json", "labelmap.txt")
_LARGEST = 2**20


@dataclass(frozen=True)
class ColourMap:
    """`labels` maps an RGB colour to a label value, `names` a label value to its class; 0 is the background."""

    labels: dict[Colour, int]
    names: dict[int, str]

    @property
    def classes(self) -> Classes:
        """The classes in the order of the colour map."""
        return Classes.from_dict({"labels": {str(value): name for value, name in self.names.items()}}, "colour map")

    def read(self, path: Path) -> np.ndarray:
        """A coloured mask (indexed, grey or RGB) -> label values uint8 (H, W).

        Raises ImageError, and AnnotationError for a colour that the map does not name.
        """
        packed = _packed(_rgb(path))
        colours, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
        known = {_pack(colour): value for colour, value in self.labels.items()}
        foreign = [number for number, colour in enumerate(colours.tolist()) if colour not in known]
        if foreign:
            most = max(foreign, key=lambda number: counts[number])
            r, g, b = (int(colours[most]) >> shift & 255 for shift in (16, 8, 0))
            raise AnnotationError(
                f"{path}: {sum(counts[n] for n in foreign)} px in {len(foreign)} colour(s) that the colour map does "
                f"not name, mostly {r},{g},{b}; add them, or save the mask without smoothing and not as JPEG"
            )
        values = np.array([known[colour] for colour in colours.tolist()], np.uint8)
        return values[inverse].reshape(packed.shape)


def find_colour_map(*folders: Path) -> ColourMap | None:
    """The colour map of the first folder that holds one (FILES). Raises AnnotationError where it cannot be read."""
    path = next((folder / name for folder in folders for name in FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    if path.stat().st_size > _LARGEST:
        raise AnnotationError(f"{path}: {path.stat().st_size} bytes are no colour map")
    try:
        text = path.read_text(encoding="utf-8-sig")
        pairs = _PARSERS[path.suffix](text)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise AnnotationError(f"{path}: cannot be read; write lines of name,r,g,b ({error})") from error
    return _build(pairs, path)


def _build(pairs: list[tuple[str, Colour]], path: Path) -> ColourMap:
    labels: dict[Colour, int] = {}
    names = {0: "background"}
    for name, colour in pairs:
        if colour in labels or not all(0 <= channel <= 255 for channel in colour) or len(colour) != 3:
            raise AnnotationError(
                f"{path}: {name!r} has the colour {colour}; each needs its own, of three numbers to 255"
            )
        if name.lower() in BACKGROUND:
            labels[colour] = 0
        else:
            if name not in names.values():
                names[len(names)] = name
            labels[colour] = next(value for value, known in names.items() if known == name)
    if not 1 < len(names) <= 256:
        raise AnnotationError(f"{path}: names {len(names) - 1} classes; 1 to 255 can be")
    labels.setdefault((0, 0, 0), 0)
    return ColourMap(labels, names)


def _read_csv(text: str) -> list[tuple[str, Colour]]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    if rows and not rows[0][1].isdigit():
        rows = rows[1:]
    return [(name, _colour(channels)) for name, *channels in rows]


def _read_json(text: str) -> list[tuple[str, Colour]]:
    content = json.loads(text)
    if isinstance(content, list):
        return [(str(item["name"]), _colour(item["color"])) for item in content]
    return [(str(name), _colour(colour)) for name, colour in content.items()]


def _read_labelmap(text: str) -> list[tuple[str, Colour]]:
    lines = [line.split(":") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line[0].strip(), _colour(line[1].split(","))) for line in lines if len(line) > 1 and line[1].strip()]


_PARSERS = {".csv": _read_csv, ".json": _read_json, ".txt": _read_labelmap}


def _colour(given: Any) -> Colour:
    if isinstance(given, str):
        given = ImageColor.getrgb(given)
    red, green, blue = (int(channel) for channel in list(given)[:3])
    return red, green, blue


def _pack(colour: Iterable[int]) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _rgb(path: Path) -> np.ndarray:
    picture = read_frame(path)
    if picture.dtype != np.uint8:
        raise AnnotationError(f"{path}: has 16 bits a channel; save a coloured mask with 8")
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _packed(picture: np.ndarray) -> np.ndarray:
    wide = picture.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
