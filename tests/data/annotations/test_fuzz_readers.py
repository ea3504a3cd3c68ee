"""Whatever is in a file: a reader gives an export whose frames can be asked for, or AnnotationError; nothing else."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.annotations import FORMATS
from trus.data.annotations.brush_rle import encode
from trus.data.annotations.exchange import ReadOptions
from trus.data.classes import Classes
from trus.errors import AnnotationError

GIVEN = ReadOptions(Classes.from_dict({"labels": {"1": "gland"}}))
SIZE = {"original_width": 8, "original_height": 6}
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["", "..", "/", "a.png", "polygon", "nan", "\0", "\ud800", "9" * 400]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
LABELME = {
    "version": "5.5.0",
    "shapes": [
        {"label": "gland", "points": [[0, 0], [4, 0], [4, 4]], "shape_type": "polygon", "group_id": None, "flags": {}},
        {"label": "gland", "points": [[0, 0], [4, 4]], "shape_type": "circle"},
        {"label": "gland", "points": [[0, 0], [3, 3]], "shape_type": "mask", "mask": "iVBORw0KGgo="},
    ],
    "imagePath": "a.png",
    "imageData": None,
    "imageHeight": 6,
    "imageWidth": 8,
}
POLYGON = {"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["gland"], "closed": True}
BRUSH = {"format": "rle", "rle": encode(np.ones((6, 8), bool)), "brushlabels": ["gland"]}
BOX = {"x": 1, "y": 2, "width": 50, "height": 5, "rotation": 3, "rectanglelabels": ["gland"]}
ELLIPSE = {"x": 1, "y": 2, "radiusX": 5, "radiusY": 5, "ellipselabels": ["gland"]}
LABEL_STUDIO = [
    {
        "id": 1,
        "annotations": [
            {
                "completed_by": {"id": 1, "email": "a@b"},
                "was_cancelled": False,
                "result": [
                    {"id": "r", "type": kind, "value": value, "image_rotation": 0, **SIZE}
                    for kind, value in (
                        ("polygonlabels", POLYGON),
                        ("brushlabels", BRUSH),
                        ("rectanglelabels", BOX),
                        ("ellipselabels", ELLIPSE),
                    )
                ],
            }
        ],
        "data": {"image": "/data/upload/1/abcd1234-a.png"},
        "file_upload": "a.png",
        "predictions": [],
    },
    {"image": "b.png", "annotator": 1, "label": [POLYGON | SIZE, BRUSH | SIZE]},
]
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><start_frame>0</start_frame><stop_frame>5</stop_frame>
<frame_filter>step=2</frame_filter><labels><label><name>gland</name></label></labels>
<original_size><width>8</width><height>6</height></original_size></task></meta>
<image id="0" name="a.png" width="8" height="6" subset="Train">
<polygon label="gland" points="0.00,0.00;4.00,0.00;4.00,4.00" z_order="1"/>
<box label="gland" xtl="1" ytl="1" xbr="3" ybr="3" rotation="5"/>
<ellipse label="gland" cx="1" cy="1" rx="3" ry="3" rotation="5"/>
<mask label="gland" rle="0, 2, 2" left="1" top="1" width="2" height="2"/><polyline label="gland" points="1,2"/></image>
<track id="0" label="gland"><box frame="0" outside="0" keyframe="1" xtl="1" ytl="1" xbr="3" ybr="3"/>
<polygon frame="4" outside="1" keyframe="1" points="0,0;1,1;2,0"/></track></annotations>"""


def tried(name: str, source: Path) -> None:
    """Read and draw everything; only AnnotationError may come out."""
    for options in (ReadOptions(), GIVEN):
        try:
            export = FORMATS[name].read(source, options)
        except AnnotationError:
            continue
        assert all(isinstance(line, str) and "\0" not in line for line in export.refused + export.notes)
        for frame in export.frames:
            assert isinstance(frame.name, str)
            assert not frame.name.startswith("/")
            assert ".." not in Path(frame.name).parts
            try:
                drawn = frame.draw() if frame.draw else []
            except AnnotationError:
                continue
            assert all(isinstance(item.name, str) and item.name for item in drawn)


