"""Findings on the data set as a whole: what only a look at all frames can tell."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import median

import numpy as np

from trus.data.check.findings import Finding
from trus.data.check.measure import FrameFacts
from trus.data.classes import Classes
from trus.data.manifest import Frame

OUTLIER = 5.0
"""Robust z (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993) beyond which a brightness is told."""
ENOUGH = 10
"""Frames of a device from which on one of them can be unusual."""
SIZE_RATIO, SPACING_RATIO = 2.0, 3.0
"""A frame's pixels and shape, or its spacing, may differ by this factor from the median."""
BY_CHANCE = 100
"""Pixels below which two pictures may well have the same mask by chance."""

Seen = Sequence[tuple[Frame, FrameFacts]]


def set_findings(seen: Seen, classes: Classes, classes_known: bool) -> list[Finding]:
    """All findings on the set."""
    rules: list[Callable[[Seen], Iterator[Finding]]] = [
        *(_gaps, _patients, _patient_ids_alike, _repeated_masks, _intensity, _sizes, _spacings),
    ]
    findings = [finding for rule in rules for finding in rule(seen)]
    return findings + (list(_class_use(seen, classes)) if classes_known else [])


def _rows(frames: Sequence[Frame]) -> tuple[int, ...]:
    return tuple(frame.row for frame in frames)


def _gaps(seen: Seen) -> Iterator[Finding]:
    """Findings on cells left empty: one for each kind, with all its rows."""
    frames = [frame for frame, _ in seen]
    without_mask = [frame for frame in frames if frame.mask is None]
    gaps = {
        "test-frame-without-mask": [frame for frame in without_mask if frame.split == "test"],
        "not-annotated": [frame for frame in without_mask if frame.split != "test"],
        "patient-unknown": [frame for frame in frames if frame.patient_id is None],
        "spacing-unknown": [frame for frame in frames if frame.spacing is None],
        "licence-unknown": [frame for frame in frames if frame.licence is None],
    }
    for code, own in gaps.items():
        if own:
            yield Finding(code, _rows(own), f"{len(own)} of {len(frames)} frames")


def _patients(seen: Seen) -> Iterator[Finding]:
    single = [own[0] for own in _by_patient(seen).values() if len(own) == 1]
    if single:
        yield Finding("patient-with-one-frame", _rows(single), f"{len(single)} of {len(_by_patient(seen))} patients")


def _by_patient(seen: Seen) -> dict[str, list[Frame]]:
    patients: dict[str, list[Frame]] = defaultdict(list)
    for frame, _ in seen:
        if frame.patient_id is not None:
            patients[frame.patient_id].append(frame)
    return patients


def _patient_ids_alike(seen: Seen) -> Iterator[Finding]:
    """`P01`, `p1` and `p-001` may be one patient under several keys, which no split can know."""
    written: dict[str, dict[str, list[Frame]]] = defaultdict(dict)
    for patient, frames in _by_patient(seen).items():
        plain = re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", patient).casefold())
        plain = re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"(?<=[^\W\d]) (?=\d)", "", plain)).strip()
        written[plain][patient] = frames
    for ways in written.values():
        if len(ways) > 1:
            rows = tuple(row for frames in ways.values() for row in _rows(frames))
            yield Finding("patient-ids-alike", rows, ", ".join(map(repr, ways)))


def _repeated_masks(seen: Seen) -> Iterator[Finding]:
    groups: dict[str, list[tuple[Frame, FrameFacts]]] = defaultdict(list)
    for frame, facts in seen:
        drawn = max((shape.area for shape in facts.mask.shapes.values()), default=0) if facts.mask else 0
        if drawn >= BY_CHANCE and facts.pixels:
            groups[facts.labels].append((frame, facts))
    for group in groups.values():
        if len({facts.pixels for _, facts in group}) > 1:
            frames = [frame for frame, _ in group]
            names = ", ".join(frame.image_id for frame in frames[:4]) + (", ..." if len(frames) > 4 else "")
            patients = {frame.patient_id for frame in frames}
            code = "mask-copied" if len(patients) == 1 and None not in patients else "mask-repeated"
            yield Finding(code, _rows(frames), f"{len(frames)} pictures with one mask: {names}")


