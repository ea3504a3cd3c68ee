"""Where a frame lies in the picture that an annotation tool made of it, judged from the pixels, or that it does not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from trus.errors import AnnotationError

Size = tuple[int, int]

LIKENESS = 0.75
"""Smallest correlation of the fine structure at COARSE px between a frame and an exported picture of it."""
MARGIN = 0.10
"""By so much the best way to lay the frame into the picture must beat every other one."""
DRIFT = 1.5
"""Largest shift of nine parts in ten, in px at FINE px; more is a crop, a shear or a rotation by a fraction of a
degree."""
COARSE = 128
FINE = (192, 512)
_SAME = 2.0  # grey levels: more than storing the picture without loss, or a blank one as JPEG, changes
_BLOCKS = 6  # parts along each side
_FEWEST = 4
_REACH = 6  # px that a part is searched around its place
_TEXTURE = 4.0  # grey levels of standard deviation, below which a part says nothing of its place


@dataclass(frozen=True)
class Fit:
    """A frame laid into an exported picture.

    The picture, mirrored left to right where `turn` >= 4 and then turned by `turn` % 4 quarters counter-clockwise
    (numpy.rot90), stands upright; there the frame fills `box` (x0, y0, width, height, in px). `picture` and `frame`
    are (height, width). `likeness` is the correlation, 1 for the same pixels.
    """

    picture: Size
    frame: Size
    turn: int
    box: tuple[float, float, float, float]
    likeness: float = 1.0

    @property
    def upright(self) -> Size:
        """(height, width) of the picture once it stands upright."""
        return self.picture if self.turn % 2 == 0 else self.picture[::-1]

    @property
    def identical(self) -> bool:
        """Whether a pixel of the picture is the same pixel of the frame."""
        return self.turn == 0 and self.picture == self.frame and self.box == (0, 0, self.frame[1], self.frame[0])

    def points(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) points (x, y) of the picture -> of the frame, exactly."""
        height, width = self.picture
        x, y = points[:, 0], points[:, 1]
        if self.turn >= 4:
            x = width - x
        for _ in range(self.turn % 4):
            x, y, width, height = y, width - x, height, width
        x0, y0, box_width, box_height = self.box
        return np.stack([(x - x0) * (self.frame[1] / box_width), (y - y0) * (self.frame[0] / box_height)], axis=1)

    def plane(self, plane: np.ndarray) -> np.ndarray:
        """A bool plane of the picture's size -> of the frame's, each pixel the one that its centre falls on."""
        upright = stand_up(plane, self.turn)
        rows = _sampled(self.frame[0], self.box[1], self.box[3], upright.shape[0])
        columns = _sampled(self.frame[1], self.box[0], self.box[2], upright.shape[1])
        return upright[np.ix_(rows, columns)]


def stand_up(array: np.ndarray, turn: int) -> np.ndarray:
    """Mirror (turn >= 4), then turn by quarters counter-clockwise."""
    return np.rot90(array[:, ::-1] if turn >= 4 else array, turn % 4)


def fit_picture(frame: np.ndarray, picture: np.ndarray) -> Fit:
    """Find how `frame` (H, W) or (H, W, 3), 8 or 16 bit, was laid into `picture`, likewise.

    Tried: the frame stretched to the picture, or fitted into it with edges of any colour, each in the eight ways to
    mirror and turn by quarters. Brightness, contrast, noise and JPEG do not matter as long as the structure is there.
    Raises AnnotationError where none fits clearly: another picture, a crop, a shear, a rotation by a few degrees.
    """
    grey, shown = _grey(frame), _grey(picture)
    whole = Fit(_size(shown), _size(grey), 0, (0, 0, shown.shape[1], shown.shape[0]))
    if whole.identical and np.abs(grey - shown).max() <= _SAME:
        return whole
    best, rival = _best(grey, shown)
    if best.likeness < LIKENESS:
        raise AnnotationError(f"is not the picture of this frame, or too much changed (likeness {best.likeness:.2f})")
    if rival > best.likeness - MARGIN:
        raise AnnotationError("looks too much alike when mirrored or turned to tell how it lies")
    if (drift := _drift(grey, shown, best)) > DRIFT:
        raise AnnotationError(
            f"is a crop, sheared, or turned by a few degrees (parts lie {drift:.0f} px or more off at {FINE[1]} px); "
            "export without such augmentation"
        )
    return best


