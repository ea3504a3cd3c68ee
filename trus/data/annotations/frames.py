"""Which frames an export is about: one annotator's drawings, and frames that are made from the export's pictures."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame
from trus.data.annotations.names import NameIndex, known_files
from trus.data.annotations.roboflow import original_name
from trus.data.images import FRAME_SUFFIXES, frame_files, read_frame, write_image
from trus.data.schema import SPACING
from trus.errors import AnnotationError, ManifestError, TrusError

_LONGEST = 240  # bytes of one folder or file name; file systems take 255, and a suffix follows


@dataclass(frozen=True)
class Job:
    """A frame to be annotated: its pictures in the export, and its own file (None: it has yet to be written).

    `row` are the cells of the manifest that the export knows.
    """

    image_id: str
    copies: list[AnnotatedFrame]
    image: Path | None
    row: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the user knows it by: its name in the export, or the frame's where that has several copies."""
        return self.copies[0].name if len(self.copies) == 1 else self.image_id

    @property
    def annotator(self) -> str | None:
        """Who drew it, where that is known."""
        return next((copy.annotator for copy in self.copies if copy.annotator), None)

    def write_to(self, picture: np.ndarray) -> Callable[[Path], object]:
        """How the frame is written to a path: its file copied, or its pixels as a PNG."""
        image = self.image
        if image is not None:
            return lambda path: shutil.copyfile(image, path)
        return lambda path: write_image(path, picture)

    def read(self) -> np.ndarray:
        """The frame's pixels. Raises ImageError or AnnotationError."""
        if self.image is not None:
            return read_frame(self.image)
        picture = self.copies[0].picture
        if picture is None:
            raise AnnotationError(
                "the export holds no picture; say where it is by --images, or the frame by --manifest"
            )
        return picture()


def chosen_annotator(frames: list[AnnotatedFrame], wanted: str | None) -> tuple[list[AnnotatedFrame], list[str]]:
    """The frames as one person drew them, and lines on those that several drew.

    `wanted` chooses among the export's annotators, or names the only one. Raises AnnotationError for an unknown name.
    """
    names = sorted({frame.annotator for frame in frames if frame.annotator})
    if wanted and wanted not in names:
        if len(names) > 1:
            raise AnnotationError(f"--annotator {wanted}: the export's annotators are {', '.join(names)}")
        return [replace(frame, annotator=wanted) for frame in frames], []
    if wanted:
        return [frame for frame in frames if frame.annotator in (wanted, None)], []
    drawn_by = defaultdict(set)
    for frame in frames:
        drawn_by[frame.name].add(frame.annotator or "")
    refused = [
        f"{name}: drawn by {', '.join(sorted(who))}; take one by --annotator, each into a folder of its own, and "
        "compare them by `trus annotations agree`"
        for name, who in drawn_by.items()
        if len(who) > 1
    ]
    return [frame for frame in frames if len(drawn_by[frame.name]) == 1], refused


def new_frames(
    frames: list[AnnotatedFrame], images: Path | None, patient_regex: str | None, split: str | None, keep_copies: bool
) -> tuple[list[Job], list[str]]:
    """One frame for each picture of an export, and lines on those that cannot be one.

    `images` is where pictures lie that the export does not hold. The id is the name without suffix, of Roboflow's
    `.rf.` names the original's; a test frame named like a training frame is called test_NAME. Several copies of one
    original are refused, or (`keep_copies`) kept under ids with their hash and a column copy_of.
    Raises ManifestError for patients that are not found, or found on both sides of the test split.
    """
    index = NameIndex(known_files(images, frame_files(images))) if images is not None else None
    frames = [replace(frame, split=split or frame.split) for frame in frames]
    named, refused = _named(frames, keep_copies)
    originals = [_original(frame) for _, frame, _ in named]
    patients = _patients(named, originals, patient_regex)
    _check_sides(patients, named)
    jobs = []
    for (image_id, frame, copy_of), patient in zip(named, patients, strict=True):
        try:
            image = _image(frame, images, index)
        except TrusError as error:
            refused.append(f"{frame.name}: {error}")
            continue
        jobs.append(Job(image_id, [replace(frame, image=image)], image, _row(frame, patient, copy_of)))
    return jobs, refused


Named = tuple[str, AnnotatedFrame, str]


