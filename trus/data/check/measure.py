"""One look at one frame: can it be read, what do its pixels and its mask look like."""

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from trus.data.check.findings import Finding
from trus.data.check.fingerprint import Fingerprint, digest, digest_any_way, take_fingerprint
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
    files, `pixels` and `labels` digests of what they decode to (grey stored as RGB counts as grey), `pixels_any_way`
    one that a mirrored or turned copy shares.
    """

    row: int
    findings: list[Finding] = field(default_factory=list)
    size: tuple[int, int] | None = None
    form: str = ""
    image_hash: str = ""
    mask_hash: str = ""
    pixels: str = ""
    pixels_any_way: str = ""
    labels: str = ""
    intensity: Intensity | None = None
    fingerprint: Fingerprint | None = None
    mask: MaskFacts | None = None


def look_at(frame: Frame, classes: Classes) -> FrameFacts:
    """Read a frame and its mask once. Whatever is wrong with the files is a finding, never an error."""
    facts = FrameFacts(frame.row)
    image = _read(facts, frame, "image", read_frame)
    region = None
    if image is not None:
        region = _region(facts, frame, image.shape[:2])
        _take_image(facts, frame, image, region)
    if frame.mask is not None:
        labels = _read(facts, frame, "mask", read_mask)
        if labels is not None:
            _take_mask(facts, frame, labels, classes, region)
    return facts


def _read(facts: FrameFacts, frame: Frame, column: str, reader: Callable[[Path], np.ndarray]) -> np.ndarray | None:
    path: Path = getattr(frame, column)
    try:
        _refuse_special(path)
        array = reader(path)
        if array.size == 0:
            raise ImageError(f"{path}: has no pixel")
        setattr(facts, f"{column}_hash", hash_file(path))
    except (ImageError, OSError) as error:
        facts.findings.append(Finding(f"{column}-unreadable", (facts.row,), f"{frame.image_id}: {error}"))
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
    right = f"must be x0 < x1 <= {size[1]} and y0 < y1 <= {size[0]}, the frame's size"
    what = f"{frame.image_id}: region {frame.region}: {right}"
    facts.findings.append(Finding("region-beyond-frame", (facts.row,), what))
    return None


def _take_image(facts: FrameFacts, frame: Frame, image: np.ndarray, region: tuple[int, int, int, int] | None) -> None:
    facts.size = (image.shape[0], image.shape[1])
    facts.form = f"{'grey' if image.ndim == 2 else 'RGB'}, {8 * image.itemsize} bit"
    if image.ndim == 3 and _is_grey(image):
        image = np.ascontiguousarray(image[..., 0])
    facts.pixels = digest(image)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    levels = _histogram(grey)
    facts.pixels_any_way = digest_any_way(image, levels)
    if region is not None:
        grey = np.ascontiguousarray(grey[region[1] : region[3], region[0] : region[2]])
        levels = _histogram(grey)
    facts.intensity = _intensity(levels)
    if facts.intensity.span < BLANK_RANGE:
        what = f"{frame.image_id}: its grey values span {facts.intensity.span:.1%} of full scale"
        facts.findings.append(Finding("blank-frame", (facts.row,), what))
    facts.fingerprint = take_fingerprint(grey)


def _histogram(grey: np.ndarray) -> np.ndarray:
    levels = 256**grey.itemsize
    return cv2.calcHist([grey], [0], None, [levels], [0, levels]).ravel()


def _is_grey(image: np.ndarray) -> bool:
    red, green, blue = cv2.split(image)
    return bool(np.array_equal(red, green) and np.array_equal(red, blue))


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
        what = f"{frame.image_id}: the mask is {labels.shape[1]}x{labels.shape[0]}, its frame {width}x{height} px"
        facts.findings.append(Finding("mask-size", (facts.row,), what))
    facts.labels = digest(labels)
    facts.mask = measure_mask(labels, classes, region if fits else None)
    if facts.mask.unknown:
        what = f"{frame.image_id}: labels {[*facts.mask.unknown]}; classes.json names {classes.labels}"
        facts.findings.append(Finding("mask-label-unknown", (facts.row,), what))
