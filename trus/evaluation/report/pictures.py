"""Frames with the contours of reference and prediction, as data URIs for the page."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Frame
from trus.evaluation.panels import draw_tile
from trus.inference.overlay import display

SIDE = 300
"""Height of a picture in pixels."""
_GAP = 4
_WIDEST = 640


@dataclass(frozen=True)
class Picture:
    """A frame beside itself with contours: `image` is a data URI of a JPEG of `width` x `height` px."""

    image: str
    width: int
    height: int
    alt: str
    name: str
    text: str


def take_picture(frame: Frame, labels: np.ndarray, classes: Classes, text: str) -> Picture:
    """Draw the region of a frame: bare, then with the reference (solid) and `labels` uint8 (H, W) (dashed)."""
    image = display(read_frame(frame.image))
    x0, y0, x1, y1 = frame.region or (0, 0, image.shape[1], image.shape[0])
    assert frame.mask is not None
    reference, predicted = (classes.planes(mask)[:, y0:y1, x0:x1] for mask in (read_mask(frame.mask), labels))
    shown = image[y0:y1, x0:x1]
    height = min(SIDE, max(1, round(_WIDEST * shown.shape[0] / shown.shape[1])))
    tiles = [draw_tile(shown, height=height), draw_tile(shown, reference, predicted, height)]
    sheet = Image.new("RGB", (tiles[0].width * 2 + _GAP, height), (127, 127, 127))
    for n, tile in enumerate(tiles):
        sheet.paste(tile, (n * (tile.width + _GAP), 0))
    shapes = ", ".join(
        f"{name} {'drawn' if reference[k].any() else 'absent'} in the reference and "
        f"{'found' if predicted[k].any() else 'not found'}"
        for k, name in enumerate(classes.targets)
    )
    return Picture(_encode(sheet), sheet.width, height, f"Frame {frame.image_id}: {shapes}", frame.image_id, text)


def _encode(picture: Image.Image) -> str:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
