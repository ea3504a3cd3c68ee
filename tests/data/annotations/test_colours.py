"""Masks in colours: what a colour means, and colours that mean nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.classes import Classes
from trus.data.images import read_mask
from trus.errors import AnnotationError

from .made_masks import NERVE_VESSEL, import_masks

COLOUR_MAPS = {
    "colormap.csv": "name, r, g, b\nbackground,0,0,0\nnerve,255,0,0\nvessel, 0,255,0\n",
    "colormap.json": json.dumps({"nerve": [255, 0, 0], "vessel": "#00ff00"}),
    "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:0,0,0::\nnerve:255,0,0::\nvessel:0,255,0::\n",
}


def colour(data: Path, mode: str) -> None:
    for path in [*(data / "masks").rglob("*.png"), *(data / "masks").rglob("*.tif")]:
        labels = read_mask(path)
        picture = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        picture.convert(mode).save(path) if mode != "P" else picture.save(path)


@pytest.mark.parametrize("name", COLOUR_MAPS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("where", [".", "masks"])
def test_colours_are_named_by_a_colour_map(data, out, name, mode, where):
    expected = read_mask(data / "masks" / "P1_a.png")
    colour(data, mode)
    (data / where / name).write_text(COLOUR_MAPS[name])
    summary = import_masks(data, out)
    assert summary.classes == NERVE_VESSEL
    assert not summary.refused
    assert (read_mask(out / "masks" / "P1_a.png") == expected).all()


def test_colours_take_the_labels_of_the_classes_given(data, out):
    colour(data, "RGB")
    (data / "colormap.csv").write_text(COLOUR_MAPS["colormap.csv"])
    import_masks(data, out, classes=Classes.from_dict({"labels": {"4": "vessel", "9": "nerve"}}))
    assert set(np.unique(read_mask(out / "masks" / "P1_a.png"))) == {0, 4, 9}


def test_a_colour_that_is_not_in_the_map_refuses_its_frame(data, out):
    colour(data, "RGB")
    smooth = np.asarray(Image.open(data / "masks" / "P1_a.png")).copy()
    smooth[0, 0] = (128, 1, 2)
    Image.fromarray(smooth).save(data / "masks" / "P1_a.png")
    (data / "colormap.csv").write_text(COLOUR_MAPS["colormap.csv"])
    summary = import_masks(data, out)
    assert summary.frames == 2
    assert "P1_a.png: 1 px in 1 colour(s) that the colour map does not name, mostly 128,1,2" in summary.refused[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("colormap.csv", "nerve,1\n"),
        ("colormap.csv", "nerve,1,2,300\n"),
        ("colormap.csv", "nerve,1,2,3\nvessel,1,2,3\n"),
        ("colormap.csv", "background,0,0,0\n"),
        ("colormap.csv", "\0"),
        ("colormap.json", "[" * 100_000),
        ("colormap.json", '{"nerve": "no colour"}'),
        ("colormap.json", "3"),
        ("labelmap.txt", "nerve:1,2::\n"),
    ],
)
def test_a_colour_map_that_cannot_be_read_is_named(data, out, name, text):
    (data / name).write_text(text)
    with pytest.raises(AnnotationError, match=name):
        import_masks(data, out)
    assert not out.exists()
