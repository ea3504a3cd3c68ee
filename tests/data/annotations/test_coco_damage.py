"""Damaged and hostile COCO files: each thing wrong is refused in words, bounded, and the rest goes on."""

import contextlib
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.annotations.coco import read_coco
from trus.data.annotations.exchange import Export, ReadOptions
from trus.data.images import write_image
from trus.errors import AnnotationError

from .made_coco import CATEGORIES, SQUARE, note, only, put


def test_everything_wrong_is_told_and_the_rest_goes_on(tmp_path):
    images = [
        {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
        {"id": 2, "file_name": "../../etc/passwd.png"},
        {"id": 3, "file_name": "twice.png"},
        {"id": 3, "file_name": "twice too.png"},
        {"id": 4, "file_name": "big.png", "width": 10**6, "height": 10**6},
        {"id": 5, "file_name": 7},
        {"file_name": "no id.png"},
        "nothing",
        {"id": 6, "file_name": "b.png"},
    ]
    annotations = [note([SQUARE]), note([SQUARE], 2, image=77), note([SQUARE], 3, image=77), "x", note([], 4, image=6)]
    export = read_coco(put(tmp_path / "c.json", images, annotations), ReadOptions())
    assert [frame.name for frame in export.frames] == ["a.png", "b.png"]
    assert only(Export(export.classes, export.frames[:1])).sum() == 16
    with pytest.raises(AnnotationError, match=r"annotation 4: has no outline, only a box"):
        export.frames[1].draw()
    text = "\n".join(export.refused)
    for part in (
        "image 2: file name '../../etc/passwd.png' leads out of the export",
        "2 images have the id 3: 'twice.png', 'twice too.png'; none is taken over",
        "image 4: states a size of 1000000x1000000 px",
        "image 5: names its picture 7",
        "image number 7 has no id",
        "image number 8 has no id",
        "annotation number 4 belongs to no image",
        "annotations of images that it does not list, or lists twice: 2 object(s) of image 77",
    ):
        assert part in text
    assert len(export.refused) == 8


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[2, 2, 6, 2]], "has 2 point"),
        ([[2, 2, 6, 2, 6, float("nan")]], "no number"),
        ([SQUARE, "x"], "not numbers"),
        ({"size": [10, 12], "counts": [7]}, "its runs cover 7 px"),
        ({"size": [10**9, 10**9], "counts": [7]}, "at most 64000000"),
        ({"size": 4, "counts": [7]}, "has the size 4"),
        ({"counts": "00"}, "has the size None"),
        (None, "only a box"),
    ],
)
def test_an_object_that_cannot_be_read_refuses_its_frame(segmentation, message, tmp_path):
    annotations = [note([SQUARE]), note(segmentation, "№ 5")]
    (frame,) = read_coco(put(tmp_path / "c.json", annotations=annotations), ReadOptions()).frames
    with pytest.raises(AnnotationError, match=f"annotation '№ 5': .*{message}"):
        frame.draw()


def test_categories_that_share_an_id_refuse_the_frames_drawn_with_it(tmp_path):
    categories = [*CATEGORIES, {"id": 1, "name": "cyst"}]
    export = read_coco(put(tmp_path / "c.json", annotations=[note([SQUARE])], categories=categories), ReadOptions())
    assert "categories 'gland' and 'cyst' share id 1" in export.refused[0]
    with pytest.raises(AnnotationError, match="category 1 is not listed"):
        export.frames[0].draw()


def test_masks_that_would_not_fit_in_memory_are_refused(tmp_path):
    drawing = {"size": [8000, 8000], "counts": [64_000_000]}
    path = put(tmp_path / "c.json", annotations=[note(drawing, number) for number in range(7)])
    export = read_coco(path, ReadOptions())
    assert export.frames == []
    assert "its masks have 448000000 px together; at most 400000000 are read" in export.refused[0]


def test_a_size_written_as_a_decimal_number_is_taken(tmp_path):
    image = {"id": 1.0, "file_name": "a.png", "width": 12.0, "height": 10.0}
    export = read_coco(put(tmp_path / "c.json", [image], [note([SQUARE])]), ReadOptions())
    assert (export.frames[0].size, export.refused) == ((10, 12), [])
    assert only(export).sum() == 16


def test_an_unlisted_category_refuses_its_frame(tmp_path):
    (frame,) = read_coco(put(tmp_path / "c.json", annotations=[note([SQUARE], category=9)]), ReadOptions()).frames
    with pytest.raises(AnnotationError, match="category 9 is not listed"):
        frame.draw()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"images": [', "not valid JSON"),
        ("{}", "holds no COCO JSON"),
        ('{"images": 1, "annotations": {}, "categories": "x"}', "no class is known"),
        ("\x00\xff", "holds no COCO JSON"),
    ],
)
def test_what_is_no_coco_file_is_refused(content, message, tmp_path):
    (tmp_path / "c.json").write_text(content, encoding="latin-1")
    with pytest.raises(AnnotationError, match=message):
        read_coco(tmp_path / "c.json", ReadOptions())


def test_links_out_of_the_export_are_not_followed(tmp_path):
    write_image(tmp_path / "secret" / "a.png", np.zeros((10, 12), np.uint8))
    put(tmp_path / "set" / "c.json")
    (tmp_path / "set" / "a.png").symlink_to(tmp_path / "secret" / "a.png")
    assert read_coco(tmp_path / "set", ReadOptions()).frames[0].image is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([1, "a.png", "../x"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "size", "counts"]), inner)
    ),
    max_leaves=8,
)


@st.composite
def damaged(draw: Callable) -> dict:
    """A good document with some of its values replaced by anything."""
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 12, "height": 10, "license": 1}],
        "annotations": [note([SQUARE]), note({"size": [10, 12], "counts": [100, 20]}, 2)],
        "categories": [{"id": 1, "name": "gland"}],
        "licenses": [{"id": 1, "name": "CC"}],
    }
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from([*content]))
        entry = content[key][0] if isinstance(content[key], list) and content[key] else None
        if isinstance(entry, dict) and draw(st.integers(0, 4)):
            entry[draw(st.sampled_from([*entry, "annotated"]))] = draw(VALUES)
        else:
            content[key] = draw(VALUES)
    return content


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged() | VALUES)
def test_any_damage_is_refused_in_words(tmp_path, content):
    (tmp_path / "c.json").write_text(json.dumps(content))
    with contextlib.suppress(AnnotationError):
        for frame in read_coco(tmp_path / "c.json", ReadOptions()).frames:
            with contextlib.suppress(AnnotationError):
                for item in frame.draw() if frame.draw else ():
                    assert isinstance(item.name, str)
