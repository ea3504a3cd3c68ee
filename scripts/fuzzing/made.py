"""Seeds that the fuzzer makes itself: small valid files of every kind that the readers take."""

import io
import json
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from trus.data.annotations import brush_rle, rle

SIZE = (48, 64)


def frame(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Blurred speckle below a black banner, uint8 (H, W)."""
    noise = np.random.default_rng(seed).rayleigh(40, size).astype(np.float32)
    picture = np.clip(cv2.GaussianBlur(noise, (0, 0), 2) + 20, 20, 200).astype(np.uint8)
    picture[: size[0] // 8] = 0
    return picture


def images() -> Iterator[bytes]:
    """PNG, JPEG, BMP and TIFF in the modes and compressions that scanners and annotation tools write."""
    grey = Image.fromarray(frame(1))
    colour = Image.merge("RGB", [grey, Image.fromarray(frame(2)), grey])
    wide = Image.fromarray(frame(3).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    for picture in (grey, colour, wide, grey.convert("P"), grey.convert("1"), grey.convert("LA")):
        yield _saved(picture, "PNG", compress_level=1)
    yield _saved(colour, "PNG", exif=exif, icc_profile=b"profile" * 9)
    yield _saved(grey, "JPEG")
    yield _saved(colour, "JPEG", exif=exif, progressive=True)
    yield _saved(colour.convert("CMYK"), "JPEG")
    yield _saved(grey, "BMP")
    yield _saved(colour, "BMP")
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "tiff_ccitt"):
        picture = grey.convert("1") if compression == "tiff_ccitt" else grey
        yield _saved(picture, "TIFF", compression=compression)
    yield _saved(wide, "TIFF", exif=exif)
    yield _saved(grey, "TIFF", save_all=True, append_images=[grey, grey])


def dicoms() -> Iterator[bytes]:
    """Ultrasound DICOM in every transfer syntax that can be written here, with regions, and one with a palette."""
    from pydicom import uid

    native = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)
    for syntax in (*native, uid.DeflatedExplicitVRLittleEndian):
        yield _dicom([frame(1), frame(2)], syntax)
    for syntax in (uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless):
        yield _dicom([frame(1), frame(2)], uid.ExplicitVRLittleEndian, compress=syntax)
    yield _dicom([frame(1)], uid.JPEGBaseline8Bit, streams=[_saved(Image.fromarray(frame(1)), "JPEG")])
    yield _dicom([np.stack([frame(n) for n in range(3)], 2)], uid.ExplicitVRLittleEndian)
    yield _dicom([frame(1)], uid.ExplicitVRLittleEndian, palette=True)


def metadata() -> Iterator[bytes]:
    """Documents of a model file: nested classes with rules and a score, and the first schema."""
    from service_load.made_models import document

    full = document((1, 64, 64)) | {
        "classes": {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}},
        "thresholds": [0.5, 0.4],
        "postprocessing": {"gland": {"fill_holes": True, "largest_only": True}, "lesion": {"smallest_mm2": 4.0}},
        "preprocessing": {
            "size": [64, 64], "channels": "grey", "denoise": {"name": "perona_malik", "iterations": 2},
            "normalise": {"name": "percentile"}, "region": [4, 4, 40, 30], "resize": "letterbox",
        },
        "score": {
            "part": "validation", "value": 0.4, "low": 0.3, "high": 0.5, "frames": 9, "patients": 3, "grouped": True,
        },
    }  # fmt: skip
    yield json.dumps(document((1, 64, 64))).encode()
    yield json.dumps(full).encode()
    del full["postprocessing"]
    yield json.dumps(full | {"schema_version": 1}).encode()


def model_files() -> Iterator[bytes]:
    """Whole model files with graphs of two and of ten nodes."""
    from service_load.made_models import constant_model, convolutions

    yield constant_model((1, 64, 64)).SerializeToString()
    yield convolutions((1, 64, 64), width=4, depth=4).SerializeToString()


def run_lengths() -> Iterator[bytes]:
    """JSON of COCO's run lengths, plain and compressed, and of Label Studio's brush."""
    random = np.random.default_rng(0)
    blob = np.zeros((30, 40), bool)
    blob[8:20, 10:33] = True
    for plane in (blob, ~blob, random.random((9, 7)) > 0.5, np.zeros((5, 4), bool), np.ones((1, 1), bool)):
        size, counts = list(plane.shape), rle.encode(plane)
        yield json.dumps({"size": size, "counts": counts}).encode()
        yield json.dumps({"size": size, "counts": rle.compress(counts)}).encode()
        yield json.dumps({"size": size, "brush": brush_rle.encode(plane)}).encode()


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _dicom(
    frames: list[np.ndarray],
    syntax: str,
    compress: str | None = None,
    streams: list[bytes] | None = None,
    palette: bool = False,
) -> bytes:
    """A file of `frames` (H, W) or (H, W, 3) in `syntax`; `streams` are frames that are compressed already."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, UltrasoundMultiFrameImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    meta.TransferSyntaxUID = UID(syntax)
    dataset = Dataset()
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.PatientName, dataset.Modality = "made", "Made^Up", "US"
    dataset.PixelSpacing, dataset.SequenceOfUltrasoundRegions = [0.2, 0.2], [_region()]
    _describe_pixels(dataset, frames, palette)
    dataset.PixelData = encapsulate(streams) if streams else np.stack(frames).tobytes()
    dataset["PixelData"].VR = "OB" if streams else "OW"
    if compress:
        dataset.compress(UID(compress), generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _describe_pixels(dataset: "object", frames: list[np.ndarray], palette: bool) -> None:
    colour = frames[0].ndim == 3
    model = "RGB" if colour else "PALETTE COLOR" if palette else "MONOCHROME2"
    elements = {
        "SamplesPerPixel": 3 if colour else 1, "PhotometricInterpretation": model, "NumberOfFrames": len(frames),
        "Rows": frames[0].shape[0], "Columns": frames[0].shape[1],
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
    }  # fmt: skip
    if colour:
        elements["PlanarConfiguration"] = 0
    if palette:
        for name in ("Red", "Green", "Blue"):
            elements[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
            elements[f"{name}PaletteColorLookupTableData"] = (np.arange(256, dtype="<u2") * 257).tobytes()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)


def _region() -> "object":
    from pydicom.dataset import Dataset

    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 8, 8
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = SIZE[1] - 8, SIZE[0] - 8
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = 0.02
    return item
