"""Lengths of masks: the table's are those that the pages show, and those of other libraries and of geometry."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from trus.app.exports.shape import shape_of

MEASURE = Path(__file__).parents[2] / "trus" / "app" / "static" / "js" / "measure"
Y, X = np.mgrid[:120, :160]
MASKS = {
    "disc": np.hypot(Y - 60, X - 70) < 40,
    "ring": (np.hypot(Y - 60, X - 70) < 40) & (np.hypot(Y - 60, X - 70) > 15),
    "turned ellipse": (((X - 80) + (Y - 60)) / 60) ** 2 + (((X - 80) - (Y - 60)) / 25) ** 2 < 1,
    "two parts": (np.hypot(Y - 30, X - 30) < 12) | (np.hypot(Y - 90, X - 130) < 9),
    "at the edge": (X < 9) & (Y > 100),
    "a pixel": (X == 5) & (Y == 7),
    "a row": (X > 20) & (X < 90) & (Y == 50),
}
SPACINGS = [(1.0, 1.0), (0.2, 0.1), (0.05, 0.31)]


def test_a_disc_is_measured_within_a_hundredth():
    shape = shape_of(np.hypot(Y - 60, X - 70) < 50, (0.2, 0.2))
    assert shape.perimeter == pytest.approx(2 * np.pi * 50 * 0.2, rel=0.01)
    assert shape.widest == pytest.approx(100 * 0.2, rel=0.01)
    assert shape.across == pytest.approx(100 * 0.2, rel=0.01)


def test_pixels_that_are_not_square_are_measured_as_they_lie():
    shape = shape_of(((X - 80) / 50) ** 2 + ((Y - 60) / 25) ** 2 < 1, (0.4, 0.1))
    assert (shape.widest, shape.across) == (pytest.approx(20, rel=0.02), pytest.approx(10, rel=0.02))


@pytest.mark.parametrize("name", MASKS)
def test_the_perimeter_is_scikit_images(name):
    from skimage.measure import perimeter_crofton

    assert shape_of(MASKS[name]).perimeter == pytest.approx(perimeter_crofton(MASKS[name], directions=4))


def test_an_empty_mask_has_no_lengths():
    shape = shape_of(np.zeros((5, 5), np.uint8))
    assert (shape.perimeter, shape.widest, shape.across) == (None, None, None)


@pytest.mark.skipif(shutil.which("node") is None, reason="runs the pages' own modules: node is not installed")
@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_pages_say_the_same(spacing):
    script = f"""
        import {{ measurePlane }} from {json.dumps((MEASURE / "shape.js").as_uri())};
        const {{ masks, spacing }} = JSON.parse(await new Response(process.stdin).text());
        const found = masks.map((rows) => {{
          const plane = Uint8Array.from(rows.flat()), size = {{ width: 160, height: 120 }};
          const found = measurePlane({{ spacing, regions: [], size: [120, 160] }}, plane, size);
          return [found.perimeter, found.widest.length, found.across.length];
        }});
        console.log(JSON.stringify(found));
    """
    given = json.dumps({"masks": [mask.astype(int).tolist() for mask in MASKS.values()], "spacing": spacing})
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for mask, theirs in zip(MASKS.values(), json.loads(done.stdout), strict=True):
        ours = shape_of(mask, spacing)
        assert [ours.perimeter, ours.widest, ours.across] == pytest.approx(theirs, rel=1e-9)
