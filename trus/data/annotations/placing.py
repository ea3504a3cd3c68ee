"""The labels of a frame from the pictures of it in an export: each laid onto the frame, and the one to believe."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.data.annotations.categories import Naming
from trus.data.annotations.changes import compare_masks
from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Outline, Painted
from trus.data.annotations.fitting import Fit, Size, fit_picture
from trus.data.annotations.objects import compose
from trus.data.images import read_frame
from trus.errors import AnnotationError

AGREE = 0.98
"""Dice a class from which two copies of a frame count as drawn alike; resampling a small object moves its edge."""


@dataclass
class Placing:
    """How frames get their labels; `notes` counts what was worth knowing, `details` says it of single frames."""

    naming: Naming
    notes: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def labels(self, copies: list[AnnotatedFrame], frame: Path | None, picture: np.ndarray) -> np.ndarray | None:
        """Labels uint8 (H, W) of `frame`, whose pixels are `picture`, from its copies; None where none is annotated.

        A copy that is neither mirrored nor turned wins over those that are. Raises AnnotationError where a copy is no
        picture of the frame, or copies disagree.
        """
        drawn = [self._copy(copy, frame, picture) for copy in copies if copy.draw is not None]
        if not drawn:
            return None
        upright = [item for item in drawn if item[0].turn == 0] or drawn
        labels = upright[0][1]
        for copy, (_, others) in zip([c for c in copies if c.draw], drawn, strict=True):
            dice = compare_masks("", labels, others, self.naming.classes).dice
            if min(dice.values(), default=1.0) >= AGREE:
                continue
            if any(others is item[1] for item in upright):
                raise AnnotationError(f"its copies are drawn differently ({copy.name}: Dice {_least(dice)}); keep one")
            self.notes[
                "frame(s) have a mirrored or turned copy that is drawn differently; the upright one was taken"
            ] += 1
        return labels

    def _copy(self, copy: AnnotatedFrame, frame: Path | None, picture: np.ndarray) -> tuple[Fit, np.ndarray]:
        assert copy.draw is not None
        named = self.naming(copy.draw())
        fit = fit_of(copy, frame, picture)
        drawn = [_mapped(item, fit) for item in named]
        if not fit.identical and any(isinstance(item, Painted) for item in drawn):
            height, width = fit.picture
            self.notes[f"frame(s) resampled from {width}x{height} px: painted there, not drawn as outlines"] += 1
        labels, notes = compose(drawn, self.naming.classes, fit.frame)
        self.details += [f"{copy.name}: {note}" for note in notes]
        return fit, labels


def fit_of(copy: AnnotatedFrame, frame: Path | None, picture: np.ndarray) -> Fit:
    """How the frame lies in the export's picture of it. Raises AnnotationError where that is not certain."""
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
    return fit_picture(picture, shown)


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
