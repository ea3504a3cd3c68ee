"""Roboflow's semantic masks with their list of classes."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.objects import compose
from trus.data.annotations.roboflow import read_roboflow_masks
from trus.data.images import write_image
from trus.errors import AnnotationError

HASH = "f3b9" * 8


def hashed(name: str, suffix: str = "jpg") -> str:
    return f"{name}.rf.{HASH}.{suffix}"


def put_masks(folder: Path, classes="Pixel Value, Class\n0, background\n1, gland\n2, Cow statue, big\n") -> np.ndarray:
    labels = np.zeros((10, 12), np.uint8)
    labels[2:6, 2:6] = 1
    labels[3, 3] = 2
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("a_jpg", "пусто_jpg"):
        write_image(folder / hashed(name), labels)
    write_image(folder / hashed("nobody_jpg"), labels)
    write_image(folder / hashed("a_jpg", "jpg").replace(".jpg", "_mask.png"), labels)
    write_image(folder / hashed("пусто_jpg", "jpg").replace(".jpg", "_mask.png"), labels * 0)
    (folder / "_classes.csv").write_text(classes, encoding="utf-8")
    return labels


def test_semantic_masks_are_read(tmp_path):
    labels = put_masks(tmp_path / "train")
    put_masks(tmp_path / "test")
    export = read_roboflow_masks(tmp_path, ReadOptions())
    assert export.classes.labels == {0: "background", 1: "gland", 2: "Cow statue, big"}
    test, train = export.frames[:3], export.frames[3:]
    assert [frame.name for frame in train] == [hashed("a_jpg"), hashed("nobody_jpg"), hashed("пусто_jpg")]
    assert {frame.split for frame in test} == {"test"}
    assert {frame.split for frame in train} == {"train"}
    assert train[1].draw is None
    assert train[2].draw() == []
    assert (compose(train[0].draw(), export.classes, train[0].size)[0] == labels).all()
    assert train[0].image == tmp_path / "train" / hashed("a_jpg")


def test_two_pictures_of_one_mask_are_refused_not_guessed(tmp_path):
    put_masks(tmp_path)
    write_image(tmp_path / hashed("a_jpg", "png"), np.zeros((10, 12), np.uint8))
    export = read_roboflow_masks(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == [hashed("nobody_jpg"), hashed("пусто_jpg")]
    assert "share one annotation; rename all but one" in export.refused[0]


def test_a_mask_without_its_picture_is_kept(tmp_path):
    put_masks(tmp_path)
    (tmp_path / hashed("a_jpg")).unlink()
    frame = read_roboflow_masks(tmp_path, ReadOptions()).frames[0]
    assert (frame.name, frame.image, frame.size) == (hashed("a_jpg", "png"), None, (10, 12))


def test_labels_without_a_name_and_damaged_masks_are_refused(tmp_path):
    put_masks(tmp_path, "Pixel Value, Class\n0, background\n1, gland\n")
    (tmp_path / hashed("пусто_jpg").replace(".jpg", "_mask.png")).write_text("no picture")
    export = read_roboflow_masks(tmp_path, ReadOptions())
    with pytest.raises(AnnotationError, match=r"holds labels \[2\] that _classes\.csv does not name"):
        export.frames[0].draw()
    assert len(export.refused) == 1
    assert "cannot be read as an image" in export.refused[0]
    assert [frame.name for frame in export.frames] == [hashed("a_jpg"), hashed("nobody_jpg")]


@pytest.mark.parametrize(
    "classes",
    ["", "a, b\nx, gland\n", "a, b\n300, gland\n", "a, b\n1, gland\n1, lesion\n", "a\n1\n", "a, b\n1, \n", "\xff"],
)
def test_a_list_of_classes_that_says_nothing_is_refused(classes, tmp_path):
    put_masks(tmp_path)
    (tmp_path / "_classes.csv").write_text(classes, encoding="latin-1")
    with pytest.raises(AnnotationError, match=r"_classes\.csv"):
        read_roboflow_masks(tmp_path, ReadOptions())


HEADINGS = "pre-processing was applied\n* Resize\n\naugmentation was applied to create 3 versions\n* flip\n"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="0123456789, \"'\nabc\x00é", max_size=60), st.text(max_size=60))
def test_any_list_of_classes_or_readme_is_read_or_refused(tmp_path, classes, readme):
    (tmp_path / "_classes.csv").write_text(classes, encoding="utf-8", errors="replace")
    (tmp_path / "README.roboflow.txt").write_text(HEADINGS + readme, encoding="utf-8", errors="replace")
    with contextlib.suppress(AnnotationError):
        assert read_roboflow_masks(tmp_path, ReadOptions()).frames == []