def changed(document, place: random.Random, value):
    """A copy of a JSON document with one of its values, at any depth, replaced."""
    if isinstance(document, dict) and document and place.random() < 0.9:
        key = place.choice(sorted(document))
        return document | {key: changed(document[key], place, value)}
    if isinstance(document, list) and document and place.random() < 0.9:
        at = place.randrange(len(document))
        return [*document[:at], changed(document[at], place, value), *document[at + 1 :]]
    return value


@pytest.mark.parametrize(("name", "document"), [("labelme", LABELME), ("label-studio", LABEL_STUDIO)])
@given(seed=st.integers(0, 2**32), values=st.lists(VALUES, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_documents_with_wrong_values(name, document, seed, values, tmp_path_factory):
    place = random.Random(seed)
    for value in values:
        document = changed(document, place, value)
    source = tmp_path_factory.getbasetemp() / f"{name}.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    tried(name, source)


@pytest.mark.parametrize("name", ["labelme", "label-studio", "cvat"])
@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=40).map(lambda text: text.encode(errors="replace"))))
@settings(max_examples=100, deadline=None)
def test_any_bytes(name, content, tmp_path_factory):
    source = tmp_path_factory.getbasetemp() / f"any_{name}.{'xml' if name == 'cvat' else 'json'}"
    source.write_bytes(content)
    tried(name, source)


@given(cuts=st.lists(st.tuples(st.integers(0, len(CVAT) - 1), st.integers(0, 9), st.text(max_size=6)), max_size=4))
@settings(max_examples=100, deadline=None)
def test_xml_with_wrong_pieces(cuts, tmp_path_factory):
    text = CVAT
    for start, length, piece in cuts:
        text = text[:start] + piece + text[start + length :]
    source = tmp_path_factory.getbasetemp() / "fuzz.xml"
    source.write_bytes(text.encode(errors="replace"))
    tried("cvat", source)


NUMBERS = ["", "x", "nan", "inf", "-1", "0", "1e308", "-1e308", "9" * 30, "1,2", "1;2", "0.5", "٣", "1e9", "64000000"]


@given(seed=st.integers(0, 2**32), value=st.sampled_from(NUMBERS))
@settings(max_examples=100, deadline=None)
def test_xml_with_wrong_values(seed, value, tmp_path_factory):
    pieces = CVAT.split('"')
    inside = range(5, len(pieces), 2)
    pieces[random.Random(seed).choice(inside)] = value
    source = tmp_path_factory.getbasetemp() / "values.xml"
    source.write_text('"'.join(pieces), encoding="utf-8")
    tried("cvat", source)


@pytest.fixture(scope="module")
def volume(tmp_path_factory) -> dict[str, bytes]:
    """A small NIfTI and NRRD file."""
    array = np.zeros((2, 6, 8), np.uint8)
    array[:, 2:4, 2:5] = 1
    found = {}
    for suffix in ("nii", "nrrd"):
        path = tmp_path_factory.mktemp("made") / f"a.{suffix}"
        image = sitk.GetImageFromArray(array)
        image.SetMetaData("Segment0_Name", "gland")
        image.SetMetaData("Segment0_LabelValue", "1")
        sitk.WriteImage(image, str(path))
        found[suffix] = path.read_bytes()
    return found


@pytest.mark.parametrize("suffix", ["nii", "nrrd"])
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    end=st.one_of(st.none(), st.integers(0, 500)),
)
@settings(max_examples=100, deadline=None)
def test_volumes_with_wrong_bytes(suffix, changes, end, volume, tmp_path_factory):
    content = bytearray(volume[suffix])
    for at, value in changes:
        content[at % len(content)] = value
    source = tmp_path_factory.getbasetemp() / f"fuzz.{suffix}"
    source.write_bytes(bytes(content[:end]))
    tried("nifti", source)
