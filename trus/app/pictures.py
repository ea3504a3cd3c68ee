"""Frames as the pages show them: PNG of 8 bits."""

import cv2
import numpy as np

from trus.inference.predictor import Predictor
from trus.preprocessing import Preprocessor
from trus.serving.decoding.decoder import DecodedFrame
from trus.serving.segmentation import Box


def frame_png(image: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """A frame, uint8 or uint16 (H, W) or uint8 (H, W, 3) RGB -> PNG of 8 bits, and which values are 0 and 255 in it.

    Frames of 16 bits are scaled by their own range, the others not at all.
    """
    if image.dtype == np.uint8:
        return _png(image[:, :, 0] if _is_grey(image) else image), (0, 255)
    low, high = int(image.min()), int(image.max())
    scaled = (image.astype(np.float32) - low) * (255 / max(1, high - low))
    return _png(scaled.round().astype(np.uint8)), (low, high)


def preprocessed_png(predictor: Predictor, frame: DecodedFrame, boxes: tuple[Box, ...]) -> bytes:
    """What the network sees of a frame, in the frame's own size, as PNG; 0 outside the boxes (none: the whole frame).

    Normalised values are scaled by their own range. Three planes that differ are shown as red, green and blue.
    """
    parts = [_seen(predictor.members[0].metadata.preprocessor, frame.image, box) for box in boxes or (None,)]
    planes = np.maximum.reduce(parts)
    picture = planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))
    return _png(picture[:, :, 0] if _is_grey(picture) else picture)


def _is_grey(image: np.ndarray) -> bool:
    """Three channels that are equal, as scanners write grey clips: a third of the bytes says the same."""
    first = image[:, :, 0] if image.ndim == 3 else None
    return first is not None and all(np.array_equal(first, image[:, :, k]) for k in (1, 2))


def _seen(preprocessor: Preprocessor, image: np.ndarray, box: Box | None) -> np.ndarray:
    """Planes uint8 (C, H, W)."""
    prepared, geometry = preprocessor(image, box)
    content = prepared[:, *geometry.content_slices]
    low, high = content.min(axis=(1, 2), keepdims=True), content.max(axis=(1, 2), keepdims=True)
    scaled = (prepared - low) / np.maximum(high - low, 1e-6)
    return (geometry.inverse_probabilities(scaled).clip(0, 1) * 255).round().astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else np.ascontiguousarray(image)
    _, content = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return content.tobytes()
