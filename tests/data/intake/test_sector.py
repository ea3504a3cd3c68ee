"""The ultrasound picture is found on made-up screens, and refused where it is not certain."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trus.data.images import read_frame
from trus.data.intake.sector import find_sector, to_grey
from trus.data.intake.static import ClipMotion

HC18 = Path("/work/shared/data/hc18_subset/images")
USGRA = Path("/work/shared/data/usgra/images")
SIZE = (600, 800)


def speckle(size=SIZE, level=90.0, seed=0):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.rayleigh(1.0, size), (0, 0), 2.2, sigmaY=1.3)
    shade = cv2.resize(rng.uniform(0.5, 1.3, (5, 6)), size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(level * noise * shade / noise.mean(), 3, 255).astype(np.uint8)


def fan(size=SIZE, centre=(400, -20), radii=(130, 560), half_angle=38, up=False):
    """Pixels of a convex array's picture; `up` opens it upwards, as end-fire TRUS probes show it."""
    y, x = np.mgrid[: size[0], : size[1]]
    dy = (centre[1] - y) if up else (y - centre[1])
    radius, angle = np.hypot(x - centre[0], dy), np.degrees(np.arctan2(x - centre[0], dy))
    return (radius >= radii[0]) & (radius <= radii[1]) & (np.abs(angle) <= half_angle)


SHAPES = {
    "fan": fan(),
    "upwards": fan(centre=(400, 560), radii=(60, 420), half_angle=55, up=True),
    "more than 180 degrees": fan(centre=(400, 330), radii=(45, 250), half_angle=135),
    "narrow": fan(centre=(380, 30), radii=(8, 520), half_angle=30),
    "rectangle": np.pad(np.ones((420, 380), bool), ((80, 100), (180, 240))),
}


def screen(shape, level=90.0, furniture=True):
    frame = np.where(shape, speckle(shape.shape, level), 0).astype(np.uint8)
    return _furnish(frame, shape) if furniture else frame


