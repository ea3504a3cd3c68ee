"""Frames to measure on: SYNTHETIC ones, made here."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage, generate_uid

from trus.data.images import read_frame, write_image
from trus.data.phantom import write_phantom


def phantom_frames(folder: Path, count: int) -> list[Path]:
    """`count` PNG files of the phantom, no two alike: some are drawn, the others are these with another corner."""
    drawn = folder / "drawn"
    if not drawn.exists():
        write_phantom(drawn, patients=2, frames=4, seed=7)
    images = [read_frame(path) for path in sorted((drawn / "images").glob("*.png"))]
    paths = [folder / f"frame{number:03}.png" for number in range(count)]
    for number, path in enumerate(paths):
        image = images[number % len(images)].copy()
        image[0, :2] = number // 256, number % 256
        write_image(path, image)
    return paths


def square_frame(folder: Path, side: int) -> Path:
    """One frame of the phantom, `side` x `side`."""
    image = read_frame(phantom_frames(folder, 1)[0])
    path = folder / f"square{side}.png"
    write_image(path, cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    return path


def dicom_clip(folder: Path, frames: int) -> Path:
    """A DICOM clip of the phantom in JPEG, as scanners write it."""
    images = [read_frame(path) for path in phantom_frames(folder, min(frames, 24))]
    shape = images[0].shape
    same = [image for image in images if image.shape == shape]
    jpegs = [cv2.imencode(".jpg", np.roll(same[n % len(same)], n, axis=1))[1].tobytes() for n in range(frames)]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    clip = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    clip.SOPClassUID, clip.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    clip.StudyInstanceUID, clip.SeriesInstanceUID, clip.Modality = generate_uid(), generate_uid(), "US"
    clip.Rows, clip.Columns, clip.NumberOfFrames = *shape, frames
    clip.BitsAllocated = clip.BitsStored = 8
    clip.HighBit, clip.PixelRepresentation, clip.SamplesPerPixel = 7, 0, 1
    clip.PhotometricInterpretation = "MONOCHROME2"
    clip.PixelData = encapsulate(jpegs)
    buffer = BytesIO()
    clip.save_as(buffer, enforce_file_format=True)
    path = folder / "clip.dcm"
    path.write_bytes(buffer.getvalue())
    return path
