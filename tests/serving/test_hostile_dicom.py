"""Hostile DICOM files, clips and forms, made here."""

import io
import struct
import zlib

import cv2
import httpx
import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

CASES = {}


def hostile(status: int):
    """Register a maker."""

    def register(make):
        CASES[make.__name__.replace("_", " ")] = status, make
        return make

    return register


def dicom(syntax=ExplicitVRLittleEndian, pixels: bytes | None = bytes(4096), **elements) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID = syntax, "1.2.3"
    meta.MediaStorageSOPClassUID = elements.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.6.1")
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3"
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    for name, value in elements.items():
        setattr(dataset, name, value)
    if pixels is not None:
        dataset.PixelData = pixels
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = syntax.is_encapsulated
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def with_element(element: bytes) -> bytes:
    """`element` put before the first one of group 0028."""
    content = dicom()
    start = content.index(struct.pack("<HH", 0x0028, 0x0002))
    return content[:start] + element + content[start:]


def encoded(kind: str, shape: tuple[int, int]) -> bytes:
    return cv2.imencode(kind, np.zeros(shape, np.uint8))[1].tobytes()


@hostile(413)
def deflated_bomb():
    content = dicom(DeflatedExplicitVRLittleEndian)
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(zlib.decompress(content[start:], -zlib.MAX_WBITS))
    bomb += b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    return content[:start] + bomb


@hostile(413)
def deflated_giant_that_says_so():
    return dicom(DeflatedExplicitVRLittleEndian, Rows=60_000, Columns=1000, NumberOfFrames=100)


@hostile(422)
def truncated_deflated_data():
    return dicom(DeflatedExplicitVRLittleEndian)[:-20]


@hostile(413)
def huge_dimensions():
    return dicom(Rows=65535, Columns=65535)


@hostile(413)
def a_hundred_million_frames():
    return dicom(NumberOfFrames=99_999_999)


@hostile(413)
def more_frames_than_the_setting():
    return dicom(pixels=bytes(64 * 64 * 51), NumberOfFrames=51)


@hostile(422)
def a_negative_number_of_frames():
    return dicom(NumberOfFrames=-1)


@hostile(422)
def no_rows():
    return dicom(Rows=0)


@hostile(422)
def rows_as_text():
    return dicom().replace(struct.pack("<HH2sHH", 0x0028, 0x0010, b"US", 2, 64), b"\x28\0\x10\0LO\x02\0ab")


@hostile(422)
def nested_sequences():
    sequence = struct.pack("<HH2sHL", 0x0018, 0x6011, b"SQ", 0, 0xFFFFFFFF)
    return with_element((sequence + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 20_000)


@hostile(422)
def a_million_regions():
    items = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 1_000_000
    return with_element(struct.pack("<HH2sHL", 0x0018, 0x6011, b"SQ", 0, len(items)) + items)


@hostile(422)
def an_element_of_four_gigabytes():
    return with_element(struct.pack("<HH2sHL", 0x0009, 0x0010, b"OB", 0, 0xFFFFFFF0))


@hostile(422)
def a_negative_length():
    return with_element(struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", 0xFFFF))


@hostile(422)
def truncated_pixels():
    return dicom()[:-100]


@hostile(422)
def no_pixels():
    return dicom(pixels=None)


@hostile(422)
def a_directory_of_files():
    return dicom(pixels=None, SOPClassUID="1.2.840.10008.1.3.10")


@hostile(422)
def a_tiff_before_a_broken_data_set():
    return b"II*\0" + bytes(124) + b"DICM" + bytes(200)


@hostile(422)
def an_unknown_transfer_syntax():
    return dicom().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")


@hostile(422)
def a_jpeg_larger_than_announced():
    return dicom(JPEGBaseline8Bit, encapsulate([encoded(".jpg", (4000, 4000))]))


@hostile(422)
def a_jpeg_2000_that_is_none():
    return dicom(JPEG2000Lossless, encapsulate([b"\xff\x4f\xff\x51" + bytes(300)]))


@hostile(422)
def a_jpeg_2000_of_huge_tiles():
    head = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, 64, 64, 0, 0, 1, 1, 0, 0, 1) + b"\x07\x01\x01"
    return dicom(JPEG2000Lossless, encapsulate([b"\xff\x4f" + head + bytes(300)]))


@hostile(422)
def run_lengths_of_another_place():
    return dicom(RLELossless, encapsulate([struct.pack("<16I", 1, 2**31, *[0] * 14) + b"\x81\0" * 99]))


@hostile(422)
def fragments_without_end():
    return dicom(JPEGBaseline8Bit, encapsulate([encoded(".jpg", (64, 64))]))[:-40]


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


@hostile(422)
def mp4_with_a_lying_header():
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1, 2**31) + bytes(80))
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", header) + struct.pack(">I", 2**31) + b"mdat"


@hostile(422)
def mp4_within_itself():
    inside = b""
    for _ in range(2000):
        inside = box(b"moov", inside)
    return box(b"ftyp", b"isom\0\0\2\0isom") + inside


@pytest.fixture(scope="module")
def avi(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for n in range(60):
        writer.write(np.full((48, 64, 3), n, np.uint8))
    writer.release()
    return path.read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_refused_and_the_service_goes_on(case, small_service):
    status, make = CASES[case]
    small_service.check_refused(make(), status)


def test_hostile_clips(avi, small_service):
    small_service.check_refused(avi, 413)  # 60 frames, 50 are allowed
    small_service.check_refused(avi[: len(avi) // 2], 413)
    size = avi.index(b"strf") + 12
    small_service.check_refused(avi[:size] + struct.pack("<ii", 100_000, -100_000) + avi[size + 8 :], 413)


@pytest.mark.parametrize(
    ("status", "request_"),
    {
        "no file": (422, {"files": {"threshold": (None, "0.5")}}),
        "two files": (422, {"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}),
        "a file under another name": (422, {"files": {"image": ("a", b"1")}}),
        "a long option": (422, {"data": {"model": "x" * 20_000}}),
        "many options": (422, {"data": {f"option{n}": "1" for n in range(40)}}),
        "no boundary": (400, {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        "cut short": (400, {"content": b"--b\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        "JSON": (415, {"json": {"file": "x"}}),
        "nothing at all": (415, {}),
    }.values(),
)
def test_hostile_forms(status, request_, small_service):
    if "data" in request_:
        request_ = request_ | {"files": {"file": ("x", small_service.good)}}
    answer = httpx.post(f"{small_service.running.address}/v1/segment", timeout=60, **request_)
    assert answer.status_code == status, answer.text
    assert small_service.post(small_service.good).status_code == 200