def _named(frames: list[AnnotatedFrame], keep_copies: bool) -> tuple[list[Named], list[str]]:
    """(image_id, frame, the original that it is a copy of) and refused lines."""
    named: list[Named] = []
    refused: list[str] = []
    for original, group in _grouped(frames).items():
        if len(group) == 1:
            named.append((original, group[0], ""))
        elif not all(".rf." in frame.name for frame in group):
            named += _told_apart(original, group, refused)
        elif len({frame.split == "test" for frame in group}) > 1:
            refused.append(f"{original}: its {len(group)} copies stand on both sides of the test split, which leaks")
        elif keep_copies:
            named += [(f"{original}_{_hash(frame.name)}", frame, original) for frame in group]
        else:
            refused.append(
                f"{original}: the export holds {len(group)} copies of it; give the originals by --manifest, or keep "
                "each as a frame of its own by --keep-copies"
            )
    return _without_repeats(named, refused), refused


def _grouped(frames: Iterable[AnnotatedFrame]) -> dict[str, list[AnnotatedFrame]]:
    groups: dict[str, list[AnnotatedFrame]] = defaultdict(list)
    for frame in frames:
        groups[_original(frame)].append(frame)
    return groups


def _told_apart(name: str, group: list[AnnotatedFrame], refused: list[str]) -> list[Named]:
    """A training and a test frame of one name; more than one of a side cannot be told apart."""
    told: list[Named] = []
    for side in (False, True):
        frames = [frame for frame in group if (frame.split == "test") is side]
        if len(frames) == 1:
            told.append((f"test_{name}" if side else name, frames[0], ""))
        elif frames:
            refused.append(f"{name}: {len(frames)} pictures would get this image_id; rename them")
    return told


def _without_repeats(named: list[Named], refused: list[str]) -> list[Named]:
    holders = defaultdict(list)
    for image_id, frame, _ in named:
        holders[image_id].append(frame.name)
    refused += [
        f"{image_id}: would be the image_id of {' and '.join(names)}; rename them"
        for image_id, names in holders.items()
        if len(names) > 1
    ]
    refused += [
        f"{name!r}: is no name for a frame: empty, too long, or leading out" for name in holders if not _safe(name)
    ]
    return [item for item in named if len(holders[item[0]]) == 1 and _safe(item[0])]


def _safe(image_id: str) -> bool:
    """Whether files can be named after it below a folder."""
    parts = image_id.split("/")
    named = all(part.strip(". ") and len(part.encode()) <= _LONGEST for part in parts)
    return named and not any(ord(letter) < 32 or letter == "\\" for letter in image_id)


def _original(frame: AnnotatedFrame) -> str:
    """The image_id: Roboflow's original name, else the name with its folders; without the suffix of a picture."""
    if frame.image_id:
        return frame.image_id
    name = frame.name.replace("\\", "/").removeprefix("./")
    original = original_name(name.rpartition("/")[2])
    name = original if ".rf." in name and original not in name else name
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in (*FRAME_SUFFIXES, ".webp") else name


def _hash(name: str) -> str:
    return name.rsplit(".rf.", 1)[1].split(".", maxsplit=1)[0][:8]


def _patients(named: list[Named], originals: list[str], regex: str | None) -> list[str]:
    if regex is None:
        return [frame.patient_id or "" for _, frame, _ in named]
    try:
        found = [re.search(regex, name) for name in originals]
    except re.error as error:
        raise ManifestError(f"--patient-regex {regex!r} is not a regular expression: {error}") from error
    patients = [(match.group(1 if match.re.groups else 0) or "") if match else "" for match in found]
    missed = [name for name, patient in zip(originals, patients, strict=True) if not patient]
    if missed:
        raise ManifestError(f"--patient-regex {regex!r} finds no patient in {len(missed)} name(s): {_some(missed)}")
    return patients


def _check_sides(patients: list[str], named: list[Named]) -> None:
    sides: dict[str, set[bool]] = defaultdict(set)
    for patient, (_, frame, _) in zip(patients, named, strict=True):
        sides[patient].add(frame.split == "test")
    both = [patient for patient, found in sides.items() if patient and len(found) > 1]
    if both:
        raise ManifestError(
            f"patients {_some(both)} have training and test frames, which would leak; put all of a patient's frames "
            "on one side, or correct --patient-regex"
        )


def _image(frame: AnnotatedFrame, images: Path | None, index: NameIndex | None) -> Path | None:
    if frame.image is not None or frame.picture is not None or images is None or index is None:
        return frame.image
    try:
        return images / index.find_unseen(frame.name).image
    except AnnotationError as error:
        raise AnnotationError(f"its picture is not in {images}") from error


def _row(frame: AnnotatedFrame, patient: str, copy_of: str) -> dict[str, str]:
    spacing = dict(zip(SPACING, map(repr, frame.spacing), strict=True)) if frame.spacing else {}
    known = {
        "patient_id": patient,
        "split": frame.split,
        "device": frame.device,
        "source": frame.source,
        "licence": frame.licence,
        "copy_of": copy_of,
    }
    return {**{key: text for key, text in known.items() if text}, **spacing}


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
