"""One look at one frame: can it be read, what do its pixels and its mask look like."""

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from trus.data.check.findings import Finding
from trus.data.check.fingerprint import Fingerprint, take_fingerprint
from trus.data.check.masks import MaskFacts, measure_mask
from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Frame
from trus.errors import ImageError
from trus.files import hash_file

BLANK_RANGE = 0.04
"""A picture whose 1st and 99th percentile lie closer than this share of full scale shows nothing."""


@dataclass(frozen=True)
class Intensity:
    """Of the region, or of the whole frame: shares of full scale (255 or 65535), and shares of the pixels.

    `span` lies between the 1st and the 99th percentile; `black` pixels are 0, `saturated` ones full scale.
    """

    mean: float
    std: float
    black: float
    saturated: float
    span: float


@dataclass
class FrameFacts:
    """What is known of a frame after its files were read; what could not be read stays empty.

    `size` is (height, width) in pixels, `form` e.g. "grey, 8 bit"; `image_hash` and `mask_hash` are SHA-256 of the
    files, `pixels` and `labels` digests of what they decode to.
    """

    row: int
    findings: list[Finding] = field(default_factory=list)
    size: tuple[int, int] | None = None
    form: str = ""
    image_hash: str = ""
    mask_hash: str = ""
    pixels: str = ""
    labels: str = ""
    intensity: Intensity | None = None
    fingerprint: Fingerprint | None = None
    mask: MaskFacts | None = None


def look_at(frame: Frame, classes: Classes) -> FrameFacts:
    """Read a frame and its mask once. Whatever is wrong with the files is a finding, never an error."""
    facts = FrameFacts(frame.row)
    image = _read(facts, frame.image, "image", read_frame)
    region = None
    if image is not None:
        region = _region(facts, frame, image.shape[:2])
        _take_image(facts, image, region)
    if frame.mask is not None:
        labels = _read(facts, frame.mask, "mask", read_mask)
        if labels is not None:
            _take_mask(facts, frame, labels, classes, region)
    return facts


def _read(facts: FrameFacts, path: Path, column: str, reader: Callable[[Path], np.ndarray]) -> np.ndarray | None:
    try:
        _refuse_special(path)
        array = reader(path)
        if array.size == 0:
            raise ImageError(f"{path}: has no pixel")
        setattr(facts, f"{column}_hash", hash_file(path))
    except (ImageError, OSError) as error:
        facts.findings.append(Finding(f"{column}-unreadable", (facts.row,), str(error)))
        return None
    return array


def _refuse_special(path: Path) -> None:
    """A pipe or a device would be read for ever; what does not exist is left to the reader, which says so."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise ImageError(f"{path}: is no regular file")


def _region(facts: FrameFacts, frame: Frame, size: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    if frame.region is None:
        return None
    x0, y0, x1, y1 = frame.region
    if x0 < x1 <= size[1] and y0 < y1 <= size[0]:
        return frame.region
    what = f"region {frame.region}: must be x0 < x1 <= {size[1]} and y0 < y1 <= {size[0]}, the frame's size"
    facts.findings.append(Finding("region-beyond-frame", (facts.row,), what))
    return None


def _take_image(facts: FrameFacts, image: np.ndarray, region: tuple[int, int, int, int] | None) -> None:
    facts.size = (image.shape[0], image.shape[1])
    facts.form = f"{'grey' if image.ndim == 2 else 'RGB'}, {8 * image.itemsize} bit"
    if image.ndim == 3 and _is_grey(image):
        image = np.ascontiguousarray(image[..., 0])
    facts.pixels = _digest(image)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if region is not None:
        grey = np.ascontiguousarray(grey[region[1] : region[3], region[0] : region[2]])
    levels = cv2.calcHist([grey], [0], None, [256**grey.itemsize], [0, 256**grey.itemsize]).ravel()
    facts.intensity = _intensity(levels)
    if facts.intensity.span < BLANK_RANGE:
        what = f"its grey values span {facts.intensity.span:.1%} of full scale"
        facts.findings.append(Finding("blank-frame", (facts.row,), what))
    facts.fingerprint = take_fingerprint(grey, facts.pixels, _digest(levels))


def _is_grey(image: np.ndarray) -> bool:
    red, green, blue = cv2.split(image)
    return bool(np.array_equal(red, green) and np.array_equal(red, blue))


def _digest(array: np.ndarray) -> str:
    known = hashlib.blake2b(f"{array.shape} {array.dtype}".encode(), digest_size=16)
    known.update(np.ascontiguousarray(array).data)
    return known.hexdigest()


def _intensity(levels: np.ndarray) -> Intensity:
    """From a histogram of all levels, so that the largest frame takes no more memory than itself."""
    share = levels.astype(float) / levels.sum()
    scale = np.linspace(0, 1, len(levels))
    mean = float(share @ scale)
    low, high = np.searchsorted(np.cumsum(share), (0.01, 0.99))
    return Intensity(
        mean=mean,
        std=float(np.sqrt(share @ (scale - mean) ** 2)),
        black=float(share[0]),
        saturated=float(share[-1]),
        span=float(high - low) / (len(levels) - 1),
    )


def _take_mask(
    facts: FrameFacts,
    frame: Frame,
    labels: np.ndarray,
    classes: Classes,
    region: tuple[int, int, int, int] | None,
) -> None:
    fits = facts.size is None or labels.shape == facts.size
    if not fits:
        height, width = facts.size or (0, 0)
        what = f"the mask is {labels.shape[1]}x{labels.shape[0]}, its frame {width}x{height} px"
        facts.findings.append(Finding("mask-size", (facts.row,), what))
    facts.labels = _digest(labels)
    facts.mask = measure_mask(labels, classes, region if fits else None)
    if facts.mask.unknown:
        what = f"labels {[*facts.mask.unknown]}; classes.json names {classes.labels}"
        facts.findings.append(Finding("mask-label-unknown", (facts.row,), what))
