"""Roboflow's exports as it writes them: names with hashes, a placeholder category, masks with a list of classes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.annotations.exchange import FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.objects import compose
from trus.data.annotations.roboflow import (
    original_name,
    read_roboflow_coco,
    read_roboflow_masks,
    readme_notes,
    write_roboflow_coco,
)
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.errors import AnnotationError

EXPORTS = Path(__file__).parents[4] / "shared" / "data" / "annotation_exports"
HASH = "f3b9" * 8
CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
README = """
The dataset includes 1560 images.
Roaddhcn are annotated in PNG Masks For Semantic Segmentation format.

The following pre-processing was applied to each image:
* Auto-orientation of pixel data (with EXIF-orientation stripping)
* Resize to 640x640 (Fit (black edges))
* Auto-contrast via adaptive equalization

The following augmentation was applied to create 3 versions of each source image:
* 50% probability of horizontal flip
* Salt and pepper noise was applied to 1.1 percent of pixels

"""


def hashed(name: str, suffix: str = "jpg") -> str:
    return f"{name}.rf.{HASH}.{suffix}"


@pytest.mark.parametrize(
    ("name", "original"),
    [
        (hashed("frame_0599_jpg"), "frame_0599.jpg"),
        (hashed("frame_0599_png"), "frame_0599.png"),
        (hashed("swiss_IMG_8709-JPG_jpeg"), "swiss_IMG_8709-JPG.jpeg"),
        (hashed("P 01 [a] (2)_PNG"), "P 01 [a] (2).PNG"),
        (hashed("кадр_tiff"), "кадр.tiff"),
        (hashed("a.b_jpg"), "a.b.jpg"),
        (hashed("frame"), "frame.jpg"),
        ("frame_jpg.rf.AbCdEfGh01234567wXyZ.jpg", "frame.jpg"),
        ("frame_jpg.rf.12.jpg", "frame_jpg.rf.12.jpg"),
        ("frame_0599.png", "frame_0599.png"),
        ("frame_jpg.jpg", "frame_jpg.jpg"),
        ("", ""),
    ],
)
def test_the_original_name_is_found(name, original):
    assert original_name(name) == original


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_name_has_an_original(name):
    assert isinstance(original_name(name), str)
    assert original_name(hashed(name + "a_png")) == name + "a.png"


def put(folder: Path, names, annotations=(), extra=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = [{"id": k, "file_name": name, "width": 12, "height": 10} for k, name in enumerate(names)]
    for image in images:
        write_image(folder / image["file_name"], np.zeros((10, 12), np.uint8))
        if extra:
            image["extra"] = {"name": extra}
    categories = [
        {"id": 0, "name": "prostate-h80V", "supercategory": "none"},
        {"id": 1, "name": "gland", "supercategory": "prostate-h80V"},
    ]
    content = {"images": images, "annotations": [*annotations], "categories": categories}
    (folder / "_annotations.coco.json").write_text(json.dumps(content), encoding="utf-8")


SQUARE = {"id": 0, "image_id": 0, "category_id": 1, "segmentation": [[2, 2, 6, 2, 6, 6, 2, 6]]}


def test_three_parts_with_a_placeholder_and_hashed_names(tmp_path):
    for part in ("train", "valid", "test"):
        put(tmp_path / part, [hashed(f"{part}_1_jpg"), hashed(f"{part}_2_jpg")], [SQUARE])
    (tmp_path / "README.roboflow.txt").write_text(README, encoding="utf-8")
    export = read_roboflow_coco(tmp_path, ReadOptions())
    assert export.classes.labels == {0: "background", 1: "gland"}
    assert [(f.name, f.split) for f in export.frames[::2]] == [
        (hashed("test_1_jpg"), "test"), (hashed("train_1_jpg"), "train"), (hashed("valid_1_jpg"), "train"),
    ]  # fmt: skip
    assert all(frame.image.name == frame.name for frame in export.frames)
    assert [len(frame.draw()) for frame in export.frames] == [1, 0] * 3
    assert export.refused == []
    assert [line for line in export.notes if "placeholder" in line] == [
        "category 'prostate-h80V' (id 0): a placeholder that nothing is drawn with, left out"
    ]
    assert any("Resize to 640x640 (Fit (black edges))" in line for line in export.notes)


def test_one_part_alone_is_no_split_whether_it_is_named_or_lies_in_a_folder(tmp_path):
    put(tmp_path / "test", [hashed("a_jpg")], [SQUARE])
    for source in (tmp_path, tmp_path / "test", tmp_path / "test" / "_annotations.coco.json"):
        (frame,) = read_roboflow_coco(source, ReadOptions()).frames
        assert frame.split is None


def test_the_placeholder_stays_where_it_was_drawn_with(tmp_path):
    put(tmp_path, ["a.jpg"], [SQUARE | {"category_id": 0}])
    export = read_roboflow_coco(tmp_path, ReadOptions())
    assert export.classes.labels == {0: "background", 1: "prostate-h80V", 2: "gland"}
    assert export.frames[0].draw()[0].name == "prostate-h80V"


@pytest.mark.parametrize(
    ("extra", "image_id"),
    [("213.jpg", "213"), ("100122_jpg", "100122"), ("кадр 1 [a].PNG", "кадр 1 [a]"), ("../../x.png", "x"),
     ("sub\\x.png", "x"), ("..", None), ("a\nb.png", None), (5, None), (None, None)],
)  # fmt: skip
def test_the_original_name_is_taken_where_the_export_states_it(extra, image_id, tmp_path):
    put(tmp_path, [hashed("-1-a-_png")], extra=extra)
    assert read_roboflow_coco(tmp_path, ReadOptions()).frames[0].image_id == image_id


def test_what_is_said_of_the_pictures_becomes_notes(tmp_path):
    (tmp_path / "README.roboflow.txt").write_text(README, encoding="utf-8")
    way_out = "; lay the drawings onto the original frames by --manifest"
    assert readme_notes(tmp_path) == [
        "Roboflow changed every picture: Resize to 640x640 (Fit (black edges))" + way_out,
        "Roboflow changed every picture: Auto-contrast via adaptive equalization" + way_out,
        "Roboflow made 3 versions of each picture: 50% probability of horizontal flip; "
        "Salt and pepper noise was applied to 1.1 percent of pixels",
    ]
    assert readme_notes(tmp_path / "train") == readme_notes(tmp_path)
    (tmp_path / "README.roboflow.txt").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in readme_notes(tmp_path)[0]


def test_a_folder_of_something_else_is_refused(tmp_path):
    for read in (read_roboflow_coco, read_roboflow_masks):
        with pytest.raises(AnnotationError, match="in it, nor in its folders train, valid and test"):
            read(tmp_path, ReadOptions())
    (tmp_path / "_annotations.coco.json").write_text("[1]")
    with pytest.raises(AnnotationError, match="is no COCO document"):
        read_roboflow_coco(tmp_path, ReadOptions())


def test_an_upload_comes_back_exactly(hard_labels, tmp_path):
    def outgoing(name, labels):
        size = (90, 120) if labels is None else labels.shape
        picture = np.zeros(size, np.uint8)
        return FrameOut(name, name.replace("/", "__") + ".png", size, lambda: labels, lambda p: write_image(p, picture))

    frames = [outgoing(name, labels) for name, labels in hard_labels.items()]
    notes = write_roboflow_coco(frames, CLASSES, tmp_path, WriteOptions("rle", 0))
    assert "Roboflow takes polygons only: polygons were written" in notes
    content = json.loads((tmp_path / "_annotations.coco.json").read_text(encoding="utf-8"))
    assert all(isinstance(entry["segmentation"], list) for entry in content["annotations"])
    export = read_roboflow_coco(tmp_path, ReadOptions())
    assert export.classes.labels == CLASSES.labels
    assert len(export.frames) == len(hard_labels)
    for frame, outgoing_frame in zip(export.frames, frames, strict=True):
        labels = outgoing_frame.labels()
        assert frame.name == outgoing_frame.file_name
        assert frame.image == tmp_path / frame.name
        if labels is None:
            assert frame.draw is None
        else:
            assert (compose(frame.draw(), CLASSES, frame.size)[0] == labels).all()


@pytest.mark.real_data
@pytest.mark.skipif(not EXPORTS.is_dir(), reason=f"{EXPORTS} is not there")
@pytest.mark.parametrize(
    ("read", "folder", "frames", "objects", "classes"),
    [
        (read_roboflow_coco, "roboflow_coco_DUSS", 66, 81, ["ulcer"]),
        (read_roboflow_masks, "roboflow_semantic_DHCN", 120, 718, None),
        (read_roboflow_masks, "roboflow_semantic_kz", 9, 48, None),
    ],
)
def test_real_exports(read, folder, frames, objects, classes):
    export = read(EXPORTS / folder, ReadOptions())
    assert export.refused == []
    assert (len(export.frames), sum(len(frame.draw()) for frame in export.frames)) == (frames, objects)
    assert classes is None or [*export.classes.targets] == classes
    assert all(frame.image.is_file() and original_name(frame.name) != frame.name for frame in export.frames)


@pytest.mark.real_data
@pytest.mark.skipif(not EXPORTS.is_dir(), reason=f"{EXPORTS} is not there")
def test_cvats_sample_of_a_roboflow_export():
    export = read_roboflow_coco(EXPORTS / "cvat/tests/assets/coco_dataset/coco_roboflow", ReadOptions())
    box, drawn = export.frames
    with pytest.raises(AnnotationError, match="has no outline, only a box"):
        box.draw()
    labels, notes = compose(drawn.draw(), export.classes, drawn.size)
    assert np.bincount(labels.ravel()).tolist() == [30, 0, 20]  # b's run-length mask covers the 2 px of a's rectangle
    assert notes == ["b lies over a on 2 px; they are b now"]
