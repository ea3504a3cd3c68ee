"""A tissue region as scanners write it into a DICOM file."""

from pydicom.dataset import Dataset


def region_item(box: tuple[int, int, int, int], delta: float = 0.02) -> Dataset:
    """A two-dimensional tissue region: its box (x0, y0, x1, y1), `delta` in cm a pixel."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = box[0], box[1]
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box[2] - 1, box[3] - 1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = delta
    return item
