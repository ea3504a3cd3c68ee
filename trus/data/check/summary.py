"""A checked data set in numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trus import __version__
from trus.data.check.findings import KINDS, Severity, shorten
from trus.data.check.run import Check

UNKNOWN = "not stated"
WRITTEN_BY = f"trus check {__version__}"


@dataclass(frozen=True)
class Areas:
    """Distribution of one class's area over the frames that show it, of one part of the data and in one unit."""

    name: str
    part: str
    unit: str
    frames: int
    least: float
    low: float
    median: float
    high: float
    most: float


@dataclass(frozen=True)
class Summary:
    """Counts of frames. `patients` maps frames a patient to patients; `tables` hold (value, frames), most first."""

    frames: int
    patients: dict[int, int]
    patient_unknown: int
    split: dict[str, int]
    annotated: int
    empty: int
    not_annotated: int
    unreadable: int
    synthetic: int
    turned: int
    tables: dict[str, list[tuple[str, int]]]
    areas: list[Areas]
    intensity: dict[str, dict[str, float]]

    @property
    def patients_known(self) -> int:
        """Patients with a patient_id."""
        return sum(self.patients.values())


def summarise(check: Check) -> Summary:
    """Count and measure what the check saw."""
    frames = check.frames
    patients = Counter(frame.patient_id for frame in frames if frame.patient_id is not None)
    masks = [known.mask for known in check.facts if known.mask is not None]
    turned = [f for f in check.findings if ", mirrored" in f.what or ", turned by" in f.what]
    return Summary(
        frames=len(frames),
        patients=dict(sorted(Counter(patients.values()).items())),
        patient_unknown=sum(frame.patient_id is None for frame in frames),
        split={part: n for part in ("train", "test", "") if (n := sum((f.split or "") == part for f in frames))},
        annotated=len(masks),
        empty=sum(mask.empty for mask in masks),
        not_annotated=sum(frame.mask is None for frame in frames),
        unreadable=len({f.rows for f in check.findings if f.code in ("image-unreadable", "mask-unreadable")}),
        synthetic=sum("synthetic" in (frame.source or "").casefold() for frame in frames),
        turned=sum(len(finding.rows) for finding in turned if "duplicate" in finding.code),
        tables=_tables(check),
        areas=list(_areas(check)),
        intensity=_intensity(check),
    )


def as_json(check: Check) -> dict[str, Any]:
    """Everything the check found, as plain JSON types."""
    names = {frame.row: frame.image_id for frame in check.frames}
    findings = [
        {
            "severity": str(check.severity(finding.code)),
            "accepted": finding.code in check.accepted,
            "code": finding.code,
            "rows": list(finding.rows),
            "image_ids": [names.get(row) for row in finding.rows],
            "what": finding.what,
            "remedy": KINDS[finding.code].remedy,
        }
        for finding in check.findings
    ]
    return {
        "written_by": WRITTEN_BY,
        "manifest": str(check.path),
        "data_hash": check.data_hash,
        "counts": {f"{severity}s": check.count(severity) for severity in Severity},
        "summary": asdict(summarise(check)),
        "findings": findings,
    }


def _tables(check: Check) -> dict[str, list[tuple[str, int]]]:
    frames, sizes = check.frames, [known.size for known in check.facts]
    columns = {
        "Size (width x height)": [f"{size[1]} x {size[0]} px" if size else "not readable" for size in sizes],
        "Pixels": [known.form or "not readable" for known in check.facts],
        "Pixel spacing (row x column)": [
            f"{f.spacing[0]:.4g} x {f.spacing[1]:.4g} mm" if f.spacing else UNKNOWN for f in frames
        ],
        "Why no spacing": [f.spacing_note or UNKNOWN for f in frames if f.spacing is None],
        "Device": [f.device or UNKNOWN for f in frames],
        "Annotator": [f.annotator or UNKNOWN for f in frames if f.mask is not None],
        "Source": [f.source or UNKNOWN for f in frames],
        "Licence": [f.licence or UNKNOWN for f in frames],
    }
    return {
        title: Counter(shorten(value, 200) for value in values).most_common()
        for title, values in columns.items()
        if values
    }


def _areas(check: Check) -> Iterator[Areas]:
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for frame, known in zip(check.frames, check.facts, strict=True):
        for name, shape in known.mask.shapes.items() if known.mask is not None else ():
            for part in ("all", frame.split or "no split"):
                values[name, part, "px"].append(shape.area)
                if frame.spacing is not None:
                    values[name, part, "mm²"].append(shape.area * frame.spacing[0] * frame.spacing[1])
    parts = {part for _, part, _ in values}
    shown = ["all", *(part for part in ("train", "test", "no split") if part in parts and len(parts) > 2)]
    for name in check.classes.targets:
        for unit in ("mm²", "px"):
            for part in shown:
                if own := values.get((name, part, unit)):
                    yield Areas(name, part, unit, len(own), *np.percentile(own, (0, 25, 50, 75, 100)).tolist())


def _intensity(check: Check) -> dict[str, dict[str, float]]:
    known = [facts.intensity for facts in check.facts if facts.intensity is not None]
    columns = {
        "Mean brightness": [value.mean for value in known],
        "Contrast (standard deviation)": [value.std for value in known],
        "Dynamic range (1st to 99th percentile)": [value.span for value in known],
        "Black pixels": [value.black for value in known],
        "Saturated pixels": [value.saturated for value in known],
    }
    names = ("least", "low", "median", "high", "most")
    return {
        title: dict(zip(names, np.percentile(values, (0, 25, 50, 75, 100)).tolist(), strict=True))
        for title, values in columns.items()
        if values
    }
