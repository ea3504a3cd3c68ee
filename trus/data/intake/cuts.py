"""Which parts of a file's frames are the ultrasound picture, by which evidence, and how many mm a pixel has there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trus.data.intake.settings import Settings
from trus.data.intake.side_files import DeviceRegion, Spacing, agree
from trus.data.intake.source import Box, Header
from trus.files import hash_json

NO_REGION = "no ultrasound region found"
BEYOND = "the given region reaches beyond the frame"
GIVEN, DICOM, DETECTED = "given", "DICOM", "detected"


@dataclass(frozen=True)
class Cut:
    """One region; `origin` is the evidence for it (given, DICOM or detected), `note` why there is no spacing."""

    box: Box
    spacing: Spacing | None
    note: str
    origin: str


def given_or_named(header: Header, settings: Settings, side: Spacing | None) -> tuple[list[Cut], str]:
    """The cuts that the user gave or the DICOM header names, left to right; or none, and why.

    No cut and no reason: nobody named a region, so that it must be detected.
    """
    if given := _given(header, settings):
        if not all(_within(box, header.size) for box, _ in given):
            return [], BEYOND
        return [_given_cut(box, spacing, header, side) for box, spacing in given], ""
    return [
        Cut(
            region.box,
            *_spacing({"DICOM region": region.spacing, **_further(header, side)}, region.spacing_note),
            DICOM,
        )
        for region in header.regions or ()
    ], ""


def detected(box: Box, header: Header, side: Spacing | None) -> Cut:
    """The cut of a detected sector. A header whose regions cannot be trusted gives no spacing either."""
    return Cut(box, *_spacing(_further(header, side), _header_note(header)), DETECTED)


def whole(header: Header, side: Spacing | None, origin: str = GIVEN) -> Cut:
    """The frame as it is."""
    height, width = header.size
    return Cut((0, 0, width, height), *_spacing(_further(header, side), _header_note(header)), origin)


def override_key(header: Header, settings: Settings) -> str:
    """What the user's regions say of this file: when it changes, frames made earlier would be cut otherwise now."""
    return hash_json([[*box, *(spacing or ())] for box, spacing in _given(header, settings)])[:16]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return shared / max(_area(one) + _area(other) - shared, 1)


def _given(header: Header, settings: Settings) -> list[tuple[Box, Spacing | None]]:
    height, width = header.size
    if settings.region == "whole":
        return [((0, 0, width, height), None)]
    if isinstance(settings.region, tuple):
        return [(settings.region, None)]
    for device in (header.device or "*", "*"):
        rows = _rows_of(device, header, settings.device_regions)
        if rows:
            return sorted((row.box, row.spacing) for row in rows)
    return []


def _rows_of(device: str, header: Header, rows: Iterable[DeviceRegion]) -> list[DeviceRegion]:
    return [row for row in rows if row.device == device and (row.height, row.width) == header.size]


def _given_cut(box: Box, spacing: Spacing | None, header: Header, side: Spacing | None) -> Cut:
    around = [region for region in header.regions or () if _share_inside(box, region.box) >= 0.95]
    named = around[0].spacing if len(around) == 1 else None
    note = around[0].spacing_note if len(around) == 1 else _header_note(header)
    return Cut(box, *_spacing({"--regions": spacing, "DICOM region": named, **_further(header, side)}, note), GIVEN)


def _further(header: Header, side: Spacing | None) -> dict[str, Spacing | None]:
    return {"--spacing-csv": side, "header": None if header.regions == () else header.spacing}


def _header_note(header: Header) -> str:
    return header.spacing_note or "no source of spacing: neither header, nor --regions, nor --spacing-csv"


def _spacing(sources: dict[str, Spacing | None], note: str) -> tuple[Spacing | None, str]:
    """The first spacing known, if all that are known agree; otherwise none, and why."""
    known = {name: spacing for name, spacing in sources.items() if spacing is not None}
    if not known:
        return None, note or "no source of spacing"
    (_, first), *others = known.items()
    if all(agree(first, other) for _, other in others):
        return first, ""
    values = ", ".join(f"{name} {row:.4g} x {column:.4g}" for name, (row, column) in known.items())
    return None, f"sources of spacing disagree by more than 1 % ({values} mm)"


def _within(box: Box, size: Sequence[int]) -> bool:
    return box[2] <= size[1] and box[3] <= size[0]


def _share_inside(inner: Box, outer: Box) -> float:
    shared = (max(inner[0], outer[0]), max(inner[1], outer[1]), min(inner[2], outer[2]), min(inner[3], outer[3]))
    return _area(shared) / max(_area(inner), 1)


def _area(box: Box) -> int:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
