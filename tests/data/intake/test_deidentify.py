import cv2
import numpy as np
import pytest

from trus.data.intake.cuts import NO_REGION, Cut
from trus.data.intake.deidentify import Plan, check_size, clean_frame, plan_cuts, storable, whole_frame
from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import Settings
from trus.data.intake.source import Header, Region
from trus.errors import IntakeError

BOX = (40, 50, 280, 230)


def header(**changes):
    return Header(**{"kind": "dicom", "frames": 1, "size": (240, 320)} | changes)


def options(**changes):
    return Settings(PatientRule("none"), **changes)


def plan_of(*boxes, fan=None):
    return Plan(tuple(Cut(box, (0.2, 0.2), "", "given") for box in boxes), fan)


def fan_screen(seed: int) -> np.ndarray:
    """A convex fan of bright speckle on black with a name in its upper left corner, uint8 (480, 640)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:480, :640]
    radius, angle = np.hypot(x - 320, y + 40), np.arctan2(x - 320, y + 40)
    inside = (radius > 100) & (radius < 500) & (abs(angle) < 0.6)
    speckle = cv2.GaussianBlur(random.rayleigh(60, (480, 640)).astype(np.float32), (0, 0), 2.5)
    frame = np.where(inside, np.clip(speckle + 20, 20, 200), 0).astype(np.uint8)
    cv2.putText(frame, "IVANOV", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return frame


def test_crop_keeps_the_pixels_of_the_region_and_no_others(screen):
    frame = screen(0)
    (clean,) = clean_frame(frame, plan_of(BOX), blank=False)
    x0, y0, x1, y1 = BOX
    np.testing.assert_array_equal(clean.picture, frame[y0:y1, x0:x1])


def test_blank_keeps_the_size_and_makes_everything_else_black(screen):
    frame = np.repeat(screen(0)[..., None], 3, axis=2)
    (clean,) = clean_frame(frame, plan_of(BOX), blank=True)
    x0, y0, x1, y1 = BOX
    assert clean.picture.shape == frame.shape
    np.testing.assert_array_equal(clean.picture[y0:y1, x0:x1], frame[y0:y1, x0:x1])
    clean.picture[y0:y1, x0:x1] = 0
    assert not clean.picture.any()


@pytest.mark.parametrize("blank", [False, True])
def test_outside_of_a_certain_fan_all_is_black(screen, blank):
    frame = screen(0)
    fan = np.zeros(frame.shape, bool)
    fan[100:150, 100:200] = True
    (clean,) = clean_frame(frame, plan_of(BOX, fan=fan), blank)
    offset = (0, 0) if blank else (BOX[1], BOX[0])
    rest = clean.picture.copy()
    rest[100 - offset[0] : 150 - offset[0], 100 - offset[1] : 200 - offset[1]] = 0
    assert not rest.any()
    assert clean.picture.any()


@pytest.mark.parametrize("rows_inside", [2, 6])
def test_a_line_of_text_that_the_edge_of_the_region_cuts_is_found(screen, rows_inside):
    frame = screen(0, banner="")
    cv2.putText(frame, "IVANOV IVAN", (70, BOX[1] + rows_inside), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert clean_frame(frame, plan_of(BOX), blank=False)[0].texts


def test_text_beside_the_region_does_not_hold_it(screen):
    frame = screen(0, banner="")
    cv2.putText(frame, "IVANOV IVAN", (70, BOX[1] - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert clean_frame(frame, plan_of(BOX), blank=False)[0].texts == ()


def test_each_of_several_regions_is_a_picture_of_its_own(screen):
    left, right = clean_frame(screen(0), plan_of((40, 50, 160, 230), (160, 50, 280, 230)), blank=False)
    assert left.picture.shape == right.picture.shape == (180, 120)


def test_16_bit_grey_stays_and_16_bit_colour_keeps_its_upper_byte(screen):
    frame = screen(0).astype(np.uint16) * 257
    (clean,) = clean_frame(frame, plan_of(BOX), blank=False)
    assert clean.picture.dtype == np.uint16
    assert storable(frame) is frame
    np.testing.assert_array_equal(storable(np.repeat(frame[..., None], 3, axis=2))[..., 0], screen(0))


def test_text_inside_is_found_and_above_it_is_not(screen):
    (quiet,) = clean_frame(screen(0), plan_of(BOX), blank=False)
    assert quiet.texts == ()
    (loud,) = clean_frame(screen(0, inside="PETROV P."), plan_of(BOX), blank=False)
    assert loud.texts


def test_a_fan_is_detected_and_the_name_beside_it_blanked():
    frame = fan_screen(1)
    plan = plan_cuts(header(size=frame.shape), options(), None, lambda: [frame])
    assert plan.fan is not None
    (clean,) = clean_frame(frame, plan, blank=True)
    assert not clean.picture[:60, :160].any()
    assert (clean.picture != frame).mean() < 0.02  # nothing of the fan itself is lost


def test_a_frame_without_a_picture_has_no_region():
    noise = np.random.default_rng(0).integers(0, 255, (240, 320)).astype(np.uint8)
    for frame in (np.zeros((240, 320), np.uint8), np.where(noise > 250, 255, 0).astype(np.uint8)):
        plan = plan_cuts(header(), options(), None, lambda frame=frame: [frame])
        assert (plan.cuts, plan.reason) == ((), NO_REGION)
        assert clean_frame(frame, plan, blank=False) == []
        np.testing.assert_array_equal(whole_frame(frame, header(), None).picture, frame)


def test_nothing_is_looked_at_where_the_user_said_it():
    def samples():
        raise AssertionError("decoded for nothing")

    assert plan_cuts(header(), options(region=BOX), None, samples).cuts[0].box == BOX
    assert plan_cuts(header(), options(region=(0, 0, 999, 9)), None, samples).reason


def test_text_that_stands_in_a_clip_holds_the_frames_on_which_it_is_missed(screen):
    texts = ["PETROV P.", "", "PETROV P.", "", ""]
    samples = [screen(n, inside=text) for n, text in enumerate(texts)]
    plan = plan_cuts(header(frames=5), options(region=BOX), None, lambda: samples)
    assert len(plan.standing) == 1
    (clean,) = clean_frame(samples[1], plan, blank=False)
    assert clean.texts == plan.standing
    once = plan_cuts(header(frames=5), options(region=BOX), None, lambda: samples[1:])
    assert once.standing == ()


def test_a_clip_whose_samples_differ_in_size_has_no_region(screen):
    frames = [screen(0), screen(1)[:200]]
    assert plan_cuts(header(regions=()), options(), None, lambda: frames).reason == NO_REGION


def test_a_named_region_is_used_though_the_picture_is_dark():
    region = Region(BOX, (0.2, 0.2), "")
    plan = plan_cuts(header(regions=(region,)), options(), None, lambda: [np.zeros((240, 320), np.uint8)])
    assert (plan.cuts[0].box, plan.fan) == (BOX, None)


def test_a_frame_of_another_size_than_its_header_says(screen):
    with pytest.raises(IntakeError, match="not as large"):
        check_size(screen(0), header(size=(320, 240)))
