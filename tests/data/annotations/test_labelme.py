"""LabelMe's files, as people leave them in folders."""

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.labelme import read_labelme
from trus.data.annotations.objects import compose
from trus.data.classes import Classes
from trus.errors import AnnotationError

REAL = Path(__file__).parents[4] / "shared" / "data" / "annotation_exports" / "labelme" / "examples"
SQUARE = [[2, 3], [8, 3], [8, 7], [2, 7]]


def shape(label="gland", points=SQUARE, shape_type="polygon", **rest) -> dict:
    return {"label": label, "points": points, "group_id": None, "shape_type": shape_type, "flags": {}} | rest


def put(path: Path, *shapes, **rest) -> Path:
    content = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": f"{path.stem}.png"}
    content |= {"imageData": None, "imageHeight": 20, "imageWidth": 30} | rest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "absent"}), encoding="utf-8")
    return path


def put_picture(path: Path, shape=(20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(shape, np.uint8)).save(path)
    return path


def encoded(array: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def only(source: Path, options: ReadOptions | None = None):
    export = read_labelme(source, options or ReadOptions())
    (frame,) = export.frames
    return export, frame


def labels_of(source: Path) -> np.ndarray:
    export, frame = only(source)
    return compose(frame.draw(), export.classes, frame.size)[0]


def test_a_polygon_is_taken_with_its_class_and_size(tmp_path):
    put(tmp_path / "a b [1] кадр.json", shape())
    export, frame = only(tmp_path)
    assert (frame.name, frame.size, frame.image) == ("a b [1] кадр.png", (20, 30), None)
    assert export.classes.labels == {0: "background", 1: "gland"}
    expected = np.zeros((20, 30), np.uint8)
    expected[3:7, 2:8] = 1
    np.testing.assert_array_equal(labels_of(tmp_path), expected)


def test_rectangles_are_taken_whichever_corners_they_have_and_turned_ones_too(tmp_path):
    put(tmp_path / "a.json", shape(points=[[8, 7], [2, 3]], shape_type="rectangle"))
    put(tmp_path / "b" / "b.json", shape(points=SQUARE, shape_type="oriented_rectangle"))
    for source in (tmp_path / "a.json", tmp_path / "b"):
        assert labels_of(source).sum() == 24
        assert labels_of(source)[3:7, 2:8].all()


def test_a_circle_is_its_centre_and_a_point_on_it(tmp_path):
    put(tmp_path / "a.json", shape(points=[[15, 10], [19, 13]], shape_type="circle"))
    rows, columns = np.mgrid[:20, :30]
    np.testing.assert_array_equal(labels_of(tmp_path) == 1, np.hypot(rows + 0.5 - 10, columns + 0.5 - 15) < 5)


def test_a_mask_lies_where_its_first_point_says(tmp_path):
    patch = np.random.default_rng(0).random((4, 6)) < 0.5
    patch[0, 0] = True
    corners = [[10, 5], [15, 8]]
    for number, mask in enumerate((encoded(patch), encoded(patch.astype(np.uint8) * 255))):
        put(tmp_path / f"{number}" / "a.json", shape(points=corners, shape_type="mask", mask=mask))
        np.testing.assert_array_equal(labels_of(tmp_path / f"{number}")[5:9, 10:16] == 1, patch)


def test_a_mask_over_the_edge_is_cut_there(tmp_path):
    mask = encoded(np.ones((4, 6), bool))
    put(tmp_path / "a.json", shape(points=[[27, 18], [32, 21]], shape_type="mask", mask=mask))
    assert labels_of(tmp_path).sum() == 2 * 3


@pytest.mark.parametrize("kind", ["line", "linestrip", "point", "points"])
def test_what_is_no_area_is_left_out_by_a_line_and_the_rest_taken(kind, tmp_path):
    put(tmp_path / "a.json", shape(), shape("needle", [[1, 1], [5, 5]], kind))
    export, frame = only(tmp_path)
    assert [line for line in export.refused if f"shape 2 ('needle') is a {kind}" in line]
    assert len(frame.draw()) == 1


def test_no_shapes_is_annotated_and_no_file_is_not(tmp_path):
    put_picture(tmp_path / "empty.png")
    put_picture(tmp_path / "sub" / "nobody.png")
    put(tmp_path / "empty.json")
    export = read_labelme(tmp_path, ReadOptions(Classes.from_dict({"labels": {"1": "gland"}})))
    frames = {frame.name: frame for frame in export.frames}
    assert frames["empty.png"].draw() == []
    assert frames["sub/nobody.png"].draw is None


def test_classes_are_numbered_as_in_labels_txt_else_by_the_alphabet(tmp_path):
    put(tmp_path / "a.json", shape("vein"), shape("artery"), shape("__ignore__"))
    assert read_labelme(tmp_path, ReadOptions()).classes.labels == {0: "background", 1: "artery", 2: "vein"}
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\nvein\nnerve\n", encoding="utf-8")
    labels = read_labelme(tmp_path, ReadOptions()).classes.labels
    assert labels == {0: "background", 1: "vein", 2: "nerve", 3: "artery"}


@pytest.mark.parametrize(
    "stated", ["a.png", "./a.png", "..\\pictures\\a.png", "../a.png", "/etc/a.png", "C:\\x\\a.png", None, 7, "gone.tif"]
)
def test_the_picture_is_found_inside_the_folder_only(stated, tmp_path):
    put_picture(tmp_path / "outside" / "x.png")
    picture = put_picture(tmp_path / "in" / "a.png")
    put(tmp_path / "in" / "a.json", shape(), imagePath=stated)
    _, frame = only(tmp_path / "in")
    assert frame.image == picture
    assert frame.name == "a.png"


def test_a_path_back_up_is_followed_within_the_folder(tmp_path):
    picture = put_picture(tmp_path / "images" / "a.png")
    put(tmp_path / "json" / "b.json", shape(), imagePath="..\\images\\a.png")
    _, frame = only(tmp_path)
    assert (frame.name, frame.image) == ("images/a.png", picture)


def test_a_picture_of_that_name_in_another_folder_is_not_guessed_to_be_it(tmp_path):
    put_picture(tmp_path / "P2" / "a.png")
    put(tmp_path / "P1" / "a.json", shape())
    put(tmp_path / "a.json", shape())
    frames = {frame.name: frame for frame in read_labelme(tmp_path, ReadOptions()).frames}
    assert frames["P1/a.png"].image is frames["a.png"].image is None
    assert frames["P2/a.png"].draw is None


def test_a_picture_that_leads_out_of_the_folder_is_not_read(tmp_path):
    outside = put_picture(tmp_path / "secret.png")
    put(tmp_path / "in" / "a.json", shape(), imagePath="../secret.png")
    (tmp_path / "in" / "a.png").symlink_to(outside)
    _, frame = only(tmp_path / "in")
    assert frame.image is None


def test_a_single_file_is_read_with_the_picture_beside_it(tmp_path):
    picture = put_picture(tmp_path / "a.png")
    put_picture(tmp_path / "sub" / "b.png")
    put(tmp_path / "b.json", shape())
    assert only(put(tmp_path / "a.json", shape()))[1].image == picture
    assert only(tmp_path / "b.json")[1].image is None


def test_pictures_may_lie_elsewhere(tmp_path):
    picture = put_picture(tmp_path / "frames" / "P1" / "a.png")
    put(tmp_path / "in" / "a.json", shape())
    _, frame = only(tmp_path / "in", ReadOptions(images=tmp_path / "frames"))
    assert frame.image == picture


def test_an_old_file_without_size_takes_it_from_its_picture(tmp_path):
    put_picture(tmp_path / "a.png", (12, 9))
    put(tmp_path / "a.json", shape(), imageHeight="absent", imageWidth="absent")
    assert only(tmp_path)[1].size == (12, 9)
    inside = encoded(np.zeros((7, 11), np.uint8))
    put(tmp_path / "b" / "b.json", shape(), imageHeight=None, imageWidth=None, imageData=inside)
    assert only(tmp_path / "b")[1].size == (7, 11)


def test_group_ids_and_flags_are_left_out_with_a_note(tmp_path):
    put(tmp_path / "a.json", shape(group_id=3))
    assert any("group_id" in note for note in only(tmp_path)[0].notes)


WRONG = {
    "no label": shape(label=""),
    "label of a wrong type": shape(label=["a"]),
    "NaN": shape(points=[[0, 0], [float("nan"), 3], [5, 5]]),
    "infinite": shape(points=[[0, 0], [1e999, 3], [5, 5]]),
    "far away": shape(points=[[0, 0], [1e300, 3], [5, 5]]),
    "two points": shape(points=[[0, 0], [4, 4]]),
    "no points": shape(points=None),
    "points of a wrong type": shape(points=[["a", "b"], [1, 2], [3, 4]]),
    "ragged": shape(points=[[0, 0], [1], [5, 5]]),
    "three coordinates": shape(points=[[0, 0, 0], [1, 1, 1], [5, 5, 5]]),
    "unknown kind": shape(shape_type="cuboid"),
    "kind of a wrong type": shape(shape_type=["polygon"]),
    "mask without picture": shape(points=[[0, 0], [4, 4]], shape_type="mask"),
    "mask that is no picture": shape(points=[[0, 0], [4, 4]], shape_type="mask", mask="AAAA"),
    "mask of a wrong type": shape(points=[[0, 0], [4, 4]], shape_type="mask", mask={"a": 1}),
    "circle without extent": shape(points=[[4, 4], [4, 4]], shape_type="circle"),
    "circle of three points": shape(points=[[4, 4], [4, 5], [6, 6]], shape_type="circle"),
    "no shape": 7,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_shape_refuses_its_frame_and_names_it(wrong, tmp_path):
    put(tmp_path / "a.json", shape(), wrong)
    put(tmp_path / "b.json", shape())
    frames = {frame.name: frame for frame in read_labelme(tmp_path, ReadOptions()).frames}
    with pytest.raises(AnnotationError, match="shape 2: "):
        frames["a.png"].draw()
    assert len(frames["b.png"].draw()) == 1


def test_all_wrong_shapes_of_a_frame_are_named_at_once(tmp_path):
    put(tmp_path / "a.json", *list(WRONG.values())[:3])
    with pytest.raises(AnnotationError, match=r"shape 1: .*; shape 2: .*; shape 3: "):
        read_labelme(tmp_path, ReadOptions(Classes.from_dict({"labels": {"1": "g"}}))).frames[0].draw()


@pytest.mark.parametrize("size", [(0, 5), (-1, 5), ("a", 5), (True, 5), (1.5, 5), (10**6, 10**6), (None, 5), ([], {})])
def test_a_size_that_is_none_refuses_the_frame(size, tmp_path):
    put(tmp_path / "a.json", shape(), imageHeight=size[0], imageWidth=size[1])
    with pytest.raises(AnnotationError, match="size"):
        only(tmp_path)[1].draw()


@pytest.mark.parametrize(
    "content", [b"", b"[", b"\xff\xfe", b"[]", b"7", b'{"shapes": 3}', b"[" * 100_000, b'{"a": 1}', b"{" * 9, b"NaN"]
)
def test_a_file_that_is_none_of_labelme_is_refused_by_a_line_and_the_rest_goes_on(content, tmp_path):
    (tmp_path / "bad.json").write_bytes(content)
    put(tmp_path / "a.json", shape())
    export, frame = only(tmp_path)
    assert frame.name == "a.png"
    assert len(export.refused) == 1
    assert "bad.json" in export.refused[0]


def test_two_files_about_one_picture_are_both_refused(tmp_path):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "a.json", shape())
    put(tmp_path / "b.json", shape(), imagePath="a.png")
    put(tmp_path / "c.json", shape())
    export = read_labelme(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == ["c.png"]
    assert export.refused == ["a.png: is annotated 2 times; keep one of them in the tool"]


def test_a_folder_without_files_of_labelme_is_an_error(tmp_path):
    put_picture(tmp_path / "a.png")
    with pytest.raises(AnnotationError, match="holds no JSON file of LabelMe"):
        read_labelme(tmp_path, ReadOptions())


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize("kind", ["instance_segmentation", "semantic_segmentation"])
def test_the_examples_of_labelme_agree_with_its_own_masks(kind):
    """LabelMe's rasteriser paints the outline too, so that masks differ by a rim."""
    export = read_labelme(REAL / kind / "data_annotated", ReadOptions())
    assert len(export.frames) == 3
    assert export.refused == []
    names = (REAL / kind / "labels.txt").read_text(encoding="utf-8").split("\n")[1:]
    classes = Classes.from_dict({"labels": {str(k): name for k, name in enumerate(names) if name}})
    for frame in export.frames:
        drawn = [item for item in frame.draw() if item.name != "__ignore__"]
        labels, _ = compose(drawn, classes, frame.size)
        stem = Path(frame.name).stem
        reference = np.asarray(Image.open(REAL / kind / "data_dataset_voc" / "SegmentationClass" / f"{stem}.png"))
        kept = reference != 255
        assert np.mean(labels[kept] == reference[kept]) > 0.98
