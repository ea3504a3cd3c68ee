"""Micro-US: prostate glands in 29 MHz micro-ultrasound, by several annotators (Jiang et al., MicroSegNet, 2024).

The data set (doi:10.5281/zenodo.10475293) was not at hand when this was written: its layout is taken from public code
that reads it, and was tried on a made folder of that layout only.
"""

import re
from collections.abc import Iterator
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

_SCANS = "micro_ultrasound_scans"
_ANNOTATIONS = "_annotations"
_NESTED = "Micro_Ultrasound_Prostate_Segmentation_Dataset"


def read_microus(source: Path, options: ReadOptions) -> Export:
    """Read train/ and test/, each with micro_ultrasound_scans/*.nii.gz and a folder ANNOTATOR_annotations an annotator.

    `options.annotator` says whose drawings are taken: `expert` (the default), `non_expert`, `medical_student`,
    `master_student`, `clinician`. Scan and annotation belong together by the number that ends their names. Every
    slice along the third axis is a frame, every scan a patient; where that annotator drew no volume, its frames are
    not annotated. Raises AnnotationError where the folders or the annotator are not there.
    """
    root = source / _NESTED if (source / _NESTED).is_dir() else source
    parts = [part for part in ("train", "test") if (root / part / _SCANS).is_dir()]
    if not parts:
        raise AnnotationError(f"{source}: no train/{_SCANS}/ or test/{_SCANS}/ in it")
    annotator = options.annotator or "expert"
    _check_annotator(root, parts, annotator)
    export = Export(Classes.from_dict({"labels": {"0": "background", "1": "gland"}}), [])
    cache = VolumeCache()
    for part in parts:
        _read_part(root, part, annotator, cache, export)
    _add_notes(root, parts, annotator, export)
    return export


def _annotators(root: Path, parts: list[str]) -> list[str]:
    folders = {folder.name for part in parts for folder in (root / part).glob(f"*{_ANNOTATIONS}") if folder.is_dir()}
    return sorted(name.removesuffix(_ANNOTATIONS) for name in folders)


def _check_annotator(root: Path, parts: list[str], annotator: str) -> None:
    known = _annotators(root, parts)
    if annotator not in known:
        raise AnnotationError(f"{root}: no drawings of annotator {annotator!r}; there are {', '.join(known) or 'none'}")


def _read_part(root: Path, part: str, annotator: str, cache: VolumeCache, export: Export) -> None:
    scans = _numbered(root / part / _SCANS, export)
    labels = _numbered(root / part / f"{annotator}{_ANNOTATIONS}", export)
    export.refused.extend(f"{labels[n].path}: there is no scan {n}" for n in sorted({*labels} - {*scans}))
    for number, scan in scans.items():
        label = labels.get(number)
        if label and (line := size_mismatch(scan, label)):
            export.refused.append(line)
            continue
        known = {"patient_id": f"{part}_{number:02d}", "split": part, "annotator": annotator if label else None}
        source = "Micro-US prostate (doi:10.5281/zenodo.10475293)"
        export.frames.extend(
            slice_frames(cache, scan, label.path if label else None, _folder(scan, part), source=source, **known)
        )


def _folder(scan: VolumeHeader, part: str) -> str:
    """Scans are named by their part (microUS_train_01); where they are not, the folder tells them apart."""
    return "" if part in scan.stem else f"{part}/"


def _numbered(folder: Path, export: Export) -> dict[int, VolumeHeader]:
    found: dict[int, VolumeHeader] = {}
    for file in _volumes(folder):
        number = re.search(r"(\d{1,9})$", volume_stem(file))
        if number is None or int(number[1]) in found:
            why = "its name ends in no number" if number is None else f"number {number[1]} is there twice"
            export.refused.append(f"{file}: {why}, so its patient is not known")
            continue
        try:
            found[int(number[1])] = read_header(file)
        except AnnotationError as error:
            export.refused.append(str(error))
    return found


def _volumes(folder: Path) -> Iterator[Path]:
    yield from volume_files(folder) if folder.is_dir() else ()


def _add_notes(root: Path, parts: list[str], annotator: str, export: Export) -> None:
    others = [name for name in _annotators(root, parts) if name != annotator]
    if others:
        export.notes.append(
            f"microus: these are the drawings of {annotator}; --annotator takes those of {', '.join(others)}. Import "
            "each into a folder of its own, and `trus annotations agree` compares them"
        )
    undrawn = {frame.patient_id for frame in export.frames if frame.draw is None}
    if undrawn:
        export.notes.append(f"microus: {annotator} drew nothing of {len(undrawn)} patients; their frames have no mask")
    without = sum(frame.spacing is None for frame in export.frames)
    if without:
        export.notes.append(f"microus: {without} frames have no spacing: their headers state 1 mm or nothing")
