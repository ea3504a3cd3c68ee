"""The `masks` format: a folder of frames beside a folder of label masks with the same names."""

import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trus.data.classes import Classes
from trus.data.images import FRAME_SUFFIXES, frame_files, image_size, read_mask, write_image
from trus.data.manifest import manifest_text, write_manifest
from trus.errors import ImageError, ManifestError
from trus.files import atomic_path


@dataclass(frozen=True)
class ImportSummary:
    """What an import wrote, for the person who ran it."""

    manifest: Path
    frames: int
    without_mask: int
    empty_masks: int
    patients: int
    test_frames: int
    classes: Classes


def import_masks(
    images: Path,
    masks: Path,
    out: Path,
    test_images: Path | None = None,
    test_masks: Path | None = None,
    patient_regex: str | None = None,
    classes: Classes | None = None,
    copy_images: bool = False,
) -> ImportSummary:
    """Build `out`/manifest.csv, classes.json and masks/ from folder pairs; frames are referred to where they are.

    A mask belongs to the frame with the same path below its folder, whatever its suffix. Masks are written anew as
    one channel of label values. `patient_regex` is searched in the frame's path below its folder; its first group
    (or the whole match) is the patient. Without `classes` the labels found are named class_N.
    Raises ManifestError that lists every problem; nothing is written then.
    """
    pairs = _pairs(images, masks, "")
    if test_images or test_masks:
        pairs += _pairs(_both(test_images, test_masks), Path(str(test_masks)), "test")
        pairs = [(image, mask, name, split or "train") for image, mask, name, split in pairs]
    patients = _patients([name for _, _, name, _ in pairs], patient_regex)
    _check_sides(pairs, patients)
    pairs = _unique_ids(pairs)
    _check_sources([masks, test_masks], out)
    labels = _read_masks(pairs, classes)
    classes = classes or _classes_found(labels)
    return _write(pairs, patients, labels, classes, out, copy_images)


Pair = tuple[Path, Path | None, str, str]


def _both(test_images: Path | None, test_masks: Path | None) -> Path:
    if test_images is None or test_masks is None:
        raise ManifestError("--test-images and --test-masks go together: give both folders, or none")
    return test_images


def _pairs(images: Path, masks: Path, split: str) -> list[Pair]:
    frames, labels = _listing(images), _listing(masks)
    orphans = sorted(set(labels) - set(frames))
    if orphans:
        raise ManifestError(
            f"{masks}: {len(orphans)} mask(s) without a frame of that name in {images}: {_some(orphans)}"
        )
    if not set(labels):
        raise ManifestError(f"{masks}: no mask has the name of a frame in {images}")
    return [(frames[name], labels.get(name), name, split) for name in sorted(frames)]


