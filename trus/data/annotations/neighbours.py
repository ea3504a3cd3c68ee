"""Frames near a frame in its data set: those of one clip look nearly alike, and tools count them in their own ways."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from trus.data.annotations.fitting import Fit, correlation, frame_structure, laid_structure
from trus.data.images import read_frame
from trus.errors import AnnotationError, ImageError

REACH = 50
"""So many frames before and after a frame are looked at."""
CLEARLY = 0.003
"""By so much a neighbour must be likelier to be the one that is shown: frames that differ by less stand still."""


class Neighbours:
    """The frames of a data set by image_id, in its order; each is read once while the import goes through them."""

    def __init__(self, images: Mapping[str, Path]):
        self._names = [*images]
        self._files = [*images.values()]
        self._place = {image.resolve(): place for place, image in enumerate(self._files)}
        self._structure = lru_cache(maxsize=2 * REACH + 1)(_structure)

    def check(self, frame: Path, fit: Fit, picture: np.ndarray) -> None:
        """Raise AnnotationError where `picture`, in which `frame` lies as `fit` says, shows a neighbour of it instead.

        Only neighbours of the frame's size can be told.
        """
        place = self._place.get(frame.resolve())
        if place is None:
            return
        laid = laid_structure(picture, fit)
        near = range(max(0, place - REACH), min(place + REACH + 1, len(self._files)))
        shown = ((k, self._structure(self._files[k], fit.frame)) for k in near if k != place)
        found = {k: correlation(structure, laid) for k, structure in shown if structure is not None}
        rival = max(found, key=lambda k: found[k], default=place)
        if found.get(rival, 0.0) > fit.likeness + CLEARLY:
            raise AnnotationError(
                f"shows {self._names[rival]} (likeness {found[rival]:.3f}) rather than this frame "
                f"({fit.likeness:.3f}); if the tool numbers frames otherwise, name each picture as its image_id"
            )


def _structure(image: Path, size: tuple[int, int]) -> np.ndarray | None:
    """None where the frame has another size, or cannot be read; whoever needs its pixels says so."""
    try:
        frame = read_frame(image)
    except ImageError:
        return None
    return frame_structure(frame) if frame.shape[:2] == size else None
