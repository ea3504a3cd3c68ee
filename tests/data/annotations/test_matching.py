"""Which frame a picture of an export is, and where the frame lies in it."""

import io
from pathlib import PurePosixPath

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trus.data.annotations.fitting import Fit, fit_picture, stand_up
from trus.data.annotations.names import Known, NameIndex, export_names
from trus.errors import AnnotationError

WIDE = (180, 240)


def as_jpeg(picture: np.ndarray, quality: int = 75) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def stretched(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def fitted(picture: np.ndarray, size: tuple[int, int], edge: int) -> np.ndarray:
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    inner = stretched(picture, (round(picture.shape[0] * scale), round(picture.shape[1] * scale)))
    canvas = np.full(size, edge, np.uint8)
    y, x = (size[0] - inner.shape[0]) // 2, (size[1] - inner.shape[1]) // 2
    canvas[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return canvas


def laid_down(array: np.ndarray, turn: int) -> np.ndarray:
    """The inverse of `stand_up`."""
    back = np.rot90(array, -(turn % 4))
    return np.ascontiguousarray(back[:, ::-1] if turn >= 4 else back)


def warped(picture: np.ndarray, angle: float = 0, zoom: float = 1, shift: float = 0, shear: float = 0) -> np.ndarray:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[:, 2] += (shift - shear * height / 2, 0)
    matrix[0, 1] += shear
    return cv2.warpAffine(picture, matrix, (width, height))


def test_the_same_pixels_fit_as_they_are(picture):
    fit = fit_picture(picture(0), picture(0))
    assert fit.identical
    assert fit.likeness == 1


def test_a_jpeg_of_the_same_size_fits_as_it_is(picture):
    assert fit_picture(picture(0), as_jpeg(picture(0), 50)).identical


def test_a_frame_of_16_bits_is_compared_with_its_8_bit_export(picture):
    assert fit_picture(picture(0).astype(np.uint16) * 16, picture(0)).identical
    assert fit_picture(np.stack([picture(0)] * 3, axis=-1), picture(0)).identical


@pytest.mark.parametrize("turn", range(8))
@pytest.mark.parametrize("mode", ["stretch", "black", "white"])
def test_resized_and_turned_pictures_are_found(picture, turn, mode):
    frame = picture(1, WIDE)
    upright = stretched(frame, (320, 320)) if mode == "stretch" else fitted(frame, (320, 320), 255 * (mode == "white"))
    fit = fit_picture(frame, as_jpeg(laid_down(upright, turn)))
    assert fit.turn == turn
    assert fit.box == ((0, 0, 320, 320) if mode == "stretch" else (0, 40, 320, 240))


@pytest.mark.parametrize(
    "change",
    [
        lambda p, random: (p * 1.3 + 10).clip(0, 255).astype(np.uint8),
        lambda p, random: (p * 0.6).astype(np.uint8),
        lambda p, random: np.where(random.random(p.shape) < 0.015, 255, p).astype(np.uint8),
        lambda p, random: cv2.GaussianBlur(p, (0, 0), 1.2),
    ],
    ids=["brighter", "darker", "salt", "blurred"],
)
def test_brightness_noise_and_blur_do_not_matter(picture, change):
    frame = picture(2, WIDE)
    changed = change(stretched(frame, (320, 320)), np.random.default_rng(0))
    assert fit_picture(frame, as_jpeg(changed)).box == (0, 0, 320, 320)


@pytest.mark.parametrize(
    "change",
    [{"angle": 1}, {"angle": 7}, {"zoom": 1.03}, {"zoom": 1.3}, {"shift": 6}, {"shift": 60}, {"shear": 0.05}],
    ids=str,
)
def test_rotations_crops_shifts_and_shears_are_refused(picture, change):
    frame = picture(3, WIDE)
    with pytest.raises(AnnotationError, match=r"is a crop, sheared|is not the picture of this frame"):
        fit_picture(frame, as_jpeg(warped(stretched(frame, (320, 320)), **change)))


def test_another_picture_is_refused_whatever_its_size(picture):
    for shape in (WIDE, (320, 320)):
        with pytest.raises(AnnotationError, match="is not the picture of this frame"):
            fit_picture(picture(4, WIDE), picture(5, shape))


def test_a_mosaic_is_refused(picture):
    four = np.block([[picture(4), picture(5)], [picture(6), picture(7)]])
    with pytest.raises(AnnotationError, match="is not the picture of this frame"):
        fit_picture(picture(4), four)


def test_a_picture_that_looks_alike_mirrored_is_never_guessed(picture):
    half = picture(6, (120, 60))
    both = np.hstack([half, half[:, ::-1]])
    with pytest.raises(AnnotationError, match="looks too much alike when mirrored"):
        fit_picture(both, stretched(both, (200, 200)))
    assert fit_picture(both, both).identical  # nothing to tell apart


def test_a_blank_picture_is_taken_at_its_size_only():
    blank = np.full((60, 80), 17, np.uint8)
    assert fit_picture(blank, as_jpeg(blank)).identical
    with pytest.raises(AnnotationError):
        fit_picture(blank, np.full((90, 90), 17, np.uint8))


def test_small_frames_fit_too(picture):
    frame = picture(8, (47, 63))
    assert fit_picture(frame, as_jpeg(stretched(frame, (640, 640)))).box == (0, 0, 640, 640)


FITS = st.builds(
    lambda turn, box, frame: Fit((box[3] + 9, box[2] + 7)[:: 1 if turn % 2 == 0 else -1], frame, turn, box),
    st.integers(0, 7),
    st.tuples(st.integers(0, 6), st.integers(0, 8), st.integers(5, 60), st.integers(5, 60)),
    st.tuples(st.integers(5, 60), st.integers(5, 60)),
)


@settings(max_examples=100, deadline=None)
@given(FITS, st.data())
def test_points_and_planes_map_alike(fit, data):
    """The plane of a single pixel of the picture lands on the frame's pixels whose centres map into it."""
    plane = np.zeros(fit.picture, bool)
    row = data.draw(st.integers(0, fit.picture[0] - 1))
    column = data.draw(st.integers(0, fit.picture[1] - 1))
    plane[row, column] = True
    corners = fit.points(np.array([[column, row], [column + 1, row + 1]], float))
    (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
    rows, columns = np.nonzero(fit.plane(plane))
    assert ((columns + 0.5 >= x0 - 1e-9) & (columns + 0.5 <= x1 + 1e-9)).all()
    assert ((rows + 0.5 >= y0 - 1e-9) & (rows + 0.5 <= y1 + 1e-9)).all()


@pytest.mark.parametrize("turn", range(8))
def test_turned_planes_come_back_exactly(turn):
    labels = np.random.default_rng(turn).random((20, 30)) < 0.5
    fit = Fit(laid_down(labels, turn).shape, labels.shape, turn, (0, 0, 30, 20))
    assert (fit.plane(laid_down(labels, turn)) == labels).all()
    assert (stand_up(laid_down(labels, turn), turn) == labels).all()


def index(*names: str) -> NameIndex:
    return NameIndex(Known(name.rsplit(".", 1)[0], PurePosixPath(f"frames/{name}")) for name in names)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("P1/a.png", "P1/a"),
        ("P1__a.png", "P1/a"),
        ("P1__a.jpg", "P1/a"),
        ("frames/P1/a.png", "P1/a"),
        ("P1\\a.png", "P1/a"),
        ("P1__a_png.rf.0123456789abcdef0123456789abcdef.jpg", "P1/a"),
        ("b.1 [2] кадр.png", "b.1 [2] кадр"),
        ("b.1-2--кадр_png.rf.0123456789abcdef0123456789abcdef.jpg", "b.1 [2] кадр"),
        ("c.jpg", "P2/c"),
    ],
)
def test_a_name_is_found_however_a_tool_writes_it(name, found):
    assert index("P1/a.png", "P2/a.png", "b.1 [2] кадр.png", "P2/c.png").find(name).image_id == found


def test_a_name_that_may_mean_several_is_refused_with_the_candidates():
    with pytest.raises(AnnotationError, match="may be any of 2 frames of the manifest: P1/a, P2/a"):
        index("P1/a.png", "P2/a.png").find("a.png")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "x.png", "P1", "\0"])
def test_names_of_nothing_are_refused(name):
    with pytest.raises(AnnotationError, match="no frame of the manifest has this name"):
        index("P1/a.png").find(name)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=80), unique=True))
def test_exported_names_are_flat_unique_and_lead_back(ids):
    known = [Known(name, PurePosixPath(f"f/{number}.bmp")) for number, name in enumerate(ids)]
    names = export_names(known, {})
    assert len({name.lower() for name in names.values()}) == len(ids)
    lookup = NameIndex(known)
    for image_id, name in names.items():
        assert "/" not in name
        assert "\\" not in name
        assert len(name.encode()) <= 255
        assert lookup.find(name).image_id == image_id
