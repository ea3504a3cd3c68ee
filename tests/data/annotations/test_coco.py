"""COCO files: what tools write is read, what is damaged is refused by line, and what is written pycocotools reads."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from trus.data.annotations.coco import read_coco
from trus.data.annotations.coco_writer import write_coco
from trus.data.annotations.exchange import Export, FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.annotations.objects import compose, objects_of
from trus.data.annotations.rle import compress, encode
from trus.data.classes import Classes
from trus.data.images import write_image

from .made_coco import SQUARE, note, only, put

CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
EXPORTS = Path(__file__).parents[4] / "shared" / "data" / "annotation_exports"


def outgoing(masks) -> list[FrameOut]:
    def frame(name, labels):
        size = (90, 120) if labels is None else labels.shape
        picture = np.full(size, len(name), np.uint8)
        return FrameOut(name, name.replace("/", "__") + ".png", size, lambda: labels, lambda p: write_image(p, picture))

    return [frame(name, labels) for name, labels in masks.items()]


def by_name(export: Export, classes: Classes = CLASSES) -> dict[str, np.ndarray | None]:
    assert export.refused == []
    return {f.name: None if f.draw is None else compose(f.draw(), classes, f.size)[0] for f in export.frames}


def flat(masks):
    return {name.replace("/", "__") + ".png": labels for name, labels in masks.items()}


def assert_same(found, masks) -> None:
    assert set(found) == set(masks)
    for name, labels in masks.items():
        assert (found[name] is None) if labels is None else (found[name] == labels).all(), name


@pytest.mark.parametrize("options", [WriteOptions("rle"), WriteOptions("polygon", 0)], ids=["rle", "polygon"])
def test_hard_masks_come_back_exactly(options, hard_labels, tmp_path):
    notes = write_coco(outgoing(hard_labels), CLASSES, tmp_path, options)
    assert any("1 frame(s) without annotation: COCO cannot say so" in line for line in notes)
    export = read_coco(tmp_path, ReadOptions())
    assert export.classes.labels == CLASSES.labels
    assert_same(by_name(export), flat(hard_labels))
    assert all(frame.image == tmp_path / "images" / frame.name for frame in export.frames)


def test_outlines_with_a_tolerance_stay_close(hard_labels, tmp_path):
    notes = write_coco(outgoing(hard_labels), CLASSES, tmp_path, WriteOptions("polygon", 0.5))
    assert any("object(s) with holes" in line for line in notes)
    found = by_name(read_coco(tmp_path, ReadOptions()))
    for name, labels in flat(hard_labels).items():
        for value in () if labels is None else np.unique(labels).tolist():
            one, other = labels == value, found[name] == value
            assert 2 * (one & other).sum() / (one.sum() + other.sum()) > 0.93, (name, value)


@pytest.mark.parametrize("options", [WriteOptions("rle"), WriteOptions("polygon", 0)], ids=["rle", "polygon"])
def test_pycocotools_reads_the_same_planes(options, hard_labels, tmp_path):
    write_coco(outgoing(hard_labels), CLASSES, tmp_path, options)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "annotations.json"))
    assert {entry["id"]: entry["name"] for entry in coco.loadCats(coco.getCatIds())} == {
        2: "gland", 5: "lesion", 7: "вена 1"
    }  # fmt: skip
    assert sorted(coco.getAnnIds()) == [*range(1, len(coco.getAnnIds()) + 1)]
    for image in coco.loadImgs(coco.getImgIds()):
        labels = flat(hard_labels)[image["file_name"]]
        objects = [] if labels is None else [*objects_of(labels, CLASSES)]
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert len(annotations) == len(objects)
        for item, entry in zip(objects, annotations, strict=True):
            assert (coco.annToMask(entry).astype(bool) == item.plane).all()
            assert entry["area"] == item.plane.sum()
            x, y, width, height = entry["bbox"]
            assert item.plane[y : y + height, x : x + width].sum() == entry["area"]
            assert item.plane[y].any()
            assert item.plane[:, x].any()


@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: encode(PLANE)], ids=["compressed", "plain"])
def test_run_lengths_are_read_in_both_forms(wrap, tmp_path):
    drawing = {"size": [10, 12], "counts": wrap(compress(encode(PLANE)))}
    export = read_coco(put(tmp_path / "c.json", annotations=[note(drawing) | {"iscrowd": 1}]), ReadOptions())
    assert isinstance(export.frames[0].draw()[0], Painted)
    assert (only(export) == PLANE).all()


PLANE = np.indices((10, 12)).sum(axis=0) % 3 == 0


def test_polygons_of_one_object_are_united(tmp_path):
    drawing = [SQUARE, [4, 4, 8, 4, 8, 8, 4, 8]]
    assert only(read_coco(put(tmp_path / "c.json", annotations=[note(drawing)]), ReadOptions())).sum() == 28
    assert only(read_coco(put(tmp_path / "c.json", annotations=[note(SQUARE)]), ReadOptions())).sum() == 16


@pytest.mark.parametrize(
    ("categories", "labels", "remark"),
    [
        ([(3, "gland"), (90, "lesion")], {0: "background", 3: "gland", 90: "lesion"}, None),
        ([(0, "gland"), (1, "lesion")], {0: "background", 1: "gland", 2: "lesion"}, "0 gland -> 1, 1 lesion -> 2"),
        ([(7, "gland"), (1000, "l")], {0: "background", 1: "gland", 2: "l"}, "7 gland -> 1, 1000 l -> 2"),
        ([("g", "gland")], {0: "background", 1: "gland"}, "'g' gland -> 1"),
        ([(1, "gland"), (2, "gland")], {0: "background", 1: "gland"}, "1 gland -> 1, 2 gland -> 1"),
        ([(0, "_background_"), (1, "gland")], {0: "background", 1: "gland"}, None),
    ],
)
def test_category_ids_become_label_values(categories, labels, remark, tmp_path):
    listing = [{"id": key, "name": name} for key, name in categories]
    drawn = [note([SQUARE], k, category=key) for k, (key, name) in enumerate(categories) if "_" not in name]
    export = read_coco(put(tmp_path / "c.json", annotations=drawn, categories=listing), ReadOptions())
    assert export.classes.labels == labels
    assert export.notes == ([f"categories became label values: {remark}"] if remark else [])
    assert {item.name for item in export.frames[0].draw()} <= set(labels.values())


def test_an_image_without_annotation_is_empty_and_that_is_said(tmp_path):
    export = read_coco(put(tmp_path / "c.json"), ReadOptions())
    assert export.frames[0].draw() == []
    assert export.notes == ["1 picture(s) without an annotation count as annotated, with nothing on them"]


def test_pictures_are_found_in_sub_folders_beside_and_where_the_user_says(tmp_path):
    names = ["sub/a.png", "б [1].png", "C:\\Users\\me\\c.png", "none.png"]
    images = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    put(tmp_path / "set" / "annotations" / "instances.json", images)
    for place in ("set/images/sub/a.png", "set/images/б [1].png", "mine/c.png", "none.png"):
        write_image(tmp_path / place, np.zeros((4, 4), np.uint8))
    for source in (tmp_path / "set", tmp_path / "set" / "annotations" / "instances.json"):
        export = read_coco(source, ReadOptions(images=tmp_path / "mine"))
        found = [frame.image and frame.image.relative_to(tmp_path).as_posix() for frame in export.frames]
        assert found == ["set/images/sub/a.png", "set/images/б [1].png", "mine/c.png", None]
        assert [frame.name for frame in export.frames] == ["sub/a.png", "б [1].png", "c.png", "none.png"]
        assert {frame.size for frame in export.frames} == {None}


def test_parts_are_read_together_and_tell_the_split(tmp_path):
    for part in ("train", "val", "test"):
        put(tmp_path / "annotations" / f"instances_{part}2017.json")
        write_image(tmp_path / "images" / part / "a.png", np.zeros((10, 12), np.uint8))
    export = read_coco(tmp_path, ReadOptions())
    assert [frame.split for frame in export.frames] == ["test", "train", "train"]
    assert [frame.image.parent.name for frame in export.frames] == ["test", "train", "val"]
    (tmp_path / "annotations" / "instances_test2017.json").unlink()
    assert {frame.split for frame in read_coco(tmp_path, ReadOptions()).frames} == {None}


@pytest.mark.real_data
@pytest.mark.skipif(not EXPORTS.is_dir(), reason=f"{EXPORTS} is not there")
def test_labelmes_coco_export():
    export = read_coco(EXPORTS / "labelme/examples/instance_segmentation/data_dataset_coco", ReadOptions())
    assert (len(export.frames), len(export.classes.targets), export.refused) == (3, 20, [])
    drawn = [compose(frame.draw(), export.classes, frame.size)[0] for frame in export.frames]
    assert sum(int((labels == export.classes.values["person"]).sum()) for labels in drawn) > 50_000
    assert all(frame.image.is_file() for frame in export.frames)