def _furnish(frame, shape):
    drawn = np.zeros_like(frame)
    drawn[:22] = 52
    for row, text in enumerate(("IVANOV IVAN 14.03.1958", "TRUS 9 MHz", "Gain 54 dB", "MI 1.1")):
        cv2.putText(drawn, text, (6, 16 + 22 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
    drawn[100:300, 775:790] = np.linspace(255, 0, 200)[:, None]
    drawn[60:560:25, 762:770] = 200
    ecg = np.stack([np.arange(30, 200), 580 - 14 * (np.arange(170) % 50 == 7)], 1)
    cv2.polylines(drawn, [ecg.astype(np.int32)], False, 160)
    drawn[540:590, 700:760] = speckle((50, 60), seed=9)
    clear = cv2.dilate(shape.view(np.uint8), np.ones((9, 9))) == 0
    return np.where(clear, drawn, frame)


def iou(box, shape):
    x, y, width, height = cv2.boundingRect(shape.view(np.uint8))
    true = np.zeros(shape.shape, bool)
    true[y : y + height, x : x + width] = True
    found = np.zeros(shape.shape, bool)
    found[box[1] : box[3], box[0] : box[2]] = True
    return (true & found).sum() / (true | found).sum()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("level", [90.0, 25.0])
def test_sector_among_the_furniture_of_a_screen(name, level):
    shape = SHAPES[name]
    sector = find_sector(screen(shape, level))
    assert sector is not None
    assert iou(sector.box, shape) > 0.95
    assert sector.shape == ("rectangle" if name == "rectangle" else "fan")
    mask = sector.mask(SIZE)
    assert (mask & shape).sum() > 0.97 * shape.sum()
    assert not mask[:20].any()
    assert not mask[:, 762:].any()


@pytest.mark.parametrize("name", SHAPES)
def test_sector_of_a_lossy_colour_export(name):
    shape = SHAPES[name]
    _, encoded = cv2.imencode(".jpg", np.repeat(screen(shape)[..., None], 3, 2), [cv2.IMWRITE_JPEG_QUALITY, 75])
    sector = find_sector(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    assert sector is not None
    assert iou(sector.box, shape) > 0.93


def test_sector_on_a_noisy_video_signal():
    frame = screen(SHAPES["fan"]).astype(np.float32)
    noise = np.random.default_rng(0).normal(16, 1.5, SIZE)
    sector = find_sector(np.clip(frame * 0.9 + noise, 0, 255).astype(np.uint8))
    assert sector is None or iou(sector.box, SHAPES["fan"]) > 0.9


def test_sixteen_bits_and_colour_boxes():
    frame = screen(SHAPES["fan"])
    expected = find_sector(frame).box
    assert find_sector(frame.astype(np.uint16) * 257).box == expected
    assert find_sector(frame.astype(np.uint16) * 16).box == expected
    colour = np.repeat(frame[..., None], 3, 2)
    colour[250:400, 330:470] = colour[250:400, 330:470] * np.array([1.0, 0.3, 0.1])
    assert iou(find_sector(colour).box, SHAPES["fan"]) > 0.95


def test_a_cropped_frame_is_all_sector():
    for size in ((480, 640), (300, 300), (1080, 1440)):
        sector = find_sector(speckle(size))
        assert sector.box == (0, 0, size[1], size[0])
        assert sector.shape == "rectangle"
        assert sector.mask(size).all()


def test_a_dark_bottom_belongs_to_the_rectangle():
    frame = screen(SHAPES["rectangle"])
    rows = np.arange(SIZE[0])[:, None]
    fading = frame * np.clip((520 - rows) / 300, 0.02, 1)
    dark = np.where(SHAPES["rectangle"], np.maximum(fading, 2), frame).astype(np.uint8)
    assert iou(find_sector(dark).box, SHAPES["rectangle"]) > 0.95


def _page():
    page = np.full(SIZE, 245, np.uint8)
    for row in range(30, 580, 24):
        cv2.putText(page, "Report of the examination of 12.11.2026", (20, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1)
    return page


def _two_pictures():
    return screen(np.pad(np.ones((400, 280), bool), ((100, 100), (60, 460)))) + screen(
        np.pad(np.ones((400, 280), bool), ((100, 100), (460, 60))), furniture=False
    )


def _photograph():
    rng = np.random.default_rng(3)
    colours = cv2.resize(rng.uniform(0, 255, (12, 16, 3)), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(colours + rng.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8)


def _near_field_only():
    return np.where(fan(radii=(130, 180)), screen(SHAPES["fan"], furniture=False), 0).astype(np.uint8)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros(SIZE, np.uint8),
        np.full(SIZE, 128, np.uint8),
        _page(),
        _two_pictures(),
        _photograph(),
        _near_field_only(),
        screen(np.zeros(SIZE, bool)),
        np.zeros((8, 8), np.uint8),
    ],
    ids=["black", "grey", "page", "two pictures", "photograph", "near field only", "furniture only", "tiny"],
)
def test_not_sure_is_none(frame):
    assert find_sector(frame) is None


def test_what_stands_still_over_a_clip_is_no_tissue():
    """A frozen reference picture beside the live one: alone it makes two pictures, the clip tells which one lives."""
    live, frozen = (np.pad(np.ones((400, 280), bool), ((100, 100), sides)) for sides in ((60, 460), (460, 60)))
    still = screen(frozen)
    frames = [np.where(live, speckle(seed=seed), still) for seed in range(6)]
    motion = ClipMotion.of(frames)
    assert find_sector(motion.brightest) is None
    sector = find_sector(motion.brightest, motion.moving())
    assert iou(sector.box, live) > 0.95


def test_dark_tissue_that_does_not_change_belongs_to_the_clips_sector():
    dark = SHAPES["fan"] & (np.arange(SIZE[1]) > 560)
    fans = [screen(SHAPES["fan"]) // 2 + speckle(seed=seed) // 2 * SHAPES["fan"] for seed in range(6)]
    frames = [np.where(dark, 5, frame) for frame in fans]
    motion = ClipMotion.of(frame.astype(np.uint8) for frame in frames)
    assert not motion.moving()[dark].any()
    assert iou(find_sector(motion.brightest, motion.moving()).box, SHAPES["fan"]) > 0.95


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.one_of(
            st.tuples(st.integers(1, 90), st.integers(1, 90)),
            st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3)),
        ),
        elements={"min_value": 0, "max_value": 255},
        fill=st.just(0),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_frame_gives_a_box_inside_it_or_none(frame):
    sector = find_sector(frame)
    if sector is not None:
        x0, y0, x1, y1 = sector.box
        assert 0 <= x0 < x1 <= frame.shape[1]
        assert 0 <= y0 < y1 <= frame.shape[0]
        assert sector.mask(frame.shape[:2]).any()
    assert to_grey(frame).shape == frame.shape[:2]


@pytest.mark.real_data
@pytest.mark.skipif(not HC18.is_dir(), reason="../shared/data/hc18_subset is absent")
def test_real_fans():
    paths = [path for path in sorted(HC18.glob("*_HC.png")) if "Annotation" not in path.name][::5]
    sectors = [find_sector(read_frame(path)) for path in paths]
    boxes = [sector.box for sector in sectors if sector is not None]
    assert len(boxes) >= 0.85 * len(paths)
    assert all(x1 - x0 > 450 and y1 - y0 > 400 for x0, y0, x1, y1 in boxes)


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason="../shared/data/usgra is absent")
def test_real_linear_arrays():
    paths = sorted(USGRA.glob("*.png"))[::8]
    sectors = [find_sector(read_frame(path)) for path in paths]
    assert sum(sector is not None and sector.shape == "rectangle" for sector in sectors) >= 0.95 * len(paths)
