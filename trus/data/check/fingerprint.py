"""What is kept of a frame's pixels to find it again: a digest, perceptual hashes of its turns, and its fine structure.

The perceptual hash is the sign pattern of a picture's 8x8 lowest cosine frequencies (pHash; Zauner, Implementation and
Benchmarking of Perceptual Image Hash Functions, 2010). It finds candidates; the fine structure decides.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 64
"""Rows and columns of the fine structure."""
DETAIL_UNIT = 32
"""Steps of the stored fine structure per standard deviation."""
TURNS = (
    *("as it is", "turned by 90°", "turned by 180°", "turned by 270°"),
    *("mirrored", "mirrored and turned by 90°", "mirrored and turned by 180°", "mirrored and turned by 270°"),
)
"""The eight ways to lay a picture on a table."""
_FLAT = 1.0  # standard deviation in grey levels below which a picture shows nothing that could be compared


@dataclass(frozen=True)
class Fingerprint:
    """Of what is shown (the region, if there is one) on 64 x 64 pixels.

    `hashes` uint64 (8,) belong to TURNS. `detail` int8 (64, 64) is the picture less its blurred self, in units of its
    standard deviation / DETAIL_UNIT. `shown` is its shorter side in pixels.
    """

    hashes: np.ndarray
    detail: np.ndarray
    shown: int


def turn(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture (..., H, W) laid in the way `number` of TURNS."""
    return np.rot90(picture[..., ::-1] if number >= 4 else picture, number % 4, axes=(-2, -1))


def take_fingerprint(shown: np.ndarray) -> Fingerprint | None:
    """Fingerprint of a grey picture (H, W), uint8 or uint16; None where it is blank."""
    small = cv2.resize(shown, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if shown.dtype != np.uint8:
        small *= 255 / max(float(small.max()), 1.0)
    if small.std() < _FLAT:
        return None
    tiny = cv2.resize(small, (32, 32), interpolation=cv2.INTER_AREA)
    hashes = np.array([_perceptual_hash(np.ascontiguousarray(turn(tiny, t))) for t in range(len(TURNS))], np.uint64)
    fine = small - cv2.GaussianBlur(small, (0, 0), SIDE / 21)
    scaled = np.rint(fine * (DETAIL_UNIT / max(float(fine.std()), 1e-3)))
    return Fingerprint(hashes, scaled.clip(-127, 127).astype(np.int8), min(shown.shape))


def digest(array: np.ndarray) -> str:
    """32 hex digits that differ where shape, type or a value differs."""
    known = hashlib.blake2b(f"{array.shape} {array.dtype}".encode(), digest_size=16)
    known.update(np.ascontiguousarray(array).data)
    return known.hexdigest()


def digest_any_way(image: np.ndarray, levels: np.ndarray) -> str:
    """32 hex digits that stay the same when the image (H, W[, 3]) is mirrored or turned by right angles.

    From its histogram `levels` and its sums along rows and columns, which a turn only reverses or swaps.
    """
    channels = tuple(range(2, image.ndim))
    sums = (image.sum(axis=(axis, *channels), dtype=np.int64).tolist() for axis in (0, 1))
    profiles = sorted(min(profile, profile[::-1]) for profile in sums)
    return digest(np.concatenate([[image.ndim, len(profiles[0])], *profiles, levels]))


def _perceptual_hash(tiny: np.ndarray) -> np.uint64:
    low = cv2.dct(tiny)[:8, :8].ravel()
    low[0] = 0  # the mean brightness says nothing
    return np.packbits(low > np.median(low[1:])).view(np.uint64)[0]
