"""Where the tissue is in a DICOM ultrasound picture, and how many mm a pixel is there.

DICOM PS3.3 C.8.5.5, US Region Calibration. Region locations X1 and Y1 belong to the region (inclusive).
"""

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from trus.data.intake.source import Box, Region
from trus.data.intake.spacing import Spacing, plausible, same

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TWO_DIMENSIONAL, TISSUE, CENTIMETRES = 1, 1, 3
MOST_REGIONS = 26  # one letter each in the ids of frames
OVERHANG = 1
"""Pixels by which a region may stick out: some scanners write the width as the last column."""

_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


@dataclass(frozen=True)
class Calibration:
    """What a header says of place and scale: `regions`, `spacing` and `note` as Header's fields of such names."""

    regions: tuple[Region, ...] | None
    spacing: Spacing | None
    note: str


def calibration(dataset: "Dataset", size: tuple[int, int]) -> Calibration:
    """Regions and spacing of a picture of `size` (height, width).

    Where there are regions, they alone say the spacing; PixelSpacing can only contradict them, and then there is none.
    Regions that go beyond the picture prove that somebody scaled or cropped it after they were written: neither they
    nor their spacing are used, and PixelSpacing is not either.
    """
    items = _items(dataset)
    if items is None:
        return Calibration(None, *_pixel_spacing(dataset))
    boxes = [_corners(item) for item in items]
    if len(items) > MOST_REGIONS:
        return Calibration((), None, f"the header names {len(items)} regions; at most {MOST_REGIONS} are believed")
    if any(box is not None and _beyond(box, size) for box in boxes):
        return Calibration((), None, "a region of the header goes beyond the picture, which was scaled or cropped")
    tissue = [(item, box) for item, box in zip(items, boxes, strict=True) if _is_tissue(item)]
    if not tissue:
        return Calibration((), None, "the header names no two-dimensional tissue region")
    if any(box is None or not _ordered(box) for _, box in tissue):
        return Calibration((), None, "a tissue region of the header has no valid corners")
    found = [Region(_inside(box, size), *_region_spacing(item)) for item, box in tissue if box is not None]
    return Calibration(_checked(_merged(found), dataset), None, "the regions have their own")


def _items(dataset: "Dataset") -> list["Dataset"] | None:
    """The items of SequenceOfUltrasoundRegions; None where it is absent, empty or no sequence."""
    from pydicom.sequence import Sequence

    value = dataset.get("SequenceOfUltrasoundRegions")
    return list(value) if isinstance(value, Sequence) and len(value) else None


def _is_tissue(item: "Dataset") -> bool:
    return item.get("RegionSpatialFormat") == TWO_DIMENSIONAL and item.get("RegionDataType") == TISSUE


def _corners(item: "Dataset") -> Box | None:
    """x0, y0, x1, y1 as the header has them, the last two inclusive; None where one is missing or no whole number."""
    values = [item.get(name) for name in _CORNERS]
    if not all(isinstance(value, int) for value in values):
        return None
    x0, y0, x1, y1 = map(int, values)
    return x0, y0, x1, y1


def _beyond(box: Box, size: tuple[int, int]) -> bool:
    last_x, last_y = size[1] - 1, size[0] - 1
    return min(box) < 0 or max(box[0], box[2] - OVERHANG) > last_x or max(box[1], box[3] - OVERHANG) > last_y


def _ordered(box: Box) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def _inside(box: Box, size: tuple[int, int]) -> Box:
    return box[0], box[1], min(box[2] + 1, size[1]), min(box[3] + 1, size[0])


def _region_spacing(item: "Dataset") -> tuple[Spacing | None, str]:
    """mm a pixel (row, column) of a region, or why there is none.

    Physical Delta X is "the physical value increment per positive X pixel increment": its sign says which way the axis
    runs from the reference pixel, so that the distance between pixels is its absolute value.
    """
    units = item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection")
    if units != (CENTIMETRES, CENTIMETRES):
        return None, "the units of the region are not centimetres"
    deltas = _numbers([item.get("PhysicalDeltaY"), item.get("PhysicalDeltaX")])
    if deltas is None:
        return None, "the region does not say how large a pixel is"
    spacing = abs(deltas[0]) * 10, abs(deltas[1]) * 10
    if not plausible(spacing):
        return None, f"{_mm(spacing)} is no pixel of an ultrasound picture"
    if not same(spacing[:1], spacing[1:]):
        return None, f"{_mm(spacing)}: pixels of the region are not square"
    return spacing, ""


def _pixel_spacing(dataset: "Dataset") -> tuple[Spacing | None, str]:
    """PixelSpacing, else ImagerPixelSpacing (mm: row, column), or why there is none."""
    stated = [pair for name in ("PixelSpacing", "ImagerPixelSpacing") if (pair := _stated_pair(dataset, name))]
    if not stated:
        return None, "the header states no spacing"
    if not plausible(stated[0]):
        return None, f"{_mm(stated[0])} is no pixel of an ultrasound picture"
    if not same(stated[0], stated[-1]):
        return None, f"PixelSpacing says {_mm(stated[0])}, ImagerPixelSpacing {_mm(stated[-1])}"
    return stated[0], ""


def _stated_pair(dataset: "Dataset", name: str) -> Spacing | None:
    from pydicom.multival import MultiValue

    value = dataset.get(name)
    numbers = _numbers(list(value)) if isinstance(value, MultiValue) and len(value) == 2 else None
    return None if numbers is None else (numbers[0], numbers[1])


def _numbers(values: list[Any]) -> list[float] | None:
    """Finite numbers, or None where one is missing, a text or not finite."""
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        return None
    return [float(value) for value in values]


def _mm(spacing: Spacing) -> str:
    return f"{spacing[0]:.4g}x{spacing[1]:.4g} mm a pixel"


def _checked(regions: tuple[Region, ...], dataset: "Dataset") -> tuple[Region, ...]:
    """No spacing where PixelSpacing, meant for the same pixels, says something else."""
    stated = _stated_pair(dataset, "PixelSpacing")
    if stated is None:
        return regions
    return tuple(
        replace(region, spacing=None, spacing_note=f"the region says {_mm(region.spacing)}, PixelSpacing {_mm(stated)}")
        if region.spacing is not None and not same(region.spacing, stated)
        else region
        for region in regions
    )


def _merged(regions: list[Region]) -> tuple[Region, ...]:
    """Regions that overlap become one, over and over until none does; from left to right, then downwards."""
    while pair := next((pair for pair in combinations(regions, 2) if _overlap(pair[0].box, pair[1].box)), None):
        regions = [region for region in regions if region is not pair[0] and region is not pair[1]]
        regions.append(_union(*pair))
    return tuple(sorted(regions, key=lambda region: region.box))


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _union(first: Region, second: Region) -> Region:
    a, b = first.box, second.box
    box = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    if first.spacing is not None and second.spacing is not None:
        if same(first.spacing, second.spacing):
            return Region(box, first.spacing, "")
        return Region(box, None, f"overlapping regions say {_mm(first.spacing)} and {_mm(second.spacing)}")
    return Region(box, None, first.spacing_note or second.spacing_note)
