"""Pictures of predictions: the frame, the reference contour, the predicted contour."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.measure import find_contours

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask, write_image
from trus.evaluation.evaluate import Evaluation
from trus.inference.overlay import class_colour, display
from trus.inference.predictor import Predictor

TILE = 448
"""Height of one picture in px."""
_CAPTION = 30
_GAP = 6
_DASH = (14.0, 9.0)


def write_panels(evaluation: Evaluation, predictor: Predictor, classes: Classes, folder: Path) -> list[Path]:
    """Write worst.png, median.png and best.png (by mean IoU of the frame); none where no frame is scored."""
    order = evaluation.rank()
    if not order:
        return []
    paths = []
    for name, index in (("worst", order[0]), ("median", order[len(order) // 2]), ("best", order[-1])):
        paths.append(folder / f"{name}.png")
        write_image(paths[-1], _panel(evaluation, index, predictor, classes, name))
    return paths


def _panel(evaluation: Evaluation, index: int, predictor: Predictor, classes: Classes, name: str) -> np.ndarray:
    frame = evaluation.frames[index]
    assert frame.mask is not None
    image = read_frame(frame.image)
    targets = evaluation.targets
    reference = classes.select(targets).planes(read_mask(frame.mask))
    predicted = predictor.classes.planes(predictor.predict(image, frame.region, frame.spacing).labels)
    x0, y0, x1, y1 = frame.region or (0, 0, image.shape[1], image.shape[0])
    shown = display(image)[y0:y1, x0:x1]
    tiles = [draw_tile(shown, planes) for planes in (None, reference[:, y0:y1, x0:x1], predicted[:, y0:y1, x0:x1])]
    scores = ", ".join(
        f"{target} IoU {evaluation.overlap.iou[index, k]:.2f}"
        if evaluation.overlap.scored[index, k]
        else f"no {target}"
        for k, target in enumerate(targets)
    )
    return _sheet(tiles, [f"{name}: {frame.image_id}", "reference", f"predicted: {scores}"], targets)


def draw_tile(
    image: np.ndarray, solid: np.ndarray | None = None, dashed: np.ndarray | None = None, height: int = TILE
) -> Image.Image:
    """uint8 RGB (H, W, 3) at `height` px with the contours of two sets of 0/1 planes (K, H, W), in class colours."""
    scale = height / image.shape[0]
    size = (max(1, round(image.shape[1] * scale)), height)
    large = cv2.resize(
        image, (size[0] * 2, size[1] * 2), interpolation=cv2.INTER_CUBIC if scale > 0.5 else cv2.INTER_AREA
    )
    picture = Image.fromarray(large)
    draw = ImageDraw.Draw(picture)
    for planes, pattern in ((solid, None), (dashed, _DASH)):
        for k, plane in enumerate(planes if planes is not None else ()):
            for points in _contours(plane, 2 * scale):
                _draw_line(draw, points, class_colour(k), pattern)
    return picture.resize(size, Image.Resampling.LANCZOS)  # drawn at twice the size for smooth lines


def _contours(plane: np.ndarray, scale: float) -> list[np.ndarray]:
    """Closed lines (n, 2) of x, y."""
    return [(contour[:, ::-1] - 0.5) * scale for contour in find_contours(np.pad(plane, 1), 0.5)]


def _draw_line(
    draw: ImageDraw.ImageDraw, points: np.ndarray, colour: tuple[int, int, int], pattern: tuple[float, float] | None
) -> None:
    parts = [points] if pattern is None else _dashes(points, *pattern)
    for part in parts:
        width = 4 if pattern is None else 5  # dashes of the same width look thinner
        draw.line([(float(x), float(y)) for x, y in part], fill=colour, width=width, joint="curve")


def _dashes(points: np.ndarray, dash: float, gap: float) -> list[np.ndarray]:
    """Cut a line (n, 2) into pieces of length `dash` with gaps of length `gap`."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    pieces = []
    for start in np.arange(0, along[-1], dash + gap):
        inner = points[(along > start) & (along < start + dash)]
        ends = [[np.interp(at, along, axis) for axis in points.T] for at in (start, min(start + dash, along[-1]))]
        pieces.append(np.vstack([ends[0], inner, ends[1]]))
    return pieces


def _sheet(tiles: list[Image.Image], captions: list[str], targets: tuple[str, ...]) -> np.ndarray:
    width = max(tile.width for tile in tiles)
    sheet = Image.new("RGB", (len(tiles) * width + (len(tiles) - 1) * _GAP, TILE + _CAPTION), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for i, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        left = i * (width + _GAP)
        sheet.paste(tile, (left, _CAPTION))
        draw.text((left + 8, 7), caption, font=_fitting(draw, caption, width - 16), fill=(235, 235, 235))
    _legend(draw, width + _GAP, width, targets)
    return np.asarray(sheet)


def _legend(draw: ImageDraw.ImageDraw, left: int, width: int, targets: tuple[str, ...]) -> None:
    font = ImageFont.load_default(15)
    right = float(left + width - 8)
    for k in reversed(range(len(targets))):
        right -= draw.textlength(targets[k], font=font)
        draw.text((right, 7), targets[k], font=font, fill=class_colour(k))
        right -= 12


def _fitting(draw: ImageDraw.ImageDraw, text: str, width: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    for size in (15, 13, 11, 9):
        font = ImageFont.load_default(size)
        if draw.textlength(text, font=font) <= width:
            break
    return font