def _intensity(seen: Seen) -> Iterator[Finding]:
    devices: dict[str | None, list[tuple[Frame, FrameFacts]]] = defaultdict(list)
    for frame, facts in seen:
        if facts.intensity is not None:
            devices[frame.device].append((frame, facts))
    for own in devices.values():
        if len(own) >= ENOUGH:
            yield from _unlike(own)


def _unlike(own: Seen) -> Iterator[Finding]:
    values = np.array([(k.intensity.mean, k.intensity.std, k.intensity.saturated) for _, k in own if k.intensity])
    z = robust_z(values)
    for (frame, _), value, score, centre in zip(
        own, values, z, np.tile(np.median(values, 0), (len(own), 1)), strict=True
    ):
        far = [
            f"{name} {value[k]:.1%} of {of}, median {centre[k]:.1%}"
            for k, (name, of) in enumerate(
                (("mean", "full scale"), ("contrast", "full scale"), ("saturated", "pixels"))
            )
            if abs(score[k]) > OUTLIER
        ]
        if far:
            yield Finding("unusual-intensity", (frame.row,), f"{frame.image_id}: {'; '.join(far)}")


def robust_z(values: np.ndarray, least: float = 0.01) -> np.ndarray:
    """Distance of each row from the column's median in robust standard deviations (1.4826 MAD, `least` at least)."""
    apart = values - np.median(values, axis=0)
    return apart / np.maximum(1.4826 * np.median(np.abs(apart), axis=0), least)


def _sizes(seen: Seen) -> Iterator[Finding]:
    sized = [(frame, facts.size) for frame, facts in seen if facts.size is not None]
    if len(sized) < ENOUGH:
        return
    pixels, shape = median(h * w for _, (h, w) in sized), median(w / h for _, (h, w) in sized)
    usual = f"the median has {pixels / 1e6:.2g} megapixels, width / height {shape:.2f}"
    for frame, (height, width) in sized:
        if _far(height * width, pixels, SIZE_RATIO**2) or _far(width / height, shape, SIZE_RATIO):
            yield Finding("unusual-size", (frame.row,), f"{frame.image_id}: {width}x{height} px; {usual}")


def _spacings(seen: Seen) -> Iterator[Finding]:
    spaced = [(frame, frame.spacing) for frame, _ in seen if frame.spacing is not None]
    if not spaced:
        return
    usual = median(row for _, (row, _) in spaced)
    for frame, (row, column) in spaced:
        if _far(row, usual, SPACING_RATIO) or _far(row, column, SPACING_RATIO):
            what = f"{frame.image_id}: {row:g} x {column:g} mm (row x column); the median is {usual:g} mm"
            yield Finding("unusual-spacing", (frame.row,), what)


def _far(value: float, usual: float, ratio: float) -> bool:
    return max(value, usual) > ratio * min(value, usual)


def _class_use(seen: Seen, classes: Classes) -> Iterator[Finding]:
    used: dict[str, set[bool]] = defaultdict(set)
    annotated = [(frame, facts.mask) for frame, facts in seen if facts.mask is not None]
    sides = {frame.split == "test" for frame, _ in annotated}
    for frame, mask in annotated:
        for name in mask.shapes:
            used[name].add(frame.split == "test")
    for name in (name for value, name in classes.labels.items() if value and annotated):
        if name not in used:
            yield Finding("class-never-used", (), f"{name} (label {classes.values[name]}) is in no mask")
        elif used[name] != sides:
            side = "the test part" if used[name] == {True} else "the training part"
            yield Finding("class-in-one-part", (), f"{name} is only in masks of {side}")
