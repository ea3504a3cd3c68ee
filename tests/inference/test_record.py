"""What is said of a predicted frame, and how it is shown."""

import numpy as np
import pytest

from trus.data.classes import Classes
from trus.inference.overlay import PALETTE, class_colour, display, draw_overlay
from trus.inference.predictor import Prediction
from trus.inference.record import describe

CLASSES = Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}})


def record(labels: np.ndarray, spacing=None) -> dict:
    probabilities = np.stack([np.where(labels > 0, 0.8, 0.1), np.where(labels == 2, 0.6, 0.2)]).astype(np.float32)
    described = describe(Prediction(labels.astype(np.uint8), probabilities), CLASSES, [0.5, 0.4], spacing)
    return described | {entry["class"]: entry for entry in described["classes"]}


@pytest.fixture
def labels() -> np.ndarray:
    """20 x 30: a gland of 10 x 12 pixels with a lesion of 3 x 4 in it, and 2 gland pixels that touch nothing."""
    labels = np.zeros((20, 30), np.uint8)
    labels[4:14, 6:18] = 1
    labels[6:9, 8:12] = 2
    labels[18, 28:30] = 1
    return labels


def test_areas_boxes_components_and_probabilities(labels):
    described = record(labels)
    assert (described["height"], described["width"]) == (20, 30)
    gland, lesion = described["gland"], described["lesion"]
    assert (gland["area_px"], lesion["area_px"]) == (122, 12)  # the gland contains its lesion
    assert (gland["bounding_box"], lesion["bounding_box"]) == ([6, 4, 30, 19], [8, 6, 12, 9])
    assert (gland["components"], lesion["components"]) == (2, 1)
    assert (gland["mean_probability"], lesion["mean_probability"]) == (0.8, 0.6)
    assert (gland["threshold"], lesion["threshold"]) == (0.5, 0.4)
    assert gland["area_mm2"] is None


def test_mm2_are_pixels_times_row_and_column_spacing(labels):
    assert record(labels, (0.2, 0.25))["gland"]["area_mm2"] == pytest.approx(122 * 0.2 * 0.25)


def test_nothing_found_is_said_so():
    entry = record(np.zeros((5, 5)), (0.1, 0.1))["lesion"]
    assert (entry["area_px"], entry["area_mm2"], entry["components"]) == (0, 0, 0)
    assert entry["bounding_box"] is None
    assert entry["mean_probability"] is None


def test_pixels_that_touch_at_a_corner_are_one_component():
    labels = np.zeros((5, 5))
    labels[1, 1] = labels[2, 2] = 2
    assert record(labels)["lesion"]["components"] == 1


def test_an_overlay_fills_and_contours_inside_only(labels):
    frame = np.full((20, 30), 100, np.uint8)
    overlay = draw_overlay(frame, CLASSES.planes(labels))
    assert overlay.shape == (20, 30, 3)
    assert overlay.dtype == np.uint8
    assert (overlay[0, 0] == 100).all()
    assert (overlay[12, 12] != 100).any()  # faint fill
    assert np.abs(overlay[4, 6].astype(int) - PALETTE[0]).max() < 60  # contour
    assert (frame == 100).all()


def test_frames_are_shown_as_8_bit_rgb():
    wide = np.array([[1000, 2000, 3000]], np.uint16)
    assert display(wide)[0, :, 0].tolist() == [0, 127, 255]
    assert display(np.full((2, 2), 7, np.uint16)).max() == 0
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    assert (display(rgb) == rgb).all()


def test_neighbouring_classes_differ_in_colour():
    colours = [class_colour(index) for index in range(len(PALETTE) + 1)]
    assert len(set(colours[:-1])) == len(PALETTE)
    assert colours[-1] == colours[0]
