"""Every kind of image file that scanners and annotation tools write, and those that are refused."""

import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.images import frame_files, image_size, read_frame, read_mask, write_image
from trus.errors import ImageError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (24, 40), np.uint8)
RGB = RANDOM.integers(0, 256, (24, 40, 3), np.uint8)
WIDE = RANDOM.integers(0, 65536, (24, 40), np.uint16)
WIDE_RGB = RANDOM.integers(0, 65536, (24, 40, 3), np.uint16)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_lossless_formats_give_the_stored_pixels(tmp_path, suffix, pixels):
    path = save(tmp_path / f"frame{suffix}", Image.fromarray(pixels))
    assert (read_frame(path) == pixels).all()
    assert read_frame(path).dtype == np.uint8
    assert image_size(path) == (24, 40)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_gives_nearly_the_stored_pixels(tmp_path, suffix):
    smooth = np.tile(np.arange(40, dtype=np.uint8) * 5, (24, 1))
    frame = read_frame(save(tmp_path / f"frame{suffix}", Image.fromarray(smooth), quality=95))
    assert np.abs(frame.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("name", ["frame.png", "frame.tif"])
def test_16_bit_grey_keeps_its_16_bits(tmp_path, name):
    frame = read_frame(save(tmp_path / name, Image.fromarray(WIDE)))
    assert frame.dtype == np.uint16
    assert (frame == WIDE).all()


def test_big_endian_16_bit_tiff_keeps_its_16_bits(tmp_path):
    path = save(tmp_path / "frame.tif", Image.frombytes("I;16B", (40, 24), WIDE.astype(">u2").tobytes()))
    assert path.read_bytes()[:2] == b"MM"
    assert (read_frame(path) == WIDE).all()


@pytest.mark.parametrize("name", ["frame.png", "frame.tif"])
def test_rgb_of_16_bits_a_channel_keeps_the_upper_8(tmp_path, name):
    cv2.imwrite(str(tmp_path / name), WIDE_RGB[..., ::-1])
    frame = read_frame(tmp_path / name)
    assert frame.dtype == np.uint8
    assert (frame == WIDE_RGB >> 8).all()


def test_a_tiff_of_several_pages_is_refused(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    path = save(tmp_path / "clip.tif", pages[0], save_all=True, append_images=pages[1:])
    with pytest.raises(ImageError, match=r"clip\.tif: holds 2 pages"):
        read_frame(path)


def test_transparency_is_dropped(tmp_path):
    rgba = np.dstack([RGB, np.full((24, 40), 7, np.uint8)])
    assert (read_frame(save(tmp_path / "rgba.png", Image.fromarray(rgba))) == RGB).all()
    grey_alpha = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(255 - GREY)])
    assert (read_frame(save(tmp_path / "la.png", grey_alpha)) == GREY).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", [{}, {"transparency": bytes(range(256))}], ids=["plain", "transparent"])
def test_a_palette_is_expanded_to_its_colours(tmp_path, options):
    palette = Image.frombytes("P", (40, 24), GREY.tobytes())
    palette.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    frame = read_frame(save(tmp_path / "palette.png", palette, **options))
    assert (frame == np.dstack([GREY, 255 - GREY, np.full_like(GREY, 7)])).all()


def test_one_bit_becomes_black_and_white(tmp_path):
    bits = GREY > 127
    assert (read_frame(save(tmp_path / "bits.png", Image.fromarray(bits))) == bits * 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    quadrants = np.kron(np.array([[0, 80], [160, 240]], np.uint8), np.ones((16, 24), np.uint8))
    path = save(tmp_path / "photo.jpg", Image.fromarray(quadrants), exif=exif, quality=95)
    flips = {1: "", 2: "h", 3: "hv", 4: "v", 5: "t", 6: "vt", 7: "hvt", 8: "ht"}[orientation]
    expected = quadrants
    for flip in flips:
        expected = {"h": np.fliplr, "v": np.flipud, "t": np.transpose}[flip](expected)
    assert image_size(path) == expected.shape
    assert np.abs(read_frame(path).astype(int) - expected).max() < 10


@pytest.mark.parametrize("name", ["frame with spaces.png", "frame (1) [left].png", "кадр_01.png", "._x [a-b]*.png"])
def test_any_file_name_is_read(tmp_path, name):
    write_image(tmp_path / name, GREY)
    assert (read_frame(tmp_path / name) == GREY).all()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8001, 10_000, 60_000])  # Pillow is silent about the first and warns of the second
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png_that_claims(side, side))
    for read in (read_frame, read_mask, image_size):
        with pytest.raises(ImageError, match=r"bomb\.png.*pixels"):
            read(tmp_path / "bomb.png")


