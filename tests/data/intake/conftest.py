"""Made raw exports: a scanner's screen with a name above the picture, as DICOM, PNG or clip."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

SIZE = (240, 320)
BOX = (40, 50, 280, 230)
"""Where the picture lies on the made screen."""


def draw_screen(seed: int, banner: str = "IVANOV IVAN", inside: str = "") -> np.ndarray:
    """A grey screen, uint8 (240, 320): blurred speckle in BOX, a name above it and, if wanted, a text inside it."""
    random = np.random.default_rng(seed)
    frame = np.zeros(SIZE, np.uint8)
    x0, y0, x1, y1 = BOX
    speckle = cv2.GaussianBlur(random.rayleigh(40, (y1 - y0, x1 - x0)).astype(np.float32), (0, 0), 2.5)
    frame[y0:y1, x0:x1] = np.clip(speckle + 20, 20, 160)
    cv2.putText(frame, banner, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    if inside:
        cv2.putText(frame, inside, (70, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return frame


def region_item(box: tuple[int, int, int, int] = BOX, delta: float = 0.02) -> Any:
    """A two-dimensional tissue region; `delta` in cm a pixel."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = box[0], box[1]
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box[2] - 1, box[3] - 1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = delta
    return item


def write_dicom(path: Path, frames: list[np.ndarray], regions: list[Any] | None = None, **tags: Any) -> Path:
    """An ultrasound DICOM file of grey frames with further `tags` by keyword."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Modality = "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames[0].shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.NumberOfFrames = len(frames)
    if regions is None:
        regions = [region_item()]
    if regions:
        dataset.SequenceOfUltrasoundRegions = regions
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.PixelData = np.stack(frames).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="session")
def screen() -> Callable[..., np.ndarray]:
    """`draw_screen`."""
    return draw_screen


@pytest.fixture(scope="session")
def region() -> Callable[..., Any]:
    """`region_item`."""
    return region_item


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., Path]:
    """`write_dicom`."""
    return write_dicom
