"""Masks and overlays as PNG, one a frame."""

import json
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from trus.app.exports.download import Download, zipped
from trus.app.exports.going import Going
from trus.inference.overlay import draw_overlay
from trus.serving.answers.mask import encode_mask

PNG = "image/png"


def masks(going: Sequence[Going]) -> Download:
    """Label values as PNG. Several frames: an archive that `trus annotations import masks` reads.

    Raises Problem as `Going.labels`.
    """
    if len(going) == 1:
        return Download(f"{going[0].stem}_mask.png", PNG, encode_mask(going[0].labels()))
    return zipped("trus-masks.zip", _mask_files(going))


def overlays(going: Sequence[Going]) -> Download:
    """The whole frames, 8 bit RGB, with filled contours; what a scanner wrote into them is in there, too."""
    drawn = ((f"{frame.stem}_overlay.png", _overlay(frame)) for frame in going)
    if len(going) == 1:
        name, content = next(drawn)
        return Download(name, PNG, content)
    return zipped("trus-overlays.zip", drawn)


def encode_picture(picture: np.ndarray) -> bytes:
    """uint8 or uint16 (H, W), or uint8 (H, W, 3) RGB -> PNG without any further data."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=2)
    return buffer.getvalue()


def _mask_files(going: Sequence[Going]) -> Iterator[tuple[str, bytes]]:
    named = {frame.model.name: frame.classes.to_dict() for frame in going}
    documents = [{"labels": each["labels"], "contains": each["contains"]} for each in named.values()]
    if all(each == documents[0] for each in documents):
        yield "classes.json", (json.dumps(documents[0], indent=2, ensure_ascii=False) + "\n").encode()
    for frame in going:
        yield f"masks/{frame.stem}.png", encode_mask(frame.labels())


def _overlay(frame: Going) -> bytes:
    return encode_picture(draw_overlay(frame.picture(), frame.classes.planes(frame.labels())))