def test_a_missing_file_is_called_missing(tmp_path):
    for read in (read_frame, read_mask, image_size):
        with pytest.raises(ImageError, match=r"x\.png: no such file"):
            read(tmp_path / "x.png")


def test_text_and_folders_are_no_images(tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(ImageError, match=f"{path.name}: cannot be read as an image"):
            read_frame(path)


@pytest.mark.parametrize("kind", ["GIF", "PPM", "ICO", "TGA"])
def test_other_kinds_of_pictures_are_refused_whatever_their_name(tmp_path, kind):
    Image.fromarray(GREY).save(tmp_path / "frame.png", kind)
    with pytest.raises(ImageError, match=r"frame\.png: cannot be read as an image"):
        read_frame(tmp_path / "frame.png")


def test_a_picture_that_needs_more_memory_than_there_is_is_refused(tmp_path, monkeypatch):
    def exhausted(*_):
        raise MemoryError

    path = save(tmp_path / "frame.png", Image.fromarray(GREY))
    monkeypatch.setattr(Image.core, "new", exhausted)
    monkeypatch.setattr(Image.core, "fill", exhausted)
    with pytest.raises(ImageError, match=r"frame\.png: needs more memory to be decoded"):
        read_frame(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_file_cut_short_is_refused_by_name(tmp_path, suffix):
    path = save(tmp_path / f"frame.{suffix}", Image.fromarray(RGB))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"frame\.{suffix}: cannot be read as an image"):
        read_frame(path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_whatever_is_wrong_with_a_file_the_error_is_an_image_error(tmp_path, suffix):
    whole = save(tmp_path / f"frame.{suffix}", Image.fromarray(GREY)).read_bytes()
    path = tmp_path / f"damaged.{suffix}"
    choose = random.Random(0)
    messages = []
    for _ in range(60):
        damaged = bytearray(whole[: choose.randrange(1, len(whole))])
        for _ in range(3):
            damaged[choose.randrange(min(len(damaged), 200))] = choose.randrange(256)
        path.write_bytes(damaged)
        for read in (read_frame, read_mask, image_size):
            try:
                read(path)
            except ImageError as error:
                messages.append(str(error))
    assert len(messages) > 60
    assert all(str(path) in message for message in messages)


def test_floating_point_and_32_bit_frames_are_refused_by_name(tmp_path):
    save(tmp_path / "float.tif", Image.fromarray(GREY.astype(np.float32)))
    save(tmp_path / "wide.tif", Image.fromarray(WIDE.astype(np.int32) * 1000))
    with pytest.raises(ImageError, match=r"float\.tif: floating-point.*8 or 16 bit"):
        read_frame(tmp_path / "float.tif")
    with pytest.raises(ImageError, match=r"wide\.tif: grey values .* do not fit 16 bits"):
        read_frame(tmp_path / "wide.tif")


LABELS = RANDOM.integers(0, 4, (24, 40), np.uint8)


def test_a_mask_is_its_label_values(tmp_path):
    palette = Image.frombytes("P", (40, 24), LABELS.tobytes())
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    assert (read_mask(save(tmp_path / "palette.png", palette)) == LABELS).all()
    assert (read_mask(save(tmp_path / "grey.png", Image.fromarray(LABELS))) == LABELS).all()
    assert (read_mask(save(tmp_path / "wide.png", Image.fromarray(LABELS.astype(np.uint16)))) == LABELS).all()
    assert (read_mask(save(tmp_path / "bits.png", Image.fromarray(LABELS == 1))) == (LABELS == 1)).all()
    big_endian = Image.frombytes("I;16B", (40, 24), LABELS.astype(">u2").tobytes())
    assert (read_mask(save(tmp_path / "big.tif", big_endian)) == LABELS).all()
    assert read_mask(tmp_path / "wide.png").dtype == np.uint8


def test_a_mask_of_colours_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"rgb\.png: mode RGB has several channels.*one channel"):
        read_mask(save(tmp_path / "rgb.png", Image.fromarray(RGB)))


def test_a_mask_of_labels_above_255_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"wide\.png.*300.*labels 0 to 255"):
        read_mask(save(tmp_path / "wide.png", Image.fromarray(np.full((4, 4), 300, np.uint16))))


def test_what_is_written_is_read_back(tmp_path):
    for pixels in (GREY, RGB):
        write_image(tmp_path / "a" / "b.png", pixels)
        assert (read_frame(tmp_path / "a" / "b.png") == pixels).all()


def test_frame_files_are_found_at_any_depth_without_hidden_ones_and_folders(tmp_path):
    for name in ("b.png", "a/deep/c.JPG", ".hidden.png", "._b.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert frame_files(tmp_path) == [tmp_path / "a/deep/c.JPG", tmp_path / "b.png"]