def _listing(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder")
    files = frame_files(folder)
    if not files:
        raise ManifestError(f"{folder}: no image in it ({', '.join(FRAME_SUFFIXES)})")
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ManifestError(
            f"{folder}: several files share a name but for their suffix: {_some(repeated)}; keep one of each"
        )
    return dict(zip(names, files, strict=True))


def _unique_ids(pairs: list[Pair]) -> list[Pair]:
    """A test frame named like a training frame is called test_NAME."""
    count = Counter(name for _, _, name, _ in pairs)
    unique = [
        (image, mask, f"test_{name}" if split == "test" and count[name] > 1 else name, split)
        for image, mask, name, split in pairs
    ]
    repeated = [name for name, times in Counter(name for _, _, name, _ in unique).items() if times > 1]
    if repeated:
        raise ManifestError(f"several frames would get the same image_id: {_some(repeated)}; rename them")
    return unique


def _check_sides(pairs: list[Pair], patients: list[str]) -> None:
    sides: dict[str, set[str]] = {}
    for (*_, split), patient in zip(pairs, patients, strict=True):
        sides.setdefault(patient, set()).add(split)
    both = [patient for patient, found in sides.items() if patient and len(found) > 1]
    if both:
        raise ManifestError(
            f"patients {_some(both)} have training and test frames, which would leak; put all of a patient's frames "
            "on one side, or correct --patient-regex"
        )


def _check_sources(masks: list[Path | None], out: Path) -> None:
    target = (out / "masks").resolve()
    for folder in masks:
        if folder is not None and (target in (source := folder.resolve()).parents or target == source):
            raise ManifestError(f"-o {out}: would write its masks over those in {folder}; choose another folder")


def _patients(names: list[str], regex: str | None) -> list[str]:
    if regex is None:
        return [""] * len(names)
    try:
        found = [re.search(regex, name) for name in names]
    except re.error as error:
        raise ManifestError(f"--patient-regex {regex!r} is not a regular expression: {error}") from error
    patients = [match.group(1 if match.re.groups else 0) if match else None for match in found]
    missed = [name for name, patient in zip(names, patients, strict=True) if not patient]
    if missed:
        raise ManifestError(f"--patient-regex {regex!r} finds no patient in {len(missed)} name(s): {_some(missed)}")
    return [patient for patient in patients if patient]


def _read_masks(pairs: list[Pair], classes: Classes | None) -> dict[str, np.ndarray]:
    labels, problems = {}, []
    for image, mask, name, _ in pairs:
        try:
            size = image_size(image)
            if mask is None:
                continue
            labels[name] = read_mask(mask)
        except ImageError as error:
            problems.append(str(error))
            continue
        if labels[name].shape != size:
            shape = labels[name].shape
            problems.append(
                f"{mask}: is {shape[1]}x{shape[0]}, its frame {size[1]}x{size[0]} px; export it at the frame's size"
            )
        unknown = np.setdiff1d(labels[name], [*classes.labels]).tolist() if classes else []
        if unknown:
            problems.append(
                f"{mask}: holds labels {unknown} that --classes does not name: {classes.labels if classes else ''}"
            )
    if problems:
        raise ManifestError(f"{len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return labels


def _classes_found(labels: dict[str, np.ndarray]) -> Classes:
    values = np.unique(np.concatenate([np.unique(mask) for mask in labels.values()])).tolist()
    if len(values) > 20:
        raise ManifestError(
            f"{len(values)} different label values found: these are not label masks; name the labels by --classes"
        )
    return Classes.from_dict(
        {"labels": {"0": "background", **{str(v): f"class_{v}" for v in values if v}}}, "masks found"
    )


def _write(
    pairs: list[Pair],
    patients: list[str],
    labels: dict[str, np.ndarray],
    classes: Classes,
    out: Path,
    copy_images: bool,
) -> ImportSummary:
    where = {name: out / "images" / f"{name}{image.suffix}" if copy_images else image for image, _, name, _ in pairs}
    rows = [
        {
            "image_id": name,
            "image": Path(os.path.relpath(where[name].resolve(), out.resolve())).as_posix(),
            "mask": f"masks/{name}.png" if name in labels else "",
            "patient_id": patient,
            "split": split,
        }
        for (_, _, name, split), patient in zip(pairs, patients, strict=True)
    ]
    _refuse_to_replace(out / "manifest.csv", manifest_text(rows))
    for image, _, name, _ in pairs:
        if name in labels:
            write_image(out / "masks" / f"{name}.png", labels[name])
        if copy_images:
            _copy(image, where[name])
    classes.save(out / "classes.json")
    write_manifest(out / "manifest.csv", rows)
    return ImportSummary(
        manifest=out / "manifest.csv",
        frames=len(rows),
        without_mask=len(rows) - len(labels),
        empty_masks=sum(not mask.any() for mask in labels.values()),
        patients=len(set(patients) - {""}),
        test_frames=sum(row["split"] == "test" for row in rows),
        classes=classes,
    )


def _refuse_to_replace(manifest: Path, text: str) -> None:
    if manifest.exists() and manifest.read_text(encoding="utf-8") != text:
        raise ManifestError(
            f"{manifest}: is there already and differs from this import; choose another -o, or remove it"
        )


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
