"""Several annotators of the same frames: their manifests side by side, matched by image_id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Frame, Manifest
from trus.errors import AnnotationError, ImageError, ManifestError


@dataclass(frozen=True)
class Annotator:
    """One person's drawings: a manifest of the frames, with the masks that this person drew."""

    name: str
    manifest: Manifest


@dataclass(frozen=True)
class SharedFrame:
    """A frame with the rows of all who drew on it (two or more), by annotator's name, in the order given."""

    image_id: str
    rows: dict[str, Frame]

    @property
    def patient_id(self) -> str | None:
        """The patient, where any of the manifests knows it."""
        return next((row.patient_id for row in self.rows.values() if row.patient_id), None)

    def read_labels(self, classes: Classes) -> dict[str, np.ndarray]:
        """Label mask of each annotator, uint8 (H, W), all of one size.

        Raises AnnotationError where a file cannot be read, the pictures differ, a mask is not of the picture's size,
        or it holds labels that `classes` does not name.
        """
        try:
            picture = self._read_picture()
            labels = {name: read_mask(row.mask) for name, row in self.rows.items() if row.mask is not None}
        except ImageError as error:
            raise AnnotationError(f"{self.image_id}: {error}") from error
        for name, mask in labels.items():
            self._check(name, mask, picture.shape[:2], classes)
        return labels

    def _read_picture(self) -> np.ndarray:
        """The picture, which must be the same in every manifest: an image_id alone may have been given twice."""
        files = {row.image.resolve(): name for name, row in self.rows.items()}
        (first, known), *others = [(name, read_frame(file)) for file, name in files.items()]
        for name, picture in others:
            if not np.array_equal(picture, known):
                raise AnnotationError(
                    f"{self.image_id}: {name} and {first} drew on different pictures; import both from one data set"
                )
        return known

    def _check(self, name: str, mask: np.ndarray, size: tuple[int, ...], classes: Classes) -> None:
        if mask.shape != size:
            shapes = f"the mask of {name} is {mask.shape[1]}x{mask.shape[0]}, the picture {size[1]}x{size[0]} px"
            raise AnnotationError(f"{self.image_id}: {shapes}; import it at the picture's size")
        unknown = np.setdiff1d(mask, [*classes.labels]).tolist()
        if unknown:
            raise AnnotationError(
                f"{self.image_id}: the mask of {name} holds labels {unknown}, unknown to classes.json"
            )


@dataclass(frozen=True)
class Shared:
    """Frames that two or more drew on; why others are refused, by image_id; how many one person or nobody drew on."""

    frames: list[SharedFrame]
    refused: dict[str, str]
    single: int


def load_annotators(paths: Sequence[Path]) -> list[Annotator]:
    """Read the manifests, one an annotator, whose name is its annotator column where that holds one name only, else
    its folder. Raises ManifestError: fewer than two, unreadable ones, different classes, a name given twice."""
    files = [path / "manifest.csv" if path.is_dir() else path for path in paths]
    if len({file.resolve() for file in files}) < 2:
        raise ManifestError("agreement needs the manifests of two annotators at least; give each once")
    manifests, problems = [], []
    for file in files:
        try:
            manifests.append(Manifest.load(file))
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ManifestError("\n".join(problems))
    annotators = [Annotator(_name(manifest), manifest) for manifest in manifests]
    _check_names(annotators)
    _check_classes(annotators)
    return annotators


def match_frames(annotators: Sequence[Annotator]) -> Shared:
    """Match frames by image_id; those whose patient, split, spacing or region differ between manifests are refused."""
    rows: dict[str, dict[str, Frame]] = {}
    for annotator in annotators:
        for frame in annotator.manifest.frames:
            rows.setdefault(frame.image_id, {})[annotator.name] = frame
    shared: list[SharedFrame] = []
    refused: dict[str, str] = {}
    single = 0
    for image_id, known in rows.items():
        drawn = {name: row for name, row in known.items() if row.mask is not None}
        if line := _conflict(image_id, known):
            refused[image_id] = line
        elif len(drawn) < 2:
            single += 1
        else:
            shared.append(SharedFrame(image_id, drawn))
    return Shared(shared, refused, single)


_SAME: tuple[tuple[str, Callable[[Frame], Any]], ...] = (
    ("patient_id", lambda row: row.patient_id),
    ("split", lambda row: row.split),
    ("spacing", lambda row: row.spacing),
    ("region", lambda row: row.region),
)


def _conflict(image_id: str, rows: dict[str, Frame]) -> str | None:
    for column, value in _SAME:
        stated = {name: value(row) for name, row in rows.items() if value(row) is not None}
        if len({*stated.values()}) > 1:
            says = ", ".join(f"{name} says {text}" for name, text in stated.items())
            return f"{image_id}: {column} differs ({says}); correct the manifests"
    return None


def _name(manifest: Manifest) -> str:
    names = {frame.annotator for frame in manifest.frames if frame.mask is not None} - {None}
    return str(names.pop()) if len(names) == 1 else manifest.path.resolve().parent.name


def _check_names(annotators: Sequence[Annotator]) -> None:
    seen: dict[str, Path] = {}
    for annotator in annotators:
        if annotator.name in seen:
            both = f"{seen[annotator.name]} and {annotator.manifest.path}"
            raise ManifestError(f"{both}: both are called {annotator.name!r}; name them in the column annotator")
        seen[annotator.name] = annotator.manifest.path


def _check_classes(annotators: Sequence[Annotator]) -> None:
    first, *others = annotators
    for other in others:
        if other.manifest.classes != first.manifest.classes:
            said = [
                f"{a.manifest.path.parent / 'classes.json'}: {a.manifest.classes.to_dict()}" for a in (first, other)
            ]
            raise ManifestError(
                "the annotators' classes differ; import them with the same classes\n  " + "\n  ".join(said)
            )
