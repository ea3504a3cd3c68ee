"""Text burnt into tissue is found, tissue alone is not called text. All text here is made up."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFont

from trus.data.images import read_frame
from trus.data.intake.burnt_in import MAX_EDGES, find_text
from trus.data.intake.sector import find_sector

USGRA = Path("/work/shared/data/usgra/images")
SIZE = (360, 480)
EVERYWHERE = np.ones(SIZE, bool)


def tissue(level, seed=0):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.rayleigh(1.0, SIZE), (0, 0), 2.4, sigmaY=1.2)
    return np.clip(level * noise / noise.mean(), 0, 255).astype(np.uint8)


def ink(text, height, font):
    if font == "OpenCV":
        canvas = np.zeros((3 * height, 2 * height * len(text)), np.uint8)
        scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, height, 1)
        cv2.putText(canvas, text, (5, 2 * height), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1 + height // 16, cv2.LINE_AA)
    else:
        image = Image.new("L", (2 * height * len(text), 3 * height))
        pen = ImageDraw.Draw(image)
        pen.fontmode = "1" if font == "aliased" else "L"
        pen.text((5, 5), text, 255, font=ImageFont.load_default(height / 0.72))
        canvas = np.asarray(image)
    x, y, width, tall = cv2.boundingRect(cv2.findNonZero(canvas))
    return canvas[y : y + tall, x : x + width] / 255.0


def write(frame, text, at=(30, 120), height=16, colour=255, font="TrueType", opacity=1.0, outline=False):
    """The frame with the text, and the text's box."""
    cover = opacity * ink(text, height, font)
    x, y = at
    x1, y1 = x + cover.shape[1], y + cover.shape[0]
    written = frame.astype(float)
    part = written[y:y1, x:x1]
    if outline:
        edge = cv2.dilate(cover, np.ones((3, 3)))
        part[:] = part * (1 - (edge if frame.ndim == 2 else edge[..., None]))
    cover = cover if frame.ndim == 2 else cover[..., None]
    part[:] = part * (1 - cover) + np.array(colour, float) * cover
    return np.rint(written).astype(np.uint8), (x, y, x1, y1)


