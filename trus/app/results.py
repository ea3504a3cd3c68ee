"""A frame's result as the pages take it: one JSON document, then the planes as they are."""

import json
import struct
from typing import Any

import numpy as np

from trus.serving.segmentation import Segmented

MEDIA_TYPE = "application/octet-stream"


def quantised(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities in 0..1 -> uint8 of the same shape: q >= T means exactly p >= T/256."""
    return np.minimum(probabilities * np.float32(256), 255).astype(np.uint8)


def pack_result(document: dict[str, Any], found: Segmented) -> bytes:
    """Length of the document (uint32, little-endian), the document, K x H x W quantised probabilities, H x W labels."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    planes = quantised(found.probabilities)
    return b"".join((struct.pack("<I", len(text)), text, planes.tobytes(), found.labels.tobytes()))