def _best(frame: np.ndarray, picture: np.ndarray) -> tuple[Fit, float]:
    """The likeliest fit, and the likeness of the likeliest one that is turned otherwise."""
    reference = frame_structure(frame)
    fits = [
        replace(fit, likeness=correlation(reference, laid_structure(picture, fit)))
        for fit in _candidates(_size(frame), _size(picture))
    ]
    best = max(fits, key=lambda fit: (fit.likeness, -fit.turn))
    return best, max(fit.likeness for fit in fits if fit.turn != best.turn)


def frame_structure(frame: np.ndarray) -> np.ndarray:
    """The fine structure of a frame (H, W) or (H, W, 3), float32, its longer side at most COARSE px."""
    return _structure(_resized(_grey(frame), _within(_size(frame), (1, COARSE))))


def laid_structure(picture: np.ndarray, fit: Fit) -> np.ndarray:
    """The same of a frame as `picture` shows it; of one shape with `frame_structure` of frames of that size."""
    return _structure(_content(_grey(picture), fit, _within(fit.frame, (1, COARSE))))


def _candidates(frame: Size, picture: Size) -> Iterator[Fit]:
    for turn in range(8):
        height, width = picture if turn % 2 == 0 else picture[::-1]
        yield Fit(picture, frame, turn, (0, 0, width, height))
        scale = min(width / frame[1], height / frame[0])
        inner = (frame[1] * scale, frame[0] * scale)
        if width - inner[0] > 1 or height - inner[1] > 1:
            yield Fit(picture, frame, turn, ((width - inner[0]) / 2, (height - inner[1]) / 2, *inner))


def _drift(frame: np.ndarray, picture: np.ndarray, fit: Fit) -> float:
    """How far nine parts in ten of the picture at most lie from their place in the frame, in px at FINE px."""
    size = _within(_size(frame), FINE)
    searched = cv2.GaussianBlur(_resized(frame, size), (0, 0), 1.5)
    shown = cv2.GaussianBlur(_content(picture, fit, size), (0, 0), 1.5)
    rows, columns = (np.linspace(_REACH, length - _REACH, _BLOCKS + 1).astype(int) for length in size)
    shifts = [
        shift
        for y0, y1 in pairwise(rows)
        for x0, x1 in pairwise(columns)
        if (shift := _shift(searched, shown, y0, y1, x0, x1)) is not None
    ]
    if len(shifts) < _FEWEST:
        raise AnnotationError("shows too little structure to tell where the frame lies in it")
    return float(np.percentile(shifts, 90))


def _shift(frame: np.ndarray, picture: np.ndarray, y0: int, y1: int, x0: int, x1: int) -> int | None:
    """How far a part of the picture lies from its place; None where it has no texture or is found nowhere."""
    part = picture[y0:y1, x0:x1]
    if part.size == 0 or part.std() < _TEXTURE:
        return None
    around = frame[y0 - _REACH : y1 + _REACH, x0 - _REACH : x1 + _REACH]
    _, peak, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(around, part, cv2.TM_CCOEFF_NORMED))
    return max(abs(x - _REACH), abs(y - _REACH)) if peak > 0.7 else None


def _content(picture: np.ndarray, fit: Fit, size: Size) -> np.ndarray:
    x0, y0, width, height = fit.box
    inside = stand_up(picture, fit.turn)[round(y0) : round(y0 + height), round(x0) : round(x0 + width)]
    return _resized(inside, size)


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    interpolation = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_LINEAR
    resized: np.ndarray = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=interpolation)
    return resized


def _structure(image: np.ndarray) -> np.ndarray:
    """What is finer than the outline of the ultrasound field, which all frames of a scanner share."""
    structure: np.ndarray = image - cv2.GaussianBlur(image, (0, 0), 4)
    return structure


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, -1 to 1; 0 where one of them is flat."""
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / norm if norm > 1e-3 else 0.0


def _grey(image: np.ndarray) -> np.ndarray:
    """float32 (H, W) in 0..255; 16 bits are scaled by the brightest pixel."""
    wide = image.astype(np.float32, copy=False)
    if image.dtype == np.uint16:
        wide *= 255 / max(1, int(image.max()))
    return wide if wide.ndim == 2 else wide @ np.array([0.299, 0.587, 0.114], np.float32)


def _size(image: np.ndarray) -> Size:
    return image.shape[0], image.shape[1]


def _within(size: Size, limits: tuple[int, int]) -> Size:
    """The size with its longer side within limits, the aspect ratio kept."""
    longer = max(size)
    scale = float(np.clip(longer, *limits)) / longer
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _sampled(length: int, start: float, extent: float, limit: int) -> np.ndarray:
    at = np.floor(start + (np.arange(length) + 0.5) * (extent / length)).astype(int)
    return at.clip(0, limit - 1)
