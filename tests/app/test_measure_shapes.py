"""What the page computes of masks and points, against scikit-image, geometry and the service's own scale."""

import math

import numpy as np
import pytest
from skimage.measure import label, regionprops

from trus.data.intake.source import Region
from trus.serving.segmentation import Scale

from .edit_modules import Modules, blobs, modules

__all__ = ["modules"]

SIZE = (120, 160)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
WHOLE = {"spacing": None, "regions": [], "size": SIZE}


def disc(radius: float, row: float, column: float, spacing: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Of a radius in mm, its centre in pixels."""
    return np.hypot((ROWS - row) * spacing[0], (COLUMNS - column) * spacing[1]) <= radius


def measured(modules: Modules, plane: np.ndarray, **about) -> dict:
    expression = "m.measurePlane(item, plane(mask), { width: item.size[1], height: item.size[0] })"
    return modules.call("measure/shape.js", expression, item=WHOLE | about, mask=plane)


@pytest.mark.parametrize("spacing", [(1, 1), (0.1, 0.1), (0.1, 0.2), (0.3, 0.1)])
def test_a_disc_is_measured_as_geometry_says(modules, spacing):
    radius = 40 * min(spacing)
    found = measured(modules, disc(radius, 60, 80, spacing), spacing=spacing)
    assert (found["unit"], found["areaUnit"], found["source"], found["parts"]) == ("mm", "mm2", "file", 1)
    assert found["area"] == pytest.approx(math.pi * radius**2, rel=0.01)
    assert found["perimeter"] == pytest.approx(2 * math.pi * radius, rel=0.02)
    assert found["widest"]["length"] == pytest.approx(2 * radius, rel=0.04)
    assert found["across"]["length"] == pytest.approx(2 * radius, rel=0.04)


def test_figures_are_those_of_scikit_image(modules):
    plane = blobs(np.random.default_rng(3), SIZE)
    found = measured(modules, plane)
    parts = regionprops(label(plane, connectivity=2))
    assert found["parts"] == len(parts)
    assert found["area"] == found["pixels"] == plane.sum()
    assert found["perimeter"] == pytest.approx(regionprops(plane.astype(int))[0].perimeter_crofton)
    assert found["widest"]["length"] == pytest.approx(max(parts, key=lambda part: part.area).feret_diameter_max)


def test_both_diameters_cross_at_a_right_angle_in_mm(modules):
    turned = (((COLUMNS - 80) + (ROWS - 60)) / 60) ** 2 + (((COLUMNS - 80) - (ROWS - 60)) / 25) ** 2 < 1
    found = measured(modules, turned, spacing=(0.2, 0.1))
    (a, b), (c, d) = [[found[which][end] for end in ("from", "to")] for which in ("widest", "across")]
    first = np.array([(b["x"] - a["x"]) * 0.1, (b["y"] - a["y"]) * 0.2])
    second = np.array([(d["x"] - c["x"]) * 0.1, (d["y"] - c["y"]) * 0.2])
    assert np.linalg.norm(first) == pytest.approx(found["widest"]["length"])
    assert np.linalg.norm(second) == pytest.approx(found["across"]["length"])
    assert abs(first @ second) < 1e-6


def test_an_empty_mask_has_no_diameters(modules):
    found = measured(modules, np.zeros(SIZE, bool))
    assert (found["pixels"], found["parts"], found["widest"], found["across"]) == (0, 0, None, None)


REGIONS = [
    {"box": [0, 0, 80, 120], "spacing": [0.1, 0.1], "spacing_note": ""},
    {"box": [80, 0, 160, 120], "spacing": [0.2, 0.2], "spacing_note": ""},
]


@pytest.mark.parametrize("column", [40, 120, 80])
def test_regions_have_their_own_scale(modules, column):
    plane = disc(20, 60, column)
    found = measured(modules, plane, regions=REGIONS)
    scale = Scale(None, tuple(Region(tuple(each["box"]), tuple(each["spacing"]), "") for each in REGIONS), "")
    assert (found["area"], found["areaUnit"]) == (pytest.approx(scale.area_mm2(plane)), "mm2")
    across_both = column == 80
    assert found["unit"] == ("px" if across_both else "mm")
    assert found["note"] == ("measure.note.outside" if across_both else None)


def test_a_region_without_a_scale_is_measured_in_pixels(modules):
    silent = [REGIONS[0], REGIONS[1] | {"spacing": None, "spacing_note": "the units of the region are not centimetres"}]
    found = measured(modules, disc(20, 60, 120), regions=silent)
    assert (found["unit"], found["areaUnit"]) == ("px", "px2")
    assert found["detail"] == silent[1]["spacing_note"]


def test_what_the_user_stated_never_overrules_the_file(modules):
    plane = disc(20, 60, 40)
    stated = measured(modules, plane, statedSpacing=[0.5, 0.5])
    assert (stated["unit"], stated["source"]) == ("mm", "stated")
    assert stated["area"] == plane.sum() * 0.25
    said = measured(modules, plane, statedSpacing=[0.5, 0.5], spacing=[0.1, 0.1])
    assert (said["source"], said["area"]) == ("file", pytest.approx(plane.sum() * 0.01))
    outside = measured(modules, disc(10, 60, 80), statedSpacing=[0.5, 0.5], regions=REGIONS)
    assert outside["unit"] == "px"


def figures(modules: Modules, kind: str, points: list[tuple[float, float]], **about) -> dict:
    measurement = {"id": "1", "type": kind, "points": [{"x": x, "y": y} for x, y in points]}
    return modules.call(
        "measure/measurement.js", "m.figures(item, one, () => undefined)", item=WHOLE | about, one=measurement
    )


def test_a_calliper_measures_in_mm_with_pixels_that_are_not_square(modules):
    found = figures(modules, "calliper", [(10, 10), (40, 50)], spacing=[0.1, 0.2])
    assert found["rows"] == [{"key": "length", "value": pytest.approx(math.hypot(30 * 0.2, 40 * 0.1)), "unit": "mm"}]
    in_pixels = figures(modules, "calliper", [(10, 10), (40, 50)])
    assert in_pixels["rows"][0] == {"key": "length", "value": pytest.approx(50), "unit": "px"}
    assert in_pixels["scale"]["note"] == "measure.note.unknown"


def test_an_angle_is_that_of_the_tissue_not_of_the_pixels(modules):
    square = figures(modules, "angle", [(20, 10), (10, 10), (20, 20)])
    assert square["rows"][0]["value"] == pytest.approx(45)
    flat = figures(modules, "angle", [(20, 10), (10, 10), (20, 20)], spacing=[0.3, 0.1])
    assert flat["rows"][0]["value"] == pytest.approx(math.degrees(math.atan(3)))


def test_an_ellipse_has_the_area_and_perimeter_of_geometry(modules):
    found = figures(modules, "ellipse", [(20, 60), (120, 60), (70, 90)], spacing=[0.2, 0.1])
    area, perimeter, axes = found["rows"]
    assert area["value"] == pytest.approx(math.pi * 5 * 6)
    turns = np.linspace(0, 2 * np.pi, 100001)
    assert perimeter["value"] == pytest.approx(
        np.hypot(np.diff(5 * np.cos(turns)), np.diff(6 * np.sin(turns))).sum(), 1e-4
    )
    assert (axes["value"], axes["second"]) == (pytest.approx(12), pytest.approx(10))


def volume(modules: Modules, spacings: tuple, stated: bool = False) -> dict:
    """Of callipers of 400 x 300 pixels in one frame and 350 in another."""

    def frame(name: str, spacing: list | None, lengths: list[int]) -> dict:
        callipers = [
            {"id": f"{name}{n}", "type": "calliper", "points": [{"x": 0, "y": 9}, {"x": length, "y": 9}]}
            for n, length in enumerate(lengths)
        ]
        where = {"statedSpacing" if stated else "spacing": spacing}
        return {"id": name, "regions": [], "size": [600, 800], "measurements": callipers, **where}

    frames = [frame("a", spacings[0], [400, 300]), frame("b", spacings[1], [350])]
    axes = [{"itemId": name[0], "measurementId": name} for name in ("a0", "a1", "b0")]
    made = {"id": "v", "type": "volume", "points": [], "axes": axes}
    expression = "m.figures(frames[0], made, (id) => frames.find((one) => one.id === id))"
    return modules.call("measure/measurement.js", expression, frames=frames, made=made)


def test_a_volume_is_that_of_an_ellipsoid_in_ml(modules):
    found = volume(modules, ([0.1, 0.1], [0.2, 0.2]))
    assert found["rows"] == [{"key": "volume", "value": pytest.approx(math.pi / 6 * 4 * 3 * 7), "unit": "mL"}]
    assert found["scale"]["source"] == "file"


def test_a_volume_needs_both_scales_and_says_who_stated_them(modules):
    unknown = volume(modules, ([0.1, 0.1], None))
    assert unknown["rows"][0]["value"] is None
    assert unknown["scale"]["note"] == "measure.note.volume"
    assert volume(modules, ([0.1, 0.1], [0.1, 0.1]), stated=True)["scale"]["source"] == "stated"


@pytest.mark.parametrize(("most", "nice"), [(9.9, 5), (10, 10), (0.3, 0.2), (199, 100), (1.99, 1)])
def test_a_scale_bar_has_a_round_length(modules, most, nice):
    assert modules.call("measure/ruler.js", "m.niceBelow(most)", most=most) == pytest.approx(nice)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0,12", 0.12), (" 0.5 ", 0.5), ("", None), ("0", None), ("abc", None), ("-1", None), ("99", None)],
)
def test_a_spacing_is_read_with_a_comma_or_a_point(modules, text, value):
    assert modules.call("measure/spacing_dialog.js", "m.readNumber(text)", text=text) == value
