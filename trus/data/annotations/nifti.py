"""Masks as volumes: NIfTI and NRRD files of ITK-SNAP and 3D Slicer, one slice or one file a frame."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame, Export, FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.label_volumes import (
    LabelVolume,
    described_labels,
    drawn_slice,
    label_values,
    open_labels,
    slice_picture,
    volume_spacing,
)
from trus.data.annotations.sources import (
    Pictures,
    documents_in,
    not_annotated,
    nothing_read,
    shortened,
    without_repeats,
)
from trus.data.classes import Classes
from trus.data.images import read_frame
from trus.data.intake.open import open_source
from trus.data.intake.quiet import quietly
from trus.errors import AnnotationError, IntakeError, ManifestError
from trus.files import write_text

SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr")
_MARKS = ("_mask", "-mask", "_label", "-label", "_labels", "-labels", "_seg", "-seg", "_segmentation", "-segmentation")
_FOLDERS = ("labels", "masks")


def read_nifti(source: Path, options: ReadOptions) -> Export:
    """Read label volumes: a file, or a folder with them and, where they are, the pictures.

    A file of one slice belongs to the frame NAME.png, slice k of a larger one (along the file's third axis, from 0) to
    NAME_0000k.png, where NAME is the file's without suffix and without _mask, _label, _seg and the like. Rows are the
    file's second axis, columns its first: nothing is turned or flipped. Label volumes are those in labels/ or masks/,
    otherwise all but the ones that have a partner NAME_mask (_seg, ...): these are the pictures. Labels are named by a
    label description of ITK-SNAP in the folder, by 3D Slicer in the file, by `options.classes`, or label_N.
    Raises AnnotationError where there is no label volume, or names contradict each other.
    """
    folder = source if source.is_dir() else source.parent
    refused: list[str] = []
    found, pictured = _files(source)
    volumes = [volume for file in found for volume in _opened(file, folder, refused)]
    if not volumes:
        raise nothing_read(source, "holds no label volume (.nii, .nii.gz, .nrrd)", refused)
    classes, named, notes = _named(volumes, described_labels(folder), options, source)
    pictures = Pictures(source if source.is_dir() else None, options.images)
    frames = [frame for volume in named for frame in _frames(volume, pictured.pop(volume.name, None), pictures)]
    if any(frame.spacing == (1, 1) for frame in frames):
        notes.append("a spacing of 1 x 1 mm is what programs write when they know none: it is not taken over")
        frames = [_without_unit_spacing(frame) for frame in frames]
    frames, repeated = without_repeats(frames)
    for name, file in pictured.items():
        frames += _bare(name, file, refused)
    if source.is_dir():
        frames += not_annotated(pictures, source, frames)
    return Export(classes, frames, shortened(refused + repeated), notes)


def _stem(file: Path) -> str:
    return next((file.name[: -len(suffix)] for suffix in SUFFIXES if file.name.lower().endswith(suffix)), "")


def _frame_name(file: Path) -> str:
    stem = _stem(file)
    return next((stem[: -len(mark)] for mark in _MARKS if stem.lower().endswith(mark) and stem[: -len(mark)]), stem)


def _files(source: Path) -> tuple[list[Path], dict[str, Path]]:
    """Label volumes, and picture volumes by name."""
    if not source.is_dir():
        return [source], {}
    own = next((source / name for name in _FOLDERS if (source / name).is_dir()), None)
    every = _volumes(source)
    if own is not None:
        labels = [file for file in every if file.is_relative_to(own)]
        return labels, {_stem(file): file for file in every if file.parent == source / "images"}
    marked = {_frame_name(file) for file in every if _frame_name(file) != _stem(file)}
    pictures = {_stem(file): file for file in every if _stem(file) in marked}
    return [file for file in every if file not in pictures.values()], pictures


def _volumes(folder: Path) -> list[Path]:
    return [file for file in documents_in(folder, "") if _stem(file)]


def _opened(file: Path, folder: Path, refused: list[str]) -> Iterator[LabelVolume]:
    try:
        yield open_labels(file, _frame_name(file))
    except AnnotationError as error:
        refused.append(f"{file.relative_to(folder)}: {error}")


def _named(
    volumes: list[LabelVolume], described: dict[int, str], options: ReadOptions, source: Path
) -> tuple[Classes, list[LabelVolume], list[str]]:
    """Classes, the volumes with a name for each of their values, and what is worth knowing."""
    used = sorted(set().union(*(label_values(volume) for volume in volumes)))
    notes, fallback = [], described
    if not described and options.classes is not None and set(used) <= set(options.classes.labels):
        fallback = {value: name for value, name in options.classes.labels.items() if value}
        if not all(volume.names for volume in volumes):
            notes.append("the files do not name their labels: their values are taken as those of the classes")
    named = [volume.with_names(fallback) for volume in volumes]
    values: dict[str, set[int]] = {}
    for value, name in [*fallback.items(), *(item for volume in named for item in volume.names.items())]:
        values.setdefault(name, set()).add(value)
    if not values:
        raise AnnotationError(f"{source}: every label volume is empty, so that no class is known; use --classes")
    numbers = {name: min(found) for name, found in values.items()}
    if len({*numbers.values()}) < len(numbers) or any(len(found) > 1 for found in values.values()):
        numbers = {name: number for number, name in enumerate(values, 1)}
        notes.append("the files number their labels differently: they are told apart by their names")
    labels = {str(value): name for name, value in sorted(numbers.items(), key=lambda item: item[1])}
    try:
        return Classes.from_dict({"labels": {"0": "background", **labels}}, str(source)), named, notes
    except ManifestError as error:
        raise AnnotationError(str(error)) from error


def _frames(volume: LabelVolume, picture: Path | None, pictures: Pictures) -> Iterator[AnnotatedFrame]:
    for number in range(volume.slices):
        name = f"{volume.name}.png" if volume.slices == 1 else f"{volume.name}_{number:05d}.png"
        found = None if picture else pictures.find(name)
        yield AnnotatedFrame(
            name=name,
            draw=partial(drawn_slice, volume, number),
            size=volume.size,
            image=pictures.files[found] if found else None,
            picture=partial(slice_picture, picture, number, volume.size) if picture else None,
            spacing=volume.spacing,
        )


def _without_unit_spacing(frame: AnnotatedFrame) -> AnnotatedFrame:
    return replace(frame, spacing=None) if frame.spacing == (1, 1) else frame


def _bare(name: str, file: Path, refused: list[str]) -> Iterator[AnnotatedFrame]:
    """The slices of a picture volume that has no labels."""
    try:
        header = open_source(file).header
    except IntakeError as error:
        refused.append(f"{file.name}: {error}")
        return
    slices = header.frames or 1
    for number in range(slices):
        yield AnnotatedFrame(
            name=f"{name}.png" if slices == 1 else f"{name}_{number:05d}.png",
            draw=None,
            size=header.size,
            picture=partial(slice_picture, file, number, header.size),
            spacing=volume_spacing(file, header.spacing),
        )


def write_nifti(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write images/NAME.nii.gz, labels/NAME.nii.gz and labels.txt, a label description of ITK-SNAP.

    Two-dimensional files, columns along the first axis, spacing in mm. Pictures are grey. A frame that nobody has
    annotated has no file in labels/.
    """
    unknown, coloured = 0, 0
    for frame in frames:
        stem = Path(frame.file_name).stem
        picture, labels = _picture(frame), frame.labels()
        coloured += picture.ndim == 3
        unknown += frame.spacing is None
        if (out / "images" / f"{stem}.nii.gz").exists():
            raise AnnotationError(f"{frame.file_name}: another frame differs from it by its suffix only; rename one")
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
        _write(out / "images" / f"{stem}.nii.gz", grey, frame.spacing)
        if labels is not None:
            _write(out / "labels" / f"{stem}.nii.gz", labels, frame.spacing)
    (out / "labels").mkdir(exist_ok=True)
    write_text(out / "labels.txt", _description(classes))
    notes = [f"{unknown} frame(s) without known spacing are written with 1 x 1 mm: do not measure on them"]
    colours = [f"{coloured} coloured picture(s) are written in grey; the masks are not touched"]
    return (notes if unknown else []) + (colours if coloured else [])


def _picture(frame: FrameOut) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / frame.file_name
        frame.copy_image(path)
        return read_frame(path)


def _write(path: Path, plane: np.ndarray, spacing: tuple[float, float] | None) -> None:
    import SimpleITK as sitk  # noqa: N813

    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.ascontiguousarray(plane, dtype=np.uint8))
    row, column = spacing or (1.0, 1.0)
    image.SetSpacing((column, row))
    quietly(f"{path.name}: cannot be written as NIfTI", sitk.WriteImage, image, str(path), True)


def _description(classes: Classes) -> str:
    """ITK-SNAP's label description: value, RGB, opacity, shown, shown in 3-D, name."""
    from trus.inference.overlay import class_colour

    lines = ['0 0 0 0 0 0 0 "Clear Label"']
    for place, (value, name) in enumerate(sorted((v, n) for v, n in classes.labels.items() if v)):
        red, green, blue = class_colour(place)
        quoted = name.replace('"', "'")
        lines.append(f'{value} {red} {green} {blue} 1 1 1 "{quoted}"')
    return "\n".join(lines) + "\n"
