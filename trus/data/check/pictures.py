"""Small pictures of frames with their contours, for the page."""

import base64
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from trus.data.check.measure import FrameFacts
from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Frame
from trus.errors import ImageError
from trus.inference.overlay import display, draw_overlay

SIDE = 232
"""Longer side of a small picture in pixels."""
_REGION_COLOUR = (150, 150, 150)


def small_picture(frame: Frame, facts: FrameFacts, classes: Classes) -> str | None:
    """Data URI of a JPEG of the frame with its mask's contours and its region's box; None where it cannot be read."""
    if not facts.image_hash:
        return None
    try:
        image = read_frame(frame.image)
        labels = read_mask(frame.mask) if frame.mask is not None and facts.mask_hash else None
    except (ImageError, OSError):  # it could be read when it was checked
        return None
    return _encode(_drawn(image, labels, frame, classes))


def _drawn(image: np.ndarray, labels: np.ndarray | None, frame: Frame, classes: Classes) -> np.ndarray:
    small = _small(display(image))
    if labels is not None and labels.shape == image.shape[:2]:
        size = (small.shape[1], small.shape[0])
        small = draw_overlay(small, classes.planes(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)))
    if frame.region is not None:
        scale = np.array([small.shape[1], small.shape[0]]) / image.shape[1::-1]
        corners = np.array(frame.region, float).reshape(2, 2).clip(0, 1e6) * scale
        (x0, y0), (x1, y1) = np.rint(corners).astype(int).tolist()
        small = cv2.rectangle(np.ascontiguousarray(small), (x0, y0), (x1 - 1, y1 - 1), _REGION_COLOUR, 1)
    return small


def _small(shown: np.ndarray) -> np.ndarray:
    height, width = shown.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(shown, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)


def _encode(shown: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(shown).save(buffer, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
