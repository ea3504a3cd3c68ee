import warnings

import numpy as np
import pytest
from PIL import Image

from trus.data.intake.open import open_source
from trus.errors import IntakeError

RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 256, (12, 17), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_pictures_come_back_as_they_are(tmp_path, kind, pixels):
    path = tmp_path / "снимок [1]"
    Image.fromarray(pixels).save(path, format=kind.upper())
    source = open_source(path)
    assert (source.header.kind, source.header.frames, source.header.size) == (kind, 1, (12, 17))
    assert (source.header.spacing, source.header.patient_id) == (None, None)
    assert source.header.spacing_note
    ((number, frame),) = source.frames()
    assert number == 0
    np.testing.assert_array_equal(frame, pixels)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_16_bits_are_kept(tmp_path, kind):
    wide = GREY.astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "x", format=kind.upper())
    ((_, frame),) = open_source(tmp_path / "x").frames()
    assert frame.dtype == np.uint16
    np.testing.assert_array_equal(frame, wide)


def test_a_jpeg_is_turned_upright_and_its_exif_stays_behind(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Zhivagova Larissa"
    Image.fromarray(np.zeros((8, 24), np.uint8)).save(tmp_path / "x", format="JPEG", exif=exif)
    source = open_source(tmp_path / "x")
    assert source.header.size == (24, 8)
    ((_, frame),) = source.frames()
    assert frame.shape == (24, 8)
    assert "Zhivagova" not in repr(source.header)


def test_pages_of_a_tiff_are_frames(tmp_path):
    pages = [Image.fromarray(np.full((5, 6), number, np.uint8)) for number in range(7)]
    pages[0].save(tmp_path / "x", format="TIFF", save_all=True, append_images=pages[1:])
    source = open_source(tmp_path / "x")
    assert source.header.frames == 7
    assert [(number, int(frame.max())) for number, frame in source.frames()] == [(n, n) for n in range(7)]
    assert [number for number, _ in source.frames(range(1, 99, 3))] == [1, 4]


def test_pages_of_several_sizes_are_refused_at_the_page(tmp_path):
    pages = [Image.new("L", (6, 5)), Image.new("L", (6, 9))]
    pages[0].save(tmp_path / "x", format="TIFF", save_all=True, append_images=pages[1:])
    decoded = open_source(tmp_path / "x").frames()
    assert next(decoded)[0] == 0
    with pytest.raises(IntakeError, match="page 1 is not as large"):
        next(decoded)


def test_an_animated_png_is_refused(tmp_path):
    pages = [Image.new("L", (6, 5), 10 * number) for number in range(3)]
    pages[0].save(tmp_path / "x", format="PNG", save_all=True, append_images=pages[1:])
    with pytest.raises(IntakeError, match="animated"):
        open_source(tmp_path / "x")


@pytest.mark.parametrize("size", [(60_000, 60_000), (12_000, 9_000)])
def test_a_png_bomb_is_refused_from_its_header(tmp_path, size):
    import zlib

    Image.new("L", (3, 3)).save(tmp_path / "x", format="PNG")
    content = bytearray((tmp_path / "x").read_bytes())
    content[16:24] = size[0].to_bytes(4) + size[1].to_bytes(4)
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    (tmp_path / "x").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(IntakeError, match="pixels"):
            open_source(tmp_path / "x")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_half_a_picture_is_refused_without_its_name(tmp_path, kind, capfd):
    path = tmp_path / "Zhivagova.png"
    Image.fromarray(np.kron(COLOUR, np.ones((9, 9, 1), np.uint8))).save(path, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IntakeError, match="damaged") as caught:
        list(open_source(path).frames())
    assert "Zhivagova" not in str(caught.value)
    assert caught.value.__context__ is None
    assert capfd.readouterr().err == ""
