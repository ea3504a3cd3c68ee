"""Pictures of disagreement: every annotator's contour in a colour, and where and how far they disagree as heat."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from trus.data.annotations.annotators import SharedFrame
from trus.data.classes import Classes
from trus.data.images import read_frame, write_image
from trus.data.planes import bounding_box
from trus.inference.overlay import class_colour, display

_TILE = (480, 360)
"""Width and height of one picture in px."""
_CAPTION = 30
_GAP = 8
_BACKGROUND, _INK, _FAINT = (24, 24, 24), (235, 235, 235), (150, 150, 150)
_HEAT = (255, 0, 40)
"""A red that none of the annotators' colours is."""
_MARGIN = 0.35
"""The closer view shows the box around all that was drawn, widened on each side by this share of its longer side."""
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class ScoredFrame:
    """A frame with its mean Dice over pairs and classes, and over pairs by class, where anyone drew the class."""

    frame: SharedFrame
    dice: float
    by_class: dict[str, float]


def disagreement(planes: np.ndarray) -> np.ndarray:
    """0/1 planes (A, K, H, W) -> float64 (H, W), 0 where all agree to 1 where half drew a class and half did not."""
    share = planes.mean(0)
    return (4 * share * (1 - share)).max(0)


def write_map(scored: ScoredFrame, annotators: Sequence[str], classes: Classes, path: Path) -> None:
    """The whole frame with contours, beside a closer view with contours over heat, as PNG; names in their colours."""
    whole, close = _views(scored.frame, annotators, classes)
    sheet = _canvas(2, 1)
    for column, tile in enumerate((whole, close)):
        sheet.paste(tile, (column * (_TILE[0] + _GAP), _CAPTION))
    draw = ImageDraw.Draw(sheet)
    _caption(draw, 0, 0, scored)
    _legend(draw, _TILE[0] + _GAP, [*scored.frame.rows], annotators)
    write_image(path, np.asarray(sheet))


def write_sheet(worst: Sequence[ScoredFrame], annotators: Sequence[str], classes: Classes, path: Path) -> None:
    """The closer views of the frames, three a row, in the order given, under one legend."""
    columns = min(3, len(worst))
    rows = -(-len(worst) // columns)
    sheet = Image.new("RGB", (_canvas(columns, rows).width, _canvas(columns, rows).height + _CAPTION), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _legend(draw, 0, annotators, annotators)
    for number, scored in enumerate(worst):
        left, top = (
            (number % columns) * (_TILE[0] + _GAP),
            _CAPTION + (number // columns) * (_TILE[1] + _CAPTION + _GAP),
        )
        _, close = _views(scored.frame, annotators, classes)
        sheet.paste(close, (left, top + _CAPTION))
        _caption(draw, left, top, scored)
    write_image(path, np.asarray(sheet))


def _canvas(columns: int, rows: int) -> Image.Image:
    width = columns * (_TILE[0] + _GAP) - _GAP
    return Image.new("RGB", (width, rows * (_TILE[1] + _CAPTION + _GAP) - _GAP), _BACKGROUND)


def _views(frame: SharedFrame, annotators: Sequence[str], classes: Classes) -> tuple[Image.Image, Image.Image]:
    labels = frame.read_labels(classes)
    planes = {name: classes.planes(mask) for name, mask in labels.items()}
    image = display(read_frame(next(iter(frame.rows.values())).image))
    heat = disagreement(np.stack([*planes.values()]))
    colours = {name: class_colour(annotators.index(name)) for name in planes}
    whole = (0, 0, image.shape[1], image.shape[0])
    close = _around(np.any([*planes.values()], axis=(0, 1)))
    return _tile(image, planes, colours, whole), _tile(_heated(image, heat), planes, colours, close)


def _heated(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Disagreement laid over the picture, as opaque as it is strong."""
    opacity = np.where(heat > 0, 0.1 + 0.35 * heat, 0)[..., None]
    return (image * (1 - opacity) + np.array(_HEAT) * opacity).astype(np.uint8)


def _around(drawn: np.ndarray) -> Box:
    """x0, y0, x1, y1 around what was drawn, of the tile's aspect where the picture allows."""
    height, width = drawn.shape
    if not drawn.any():
        return 0, 0, width, height
    ys, xs = bounding_box(drawn)
    side = (1 + 2 * _MARGIN) * max((xs.stop - xs.start) / _TILE[0], (ys.stop - ys.start) / _TILE[1], 16 / _TILE[1])
    x, y = (xs.start + xs.stop) / 2, (ys.start + ys.stop) / 2
    x0, y0 = max(0, round(x - side * _TILE[0] / 2)), max(0, round(y - side * _TILE[1] / 2))
    x1, y1 = min(width, round(x + side * _TILE[0] / 2)), min(height, round(y + side * _TILE[1] / 2))
    return x0, y0, x1, y1


def _tile(
    image: np.ndarray, planes: dict[str, np.ndarray], colours: dict[str, tuple[int, int, int]], box: Box
) -> Image.Image:
    x0, y0, x1, y1 = box
    scale = min(_TILE[0] / (x1 - x0), _TILE[1] / (y1 - y0))
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    large = cv2.resize(
        image[y0:y1, x0:x1],
        (2 * size[0], 2 * size[1]),
        interpolation=cv2.INTER_CUBIC if scale > 0.5 else cv2.INTER_AREA,
    )
    for name, classes_of in planes.items():
        for plane in classes_of[:, y0:y1, x0:x1]:
            grown = cv2.resize(plane * 255, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)
            contours, _ = cv2.findContours((grown > 127).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(large, contours, -1, colours[name], 3, cv2.LINE_AA)
    tile = Image.new("RGB", _TILE, _BACKGROUND)
    small = Image.fromarray(large).resize(size, Image.Resampling.LANCZOS)  # drawn at twice the size for smooth lines
    tile.paste(small, ((_TILE[0] - size[0]) // 2, (_TILE[1] - size[1]) // 2))
    return tile


def _caption(draw: ImageDraw.ImageDraw, left: int, top: int, scored: ScoredFrame) -> None:
    dice = ", ".join(f"{name} {value:.2f}" for name, value in scored.by_class.items())
    name, values = _legible(scored.frame.image_id), f"   Dice: {_legible(dice)}"
    while draw.textlength(name + values, font=_FONT) > _TILE[0] - 12 and len(name) > 8:
        name = f"...{name[4:]}"  # the end of a name tells frames apart
    draw.text((left + 6, top + 7), name + values, font=_FONT, fill=_INK)


def _legend(draw: ImageDraw.ImageDraw, left: int, names: Sequence[str], annotators: Sequence[str]) -> None:
    x = float(left + 6)
    for name in names:
        draw.text((x, 7), _legible(name), font=_FONT, fill=class_colour(annotators.index(name)))
        x += draw.textlength(_legible(name), font=_FONT) + 16
    draw.text((x, 7), "red: where they disagree", font=_FONT, fill=_FAINT)


def _legible(text: str) -> str:
    """The text in letters that Pillow's own font holds: Cyrillic is spelt in Latin, what else it lacks becomes `?`."""
    latin = text.translate(_CYRILLIC)
    return latin.encode("latin-1", "replace").decode("latin-1")


_SPELT = dict(
    [*zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)],
    **{"ё": "yo", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": ""},
    **{"ю": "yu", "я": "ya"},
)
_CYRILLIC = str.maketrans(_SPELT | {letter.upper(): latin.capitalize() for letter, latin in _SPELT.items()})
_FONT = ImageFont.load_default(15)
