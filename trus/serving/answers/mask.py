"""A label mask as PNG."""

from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trus import __version__
from trus.inference.metadata import STATEMENT


def encode_mask(labels: np.ndarray) -> bytes:
    """Label values uint8 (H, W) -> PNG of one channel with the same values, as `trus predict` writes masks."""
    information = PngInfo()
    information.add_text("Software", f"trus {__version__}")
    information.add_text("Comment", STATEMENT)
    buffer = BytesIO()
    Image.fromarray(labels).save(buffer, format="PNG", compress_level=4, pnginfo=information)
    return buffer.getvalue()
