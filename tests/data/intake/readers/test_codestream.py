from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trus.data.intake.codestream import Stated, jpeg2000_form, jpeg_form
from trus.errors import IntakeError


def encoded(kind: str, shape: tuple[int, ...], **options) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(5000)}, {"comment": b"x"}])
def test_jpeg(options):
    assert jpeg_form(encoded("JPEG", (40, 50), **options)) == Stated(40, 50, 1, 8)
    assert jpeg_form(encoded("JPEG", (40, 50, 3), **options)) == Stated(40, 50, 3, 8)


@pytest.mark.parametrize("boxes", [True, False])
def test_jpeg_2000(boxes):
    assert jpeg2000_form(encoded("JPEG2000", (40, 50, 3), no_jp2=not boxes)) == Stated(40, 50, 3, 8)


def test_a_lossless_frame_without_tables_is_refused():
    tables = b"\xff\xc4\x00\x04\x00\x00"
    frame = b"\xff\xc3\x00\x0b\x08\x00\x28\x00\x32\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
    assert jpeg_form(b"\xff\xd8" + tables + frame + scan) == Stated(40, 50, 1, 8)
    for stream in (frame + scan, tables + scan, tables + frame + frame.replace(b"\xc3", b"\xc0") + scan):
        with pytest.raises(IntakeError, match="no JPEG header"):
            jpeg_form(b"\xff\xd8" + stream)


@given(st.binary(max_size=300).map(lambda tail: b"\xff\xd8" + tail) | st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_form_or_none(stream):
    for form in (jpeg_form, jpeg2000_form):
        try:
            assert form(stream).rows >= 0
        except IntakeError:
            continue
