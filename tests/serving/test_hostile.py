"""Hostile uploads, made here: each costs its own request only, and is answered with the right 4xx."""

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

CASES: dict[str, tuple[int, Callable[[], bytes]]] = {}


def hostile(status: int, **variants):
    """Register a maker; with `variants`, one case for each argument."""

    def register(make):
        for name, argument in variants.items() or [("", None)]:
            case = f"{make.__name__} {name}".strip().replace("_", " ")
            CASES[case] = status, (lambda make=make, argument=argument: make(argument)) if variants else make
        return make

    return register


def picture(kind: str, size: tuple[int, int] = (64, 64), **options) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, size, np.uint8)
    Image.fromarray(noise).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(name + content) if crc is None else crc
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


def png(width: int, height: int, *chunks: bytes, data: bytes = zlib.compress(b"\0" * 99)) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(megabytes: int, bits: int = 15) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("frame.png", picture("png"))
    return buffer.getvalue()


@hostile(
    415,
    text=b"hello",
    html=b"<html><script>alert(1)</script></html>",
    svg=b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    pickle=pickle.dumps({"os": "system"}),
    program=b"\x7fELF" + bytes(500),
    pdf_with_png=b"%PDF-1.7\n" + picture("png"),
    gif_with_zip=picture("gif") + zipped(),
    webp=picture("webp"),
    nrrd=b"NRRD0004\ntype: uint8\n",
    random=np.random.default_rng(1).bytes(5000),
)
def wrong_type(content):
    return content


@hostile(415)
def archive():
    return zipped()


@hostile(415)
def gzip_bomb():
    return zeros(200, 31)


@hostile(415)
def volume():
    head = bytearray(348)
    head[:4], head[344:348] = struct.pack("<i", 348), b"n+1\0"
    return gzip.compress(bytes(head) + bytes(1000))


@hostile(415)
def animated_gif():
    frames = [Image.new("P", (8, 8), n) for n in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "gif", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@hostile(422, png=b"\x89PNG\r\n\x1a\n", jpeg=b"\xff\xd8\xff", bmp=b"BM", tiff=b"II*\0", dicom=bytes(128) + b"DICM",
         mp4=b"\0\0\0\x18ftypisom", avi=b"RIFF\xff\xff\xff\xffAVI ", nothing=b"")  # fmt: skip
def only_a_signature(content):
    return content


@hostile(422, png="png", jpeg="jpeg", bmp="bmp", tiff="tiff")
def truncated(kind):
    content = picture(kind)
    return content[: len(content) // 2]


@hostile(413, wide=(2**31 - 1, 2**31 - 1), large=(100_000, 100_000))
def huge_png(size):
    return png(*size)


@hostile(413)
def png_above_the_setting():
    return picture("png", (2001, 2000))


@hostile(422)
def png_without_size():
    return png(0, 0)


@hostile(422)
def png_bomb_of_text():
    return png(64, 64, chunk(b"zTXt", b"Comment\0\0" + zeros(50)))


@hostile(422)
def png_with_a_wrong_checksum():
    return png(64, 64, chunk(b"gAMA", b"\0\0\0\0", crc=7))


@hostile(422)
def png_whose_chunk_has_no_end():
    return png(64, 64).replace(b"\0\0\0\x14IDAT", b"\x7f\xff\xff\xffIDAT", 1)[:60]


@hostile(422)
def animated_png():
    frames = [Image.new("L", (8, 8), n) for n in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "png", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@hostile(413)
def huge_jpeg():
    content = bytearray(picture("jpeg"))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", 65000, 65000)
    return bytes(content)


@hostile(413, flat=50_000, upside_down=-50_000)
def huge_bmp(height):
    head = struct.pack("<IiiHHIIiiII", 40, 50_000, height, 1, 8, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1078, 0, 0, 1078) + head + bytes(1024)


@hostile(413)
def bmp_of_negative_width():
    head = struct.pack("<IiiHHIIiiII", 40, -5, 5, 1, 8, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1078, 0, 0, 1078) + head + bytes(2048)


def tiff(*entries: tuple[int, int]) -> bytes:
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)


@hostile(413)
def huge_tiff():
    return tiff((256, 2**30), (257, 2**30), (258, 8), (259, 8), (262, 1), (273, 8), (278, 1), (279, 9))


@hostile(422)
def tiff_whose_pixels_lie_elsewhere():
    return tiff((256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 2**31), (278, 8), (279, 64))


@hostile(413)
def tiff_of_too_many_pages():
    page = Image.new("L", (4, 4))
    buffer = io.BytesIO()
    page.save(buffer, "tiff", save_all=True, append_images=[page] * 60)
    return buffer.getvalue()


@hostile(422)
def floating_tiff():
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(buffer, "tiff")
    return buffer.getvalue()


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_picture_is_refused_and_the_service_goes_on(case, small_service):
    status, make = CASES[case]
    small_service.check_refused(make(), status)