def touches(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("level", [6, 45, 90])
def test_names_in_dark_and_light_tissue(level):
    """At least 95 % of names, 8 to 38 pixels high, white to grey, opaque and not, with and without outline."""
    found = {}
    for seed, height in enumerate((8, 9, 10, 12, 14, 17, 20, 24, 30, 38)):
        for font in ("OpenCV", "TrueType", "aliased"):
            for text in ("Petrova", "12975-20", "GARCIA"):
                look = {"colour": (255, 200)[seed % 2], "opacity": (1.0, 0.7)[len(text) % 2], "outline": seed % 3 == 0}
                frame, box = write(tissue(level, seed), text, height=height, font=font, **look)
                found[height, font, text] = any(touches(line, box) for line in find_text(frame, EVERYWHERE))
    assert np.mean([*found.values()]) >= 0.95, [case for case, hit in found.items() if not hit]


def test_dark_text_on_a_bright_plate():
    frame = tissue(60)
    frame[110:150, 20:260] = 230
    frame, box = write(frame, "IVANOV IVAN", colour=0)
    assert any(touches(line, box) for line in find_text(frame, EVERYWHERE))


def test_text_that_differs_in_colour_alone():
    grey = np.repeat(tissue(40)[..., None], 3, 2)
    grey[:] = np.maximum(grey, 20)
    grey[100:160] = cv2.GaussianBlur(grey[100:160], (0, 0), 4)
    cover = ink("Petrova", 20, "TrueType")
    part = grey[120 : 120 + cover.shape[0], 60 : 60 + cover.shape[1]]
    part[..., 1:] = part[..., 1:] * (1 - cover[..., None])
    level = part.max(-1)
    assert np.ptp(level) < 30, "the text must not show in the brightest channel"
    part[..., 0] = np.where(cover > 0.5, 60, part[..., 0])
    assert find_text(grey, EVERYWHERE)


def test_sixteen_bits():
    frame, box = write(tissue(40), "MUELLER")
    assert any(touches(line, box) for line in find_text(frame.astype(np.uint16) * 257, EVERYWHERE))


def test_tissue_alone_is_no_text():
    alarms = [find_text(tissue(level, seed), EVERYWHERE) for seed in range(20) for level in (8, 40, 90)]
    assert sum(map(bool, alarms)) <= 3


def test_fasciae_needles_and_the_edge_of_the_sector_are_no_text():
    frame = tissue(50)
    for row in range(40, 340, 30):
        cv2.ellipse(frame, (240, row + 200), (400, 200), 0, 200, 340, 190, 2, cv2.LINE_AA)
    frame = cv2.GaussianBlur(frame, (0, 0), 1.2)
    cv2.line(frame, (60, 10), (300, 330), 255, 3, cv2.LINE_AA)
    frame[:, :40] = frame[:, 440:] = 0
    assert find_text(frame, EVERYWHERE) == []


def test_text_outside_of_the_picture_is_not_looked_at():
    frame, box = write(tissue(40), "SMITH, JOHN")
    within = EVERYWHERE.copy()
    within[box[1] - 3 : box[3] + 3, box[0] - 3 : box[2] + 3] = False
    assert find_text(frame, within) == []
    assert find_text(frame, np.zeros(SIZE, bool)) == []


def test_boxes_are_in_the_frames_pixels_and_in_reading_order():
    frame, first = write(tissue(30), "Petrova", at=(220, 90))
    frame, second = write(frame, "0457913", at=(150, 250))
    within = np.zeros(SIZE, bool)
    within[60:300, 120:470] = True
    boxes = find_text(frame, within)
    assert len(boxes) == 2
    for box, true in zip(boxes, (first, second), strict=True):
        assert np.abs(np.subtract(box, true)).max() <= 8


def test_a_picture_full_of_edges_is_reported_whole():
    noise = np.random.default_rng(0).integers(0, 2, (900, 1200), dtype=np.uint8)
    stripes = np.kron(noise, np.ones((6, 2), np.uint8))[:900, :1200] * 30
    stripes[::7] = 0
    spots = np.zeros((900, 1200), np.uint8)
    spots[::9, ::14] = spots[1::9, ::14] = spots[2::9, ::14] = spots[3::9, ::14] = 255
    assert spots[::9, ::14].size > MAX_EDGES
    within = np.ones(spots.shape, bool)
    assert find_text(spots, within) == [(0, 0, 1200, 900)]
    find_text(stripes, within)


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.one_of(
            st.tuples(st.integers(1, 70), st.integers(1, 70)),
            st.tuples(st.integers(1, 70), st.integers(1, 70), st.just(3)),
        ),
        elements={"min_value": 0, "max_value": 255},
        fill=st.just(0),
    ),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_any_frame_gives_boxes_inside_it(frame, half):
    within = np.ones(frame.shape[:2], bool)
    within[: frame.shape[0] // 2] = half
    for x0, y0, x1, y1 in find_text(frame, within):
        assert 0 <= x0 < x1 <= frame.shape[1]
        assert 0 <= y0 < y1 <= frame.shape[0]


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason="../shared/data/usgra is absent")
def test_real_frames_with_and_without_a_made_up_name():
    alarms, found = [], []
    for number, path in enumerate(sorted(USGRA.glob("*.png"))[::8]):
        frame = read_frame(path)
        within = np.ones(frame.shape[:2], bool)
        if sector := find_sector(frame):
            within = sector.mask(frame.shape[:2])
        alarms.append(bool(find_text(frame, within)))
        y, x = np.argwhere(within)[0] + (60, 60)
        written, box = write(frame, "IVANOV I.", at=(x, y), height=9 + number)
        found.append(any(touches(line, box) for line in find_text(written, within)))
    assert np.mean(alarms) <= 0.05
    assert np.mean(found) >= 0.95
