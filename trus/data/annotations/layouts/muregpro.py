"""µ-RegPro: prostate glands in 3-D TRUS (Baum et al., the MICCAI 2023 challenge), and sets laid out like it."""

import csv
from pathlib import Path

from trus.data.annotations.exchange import Export, ReadOptions
from trus.data.annotations.layouts.volumes import (
    VolumeCache,
    VolumeHeader,
    read_header,
    size_mismatch,
    slice_frames,
    volume_files,
    volume_stem,
)
from trus.data.classes import Classes
from trus.errors import AnnotationError

_PARTS = ((".", None), ("train", "train"), ("val", "train"), ("test", "test"))
_GROUPS = "patient_groups.csv"


def read_muregpro(source: Path, options: ReadOptions) -> Export:
    """Read `us_images/NAME.nii.gz` with `us_labels/NAME.nii.gz`, in `source` or its train/, val/ and test/.

    Every slice along the third axis is a frame, those without gland too (an empty mask). Of labels with four axes the
    first channel is the gland; the others are point-like landmarks, no lesions, and left. The patient of a volume
    stands in `patient_groups.csv` (obs, group); without that file every volume counts as a patient. MR volumes are
    left. Raises AnnotationError where there is no us_images, or the groups cannot be read.
    """
    parts = [(part, split) for part, split in _PARTS if (source / part / "us_images").is_dir()]
    if not parts:
        raise AnnotationError(f"{source}: no us_images/ in it, nor in a train/, val/ or test/ of it")
    export = Export(Classes.from_dict({"labels": {"0": "background", "1": "gland"}}), [])
    groups, cache = _groups(source), VolumeCache()
    for part, split in parts:
        _read_part(source / part, "" if part == "." else f"{part}/", split, groups, cache, export)
    _add_notes(source, export, groups)
    return export


def _read_part(
    folder: Path, prefix: str, split: str | None, groups: dict[str, str] | None, cache: VolumeCache, export: Export
) -> None:
    labels = {volume_stem(file): file for file in _labels_in(folder / "us_labels")}
    for file in volume_files(folder / "us_images"):
        try:
            picture, label = _pair(file, labels.pop(volume_stem(file), None))
        except AnnotationError as error:
            export.refused.append(str(error))
            continue
        if groups is not None and picture.stem not in groups:
            export.refused.append(
                f"{file}: {picture.stem} is not in {_GROUPS}; add its line, so that patients stay apart"
            )
            continue
        patient = prefix + picture.stem if groups is None else groups[picture.stem]
        known = {"patient_id": patient, "split": split, "source": "µ-RegPro layout (us_images, us_labels)"}
        export.frames.extend(slice_frames(cache, picture, label, prefix, **known))
    export.refused.extend(f"{file}: there is no picture volume of that name" for file in labels.values())


def _labels_in(folder: Path) -> list[Path]:
    return volume_files(folder) if folder.is_dir() else []


def _pair(file: Path, label: Path | None) -> tuple[VolumeHeader, Path | None]:
    picture = read_header(file)
    if label is not None and (line := size_mismatch(picture, read_header(label))):
        raise AnnotationError(line)
    return picture, label


def _groups(source: Path) -> dict[str, str] | None:
    """Volume -> patient from patient_groups.csv, None where that file is not there."""
    file = source / _GROUPS
    if not file.is_file():
        return None
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = [(row["obs"].strip(), row["group"].strip()) for row in csv.DictReader(text)]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise AnnotationError(f"{file}: cannot be read; it needs the columns obs and group ({error})") from error
    groups: dict[str, str] = {}
    for obs, group in rows:
        if not obs or not group or groups.setdefault(obs, group) != group:
            raise AnnotationError(
                f"{file}: {obs or 'a line'} has no group, or two of them; each volume has one patient"
            )
    return groups


def _add_notes(source: Path, export: Export, groups: dict[str, str] | None) -> None:
    patients = {frame.patient_id for frame in export.frames}
    if groups is None:
        export.notes.append(
            f"muregpro: no {_GROUPS} in {source}, so each of the {len(patients)} volumes counts as a patient; "
            "where one patient has several volumes, a split would leak: add that file (columns obs, group)"
        )
    export.notes.append("muregpro: labels beyond the first channel are landmarks, not lesions, and were left")
    if (source / "val" / "us_images").is_dir():
        export.notes.append("muregpro: the volumes of val/ were put on the training side; trus makes its own folds")
    without = {frame.image_id for frame in export.frames if frame.spacing is None}
    if without:
        export.notes.append(f"muregpro: {len(without)} frames have no spacing: their headers state 1 mm or nothing")
