"""The labels of a frame from the pictures of it in an export: each laid onto the frame, and the one to believe."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.data.annotations.categories import Naming
from trus.data.annotations.changes import compare_masks
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Outline, Painted
from trus.data.annotations.fitting import Fit, Size, fit_picture
from trus.data.annotations.neighbours import Neighbours
from trus.data.annotations.objects import compose
from trus.data.images import read_frame
from trus.errors import AnnotationError, TrusError

AGREE = 0.98
"""Dice a class from which two copies of a frame count as drawn alike; resampling a small object moves its edge."""


@dataclass(frozen=True, eq=False)
class _Laid:
    """A copy laid onto its frame: its name, how it lay, and its labels uint8 (H, W) in the frame's size."""

    name: str
    fit: Fit
    labels: np.ndarray


@dataclass
class Placing:
    """How frames get their labels; `notes` counts what was worth knowing, `details` says it of single frames."""

    naming: Naming
    neighbours: Neighbours = field(default_factory=lambda: Neighbours({}))
    notes: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def labels(self, copies: list[AnnotatedFrame], frame: Path | None, picture: np.ndarray) -> np.ndarray | None:
        """Labels uint8 (H, W) of `frame`, whose pixels are `picture`, from its copies; None where none is annotated.

        A copy that cannot be laid onto the frame is left out and said, as long as another can. One that is neither
        mirrored nor turned wins over those that are. Raises TrusError where no copy fits, AnnotationError where those
        to choose from disagree.
        """
        annotated = [copy for copy in copies if copy.draw is not None]
        drawn = self._fitting(annotated, frame, picture)
        if not drawn:
            return None
        upright = [item for item in drawn if item.fit.turn == 0] or drawn
        labels = upright[0].labels
        for item in drawn:
            dice = compare_masks("", labels, item.labels, self.naming.classes).dice
            if min(dice.values(), default=1.0) >= AGREE:
                continue
            if item in upright:
                raise AnnotationError(f"its copies are drawn differently ({item.name}: Dice {_least(dice)}); keep one")
            self.details.append(f"{item.name}: mirrored or turned, and drawn differently; the upright copy was taken")
        return labels

    def _fitting(self, copies: list[AnnotatedFrame], frame: Path | None, picture: np.ndarray) -> "list[_Laid]":
        laid: list[_Laid] = []
        failed: list[tuple[str, TrusError]] = []
        for copy in copies:
            try:
                laid.append(self._copy(copy, frame, picture))
            except TrusError as error:
                failed.append((copy.name, error))
        if failed and not laid:
            raise failed[0][1]
        self.details += [f"{name}: {error}; another copy of the frame was taken" for name, error in failed]
        return laid

    def _copy(self, copy: AnnotatedFrame, frame: Path | None, picture: np.ndarray) -> "_Laid":
        assert copy.draw is not None
        named = self.naming(copy.draw())
        fit = fit_of(copy, frame, picture, self.neighbours)
        drawn = [_mapped(item, fit) for item in named]
        if not fit.identical and any(isinstance(item, Painted) for item in drawn):
            height, width = fit.picture
            self.notes[f"frame(s) resampled from {width}x{height} px: painted there, not drawn as outlines"] += 1
        labels, notes = compose(drawn, self.naming.classes, fit.frame)
        self.details += [f"{copy.name}: {note}" for note in notes]
        return _Laid(copy.name, fit, labels)


def fit_of(copy: AnnotatedFrame, frame: Path | None, picture: np.ndarray, neighbours: Neighbours) -> Fit:
    """How the frame lies in the export's picture of it. Raises AnnotationError where that is not certain, or where
    the picture shows one of its neighbours."""
    size = (picture.shape[0], picture.shape[1])
    whole = Fit(size, size, 0, (0, 0, size[1], size[0]))
    if frame is None or (copy.image is not None and copy.image.resolve() == frame.resolve()):
        _check_stated(copy, size)
        return whole
    shown = _shown(copy)
    if shown is None:
        if copy.size is None:
            raise AnnotationError("the export states no size and holds no picture to compare with the frame")
        _check_stated(copy, size, "; with the export's own picture beside it, it could be mapped back")
        return whole
    _check_stated(copy, (shown.shape[0], shown.shape[1]))
    fit = fit_picture(picture, shown)
    if fit.likeness < 1:
        neighbours.check(frame, fit, shown)
    return fit


def _shown(copy: AnnotatedFrame) -> np.ndarray | None:
    if copy.image is not None:
        return read_frame(copy.image)
    return None if copy.picture is None else copy.picture()


def _check_stated(copy: AnnotatedFrame, size: Size, way_out: str = "") -> None:
    if copy.size is not None and tuple(copy.size) != size:
        raise AnnotationError(
            f"was drawn at {copy.size[1]}x{copy.size[0]}, its picture is {size[1]}x{size[0]} px{way_out}"
        )


def _mapped(item: Drawn, fit: Fit) -> Drawn:
    if isinstance(item, Painted) and item.plane.shape != fit.picture:
        height, width = item.plane.shape
        raise AnnotationError(f"was painted at {width}x{height}, its picture is {fit.picture[1]}x{fit.picture[0]} px")
    if fit.identical:
        return item
    if isinstance(item, Painted):
        return Painted(item.name, fit.plane(item.plane))
    return Outline(item.name, tuple(fit.points(ring) for ring in item.rings))


def _least(dice: dict[str, float]) -> str:
    name = min(dice, key=lambda key: dice[key])
    return f"of {name} {dice[name]:.3f}"
