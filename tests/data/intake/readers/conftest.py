"""DICOM files as scanners write them, made with pydicom."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")

from PIL import Image  # noqa: E402
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402
from pydicom.sequence import Sequence as Items  # noqa: E402
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, UltrasoundImageStorage  # noqa: E402

MakeDicom = Callable[..., Dataset]


def _header(pixels: np.ndarray, syntax: UID) -> Dataset:
    """`pixels`: (frames, H, W) or (frames, H, W, 3)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UltrasoundImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "US"
    frames, dataset.Rows, dataset.Columns = pixels.shape[:3]
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 4 else "MONOCHROME2"
    if pixels.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    return dataset


@pytest.fixture
def make_dicom() -> MakeDicom:
    """`make_dicom(pixels, syntax, **elements)` -> Dataset with native pixels (H, W[, 3]) or (frames, H, W[, 3])."""

    def make(pixels: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
        colour = pixels.shape[-1] == 3 and pixels.ndim > 2
        dataset = _header(pixels if pixels.ndim == 3 + colour else pixels[np.newaxis], syntax)
        order = "<" if syntax.is_little_endian else ">"
        content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData = content + b"\0" * (len(content) % 2)
        dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
        for name, value in elements.items():
            setattr(dataset, name, value)
        return dataset

    return make


@pytest.fixture
def make_jpeg_clip(make_dicom: MakeDicom) -> Callable[..., Dataset]:
    """`make_jpeg_clip(frames, offsets)` -> Dataset with JPEG baseline frames as YBR_FULL_422 or grey."""

    def make(frames: Sequence[np.ndarray], offsets: bool = True, **elements: Any) -> Dataset:
        dataset = make_dicom(np.stack(frames))
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        if dataset.SamplesPerPixel == 3:
            dataset.PhotometricInterpretation = "YBR_FULL_422"
        dataset.PixelData = encapsulate([_jpeg(frame) for frame in frames], has_bot=offsets)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        for name, value in elements.items():
            setattr(dataset, name, value)
        return dataset

    return make


def _jpeg(frame: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """`save(dataset, name)` -> path below a folder whose name has spaces, brackets and Cyrillic."""

    def write(dataset: Dataset, name: str = "снимок (1)", as_file: bool = True) -> Path:
        folder = tmp_path / "Иванов [raw]"
        folder.mkdir(exist_ok=True)
        dataset.save_as(folder / name, enforce_file_format=as_file)
        return folder / name

    return write


@pytest.fixture
def save_lossless_jpeg(save: Callable[..., Path]) -> Callable[[Dataset], Path]:
    """`save_lossless_jpeg(dataset)` -> path of the picture as lossless JPEG, written by GDCM."""

    def write(dataset: Dataset) -> Path:
        gdcm = pytest.importorskip("gdcm")
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        path = save(dataset, "native")
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(str(path.with_name("lossless")))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return path.with_name("lossless")

    return write


@pytest.fixture
def region() -> Callable[..., Dataset]:
    """`region(x0, y0, x1, y1, delta)` -> a two-dimensional tissue region in cm, X1 and Y1 inclusive."""

    def make(x0: int, y0: int, x1: int, y1: int, delta: float = 0.01, **elements: Any) -> Dataset:
        item = Dataset()
        item.RegionSpatialFormat = item.RegionDataType = 1
        item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX = item.PhysicalDeltaY = delta
        for name, value in elements.items():
            setattr(item, name, value)
        return item

    return make


@pytest.fixture
def with_regions(make_dicom: MakeDicom) -> Callable[..., Dataset]:
    """`with_regions(items, **elements)` -> header of a 200 x 300 (rows x columns) picture."""

    def make(items: Sequence[Dataset], **elements: Any) -> Dataset:
        return make_dicom(np.zeros((200, 300), np.uint8), SequenceOfUltrasoundRegions=Items(items), **elements)

    return make
