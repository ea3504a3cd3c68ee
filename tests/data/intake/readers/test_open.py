import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trus.data.intake.open import kind_of, open_source
from trus.errors import IntakeError


def test_content_decides_not_the_suffix(tmp_path, make_dicom, save):
    picture = tmp_path / "снимок.dcm"
    Image.new("L", (9, 7), 3).save(picture, format="PNG")
    assert open_source(picture).header.kind == "png"
    dicom = save(make_dicom(np.zeros((8, 9), np.uint8)), "frame.png")
    assert open_source(dicom).header.kind == "dicom"


def test_a_dicom_whose_preamble_is_a_tiff_is_a_dicom(make_dicom, save):
    path = save(make_dicom(np.zeros((8, 9), np.uint8)))
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    assert open_source(path).header.kind == "dicom"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"x", "not a DICOM, image, volume or clip"),
        (b"image_id,image\n1,2\n", "not a DICOM, image, volume or clip"),
        (b"%PDF-1.7", "not a DICOM, image, volume or clip"),
        (b"PK\x03\x04" + bytes(400), "not a DICOM, image, volume or clip"),
        (b"\x1f\x8b" + bytes(100), "not a DICOM, image, volume or clip"),
        (b"GIF89a" + bytes(100), "not a DICOM, image, volume or clip"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"RIFF\0\0\0\0AVI ", "damaged"),
        (b"\0\0\0\x18ftypisom", "damaged"),
        (b"NRRD0005\n", "damaged"),
        (b"II*\0", "damaged"),
    ],
)
def test_rubbish_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "Жукова.bin"
    path.write_bytes(content)
    with pytest.raises(IntakeError, match=words) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)
    assert "Жукова" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, words in {
        tmp_path: "not a regular",
        tmp_path / "pipe": "not a regular",
        tmp_path / "no": "no such",
    }.items():
        with pytest.raises(IntakeError, match=words):
            open_source(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(IntakeError, match="permissions"):
        open_source(path)


@given(st.binary(max_size=600) | st.binary(max_size=400).map(lambda tail: bytes(128) + b"DICM" + tail))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_opened_or_refused(tmp_path_factory, content):
    path = Path(tmp_path_factory.getbasetemp()) / "any bytes"
    path.write_bytes(content)
    try:
        assert kind_of(path)
        next(open_source(path).frames())
    except IntakeError as error:
        assert str(error)  # noqa: PT017 - most bytes are refused, some may be read
