"""Label Studio's JSON and JSON-MIN exports."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.brush_rle import encode
from trus.data.annotations.exchange import FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.label_studio import read_label_studio, write_label_studio
from trus.data.annotations.objects import compose
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.errors import AnnotationError

REAL = Path(__file__).parents[4] / "shared" / "data" / "annotation_exports" / "labelstudio" / "tests" / "data"
GIVEN = ReadOptions(Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}}))
SIZE = {"original_width": 40, "original_height": 20, "image_rotation": 0}
SQUARE = [[5, 15], [20, 15], [20, 35], [5, 35]]  # per cent: x 2 to 8, y 3 to 7


def region(kind="polygonlabels", label="gland", **value) -> dict:
    return {"type": kind, "from_name": "l", "to_name": "i", **SIZE, "value": {kind: [label], **value}}


def polygon(label="gland", points=SQUARE, **value) -> dict:
    return region(label=label, points=points, **value)


def annotation(*regions, by=1, **rest) -> dict:
    return {"id": 5, "completed_by": by, "result": list(regions), "was_cancelled": False} | rest


def task(*annotations, image="/data/upload/1/abcd1234-a [1] кадр.png", **rest) -> dict:
    return {"id": 1, "annotations": list(annotations), "data": {"image": image}, "predictions": []} | rest


def put(path: Path, *tasks) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def drawn(tmp_path: Path, *regions) -> np.ndarray:
    export = read_label_studio(put(tmp_path / "x.json", task(annotation(*regions))), ReadOptions())
    (frame,) = export.frames
    return compose(frame.draw(), export.classes, frame.size)[0]


def test_outlines_are_per_cent_of_the_picture(tmp_path):
    square = np.zeros((20, 40), np.uint8)
    square[3:7, 2:8] = 1
    np.testing.assert_array_equal(drawn(tmp_path, polygon(closed=True)), square)
    box = region("rectanglelabels", x=5, y=15, width=15, height=20, rotation=0)
    np.testing.assert_array_equal(drawn(tmp_path, box), square)
    rows, columns = np.mgrid[:20, :40] + 0.5
    ellipse = region("ellipselabels", x=50, y=50, radiusX=25, radiusY=25, rotation=0)
    np.testing.assert_array_equal(drawn(tmp_path, ellipse), ((columns - 20) / 10) ** 2 + ((rows - 10) / 5) ** 2 < 1)


def test_a_rectangle_turns_in_pixels_about_its_upper_left_corner(tmp_path):
    labels = drawn(tmp_path, region("rectanglelabels", x=50, y=10, width=25, height=20, rotation=90))
    expected = np.zeros((20, 40), np.uint8)
    expected[2:12, 16:20] = 1  # 10 px wide and 4 px high before
    np.testing.assert_array_equal(labels, expected)


def test_a_brush_stroke_is_exact(tmp_path):
    plane = np.random.default_rng(0).random((20, 40)) < 0.3
    stroke = region("brushlabels", "lesion", format="rle", rle=encode(plane))
    np.testing.assert_array_equal(drawn(tmp_path, stroke) == 1, plane)


def test_labels_beside_shapes_stand_twice_and_count_once(tmp_path):
    """<Labels> with <Polygon>: one region without a label, its twin of the same id with it."""
    bare = {"id": "r1", "type": "polygon", **SIZE, "value": {"points": SQUARE}}
    twin = {"id": "r1", "type": "labels", **SIZE, "value": {"points": SQUARE, "labels": ["gland"]}}
    assert drawn(tmp_path, bare, twin).sum() == 24
    with pytest.raises(AnnotationError, match="region 1: has no label"):
        drawn(tmp_path, bare, polygon())


def test_key_points_are_left_out_by_a_line_and_choices_by_a_note(tmp_path):
    point = region("keypointlabels", x=1, y=2, width=0.5)
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    taxonomy = {"type": "taxonomy", **SIZE, "value": {"x": 1, "y": 1, "width": 5, "height": 5, "taxonomy": [["a"]]}}
    export = read_label_studio(
        put(tmp_path / "x.json", task(annotation(point, choice, taxonomy, polygon()))), ReadOptions()
    )
    assert export.refused == ["a [1] кадр.png: region 1 is a key point, no area: left out"]
    assert len(export.frames[0].draw()) == 1
    assert [note.split()[0] for note in export.notes] == ["'choices'", "'taxonomy'"]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("/data/upload/1/abcd1234-a b.png", "a b.png"),
        ("/data/upload/1/a%20b-%D0%BA.png", "a b-к.png"),
        ("/data/upload/29/example.png", "example.png"),
        ("/data/upload/1/not-a-hash.png", "not-a-hash.png"),
        ("/data/local-files/?d=sub/a%20b.png", "sub/a b.png"),
        ("/data/local-files/?d=images/a%20%5B1%5D.png", "a [1].png"),
        ("s3://bucket/sub/a.png", "sub/a.png"),
        ("gs://bucket/a.png", "a.png"),
        ("https://example.org/x/a.png?X-Amz-Signature=1", "x/a.png"),
        ("../../etc/a.png", "a.png"),
        ("/data/local-files/?d=../../a.png", "a.png"),
        ("C:\\pictures\\a.png", "a.png"),
    ],
)
def test_the_picture_is_known_by_its_own_name(image, name, tmp_path):
    (frame,) = read_label_studio(put(tmp_path / "x.json", task(annotation(polygon()), image=image)), GIVEN).frames
    assert frame.name == name


def test_an_address_without_file_name_gives_way_to_the_uploaded_file(tmp_path):
    entry = task(annotation(polygon()), image="/image2", file_upload="e97d4735-000000000025.jpg")
    (frame,) = read_label_studio(put(tmp_path / "x.json", entry), GIVEN).frames
    assert frame.name == "000000000025.jpg"


def test_the_picture_is_found_under_its_own_name_or_its_upload(tmp_path):
    picture = tmp_path / "pictures" / "abcd1234-a [1] кадр.png"
    picture.parent.mkdir()
    Image.fromarray(np.zeros((20, 40), np.uint8)).save(picture)
    options = ReadOptions(GIVEN.classes, picture.parent)
    (frame,) = read_label_studio(put(tmp_path / "x.json", task(annotation())), options).frames
    assert frame.image == picture
    assert frame.size == (20, 40)


def test_each_annotator_gets_a_frame_and_no_address_is_kept(tmp_path):
    people = [3, {"id": 4, "email": "doc@clinic.org"}, {"email": "doc@clinic.org"}, "nurse@clinic.org", "12", None]
    entry = task(*(annotation(polygon(), by=by) for by in people))
    frames = read_label_studio(put(tmp_path / "x.json", entry), ReadOptions()).frames
    names = [frame.annotator for frame in frames]
    assert names[:2] == ["annotator-3", "annotator-4"]
    assert names[4:] == ["annotator-12", None]
    assert len(set(names)) == 6
    assert not any("@" in str(name) or "clinic" in str(name) for name in names)
    assert {frame.name for frame in frames} == {"a [1] кадр.png"}


def test_the_same_annotator_twice_is_refused(tmp_path):
    entry = task(annotation(polygon()), annotation(polygon()), annotation(polygon(), by=2))
    export = read_label_studio(put(tmp_path / "x.json", entry), ReadOptions())
    assert [frame.annotator for frame in export.frames] == ["annotator-2"]
    assert export.refused == ["a [1] кадр.png: is annotated 2 times by annotator-1; keep one of them in the tool"]


def test_skipped_predicted_and_drafted_is_not_annotated_but_nothing_drawn_is(tmp_path):
    skipped = annotation(polygon(), was_cancelled=True)
    source = put(
        tmp_path / "x.json",
        task(skipped, image="skipped.png"),
        task(skipped, annotation(polygon()), image="both.png"),
        task(image="predicted.png", predictions=[{"result": [polygon()]}]),
        task(image="drafted.png", drafts=[{"result": [polygon()]}]),
        task(annotation(), image="empty.png"),
        task(image="bare.png"),
    )
    export = read_label_studio(source, ReadOptions())
    frames = {frame.name: frame for frame in export.frames}
    for name in ("skipped.png", "predicted.png", "drafted.png", "bare.png"):
        assert frames[name].draw is None, name
    assert frames["empty.png"].draw() == []
    assert len(frames["both.png"].draw()) == 1
    assert [note.split()[0] for note in export.notes] == ["skipped", "tasks"]


def test_json_min_is_read_too(tmp_path):
    item = {**SIZE, "points": SQUARE, "closed": True, "polygonlabels": ["gland"]}
    other = {**SIZE, "format": "rle", "rle": encode(np.ones((20, 40), bool)), "brushlabels": ["lesion"]}
    entry = {"id": 1, "image": "/data/upload/1/a.png", "annotator": "doc@clinic.org", "annotation_id": 4}
    rows = [
        entry | {"label": [item], "brush": [other], "choice": "good"},
        entry | {"image": "b.png"},
        {"image": "c.png"},
    ]
    export = read_label_studio(put(tmp_path / "x.json", *rows), ReadOptions())
    first, second, third = export.frames
    assert sorted(type(item).__name__ for item in first.draw()) == ["Outline", "Painted"]
    assert first.annotator.startswith("annotator-")
    assert "clinic" not in first.annotator
    assert second.draw() == []
    assert third.draw is None


WRONG = {
    "no label": polygon(label=""),
    "two labels": {"type": "polygonlabels", **SIZE, "value": {"points": SQUARE, "polygonlabels": ["a", "b"]}},
    "label of a wrong type": polygon(label={"a": 1}),
    "NaN": polygon(points=[[0, 0], [float("nan"), 1], [5, 5]]),
    "two points": polygon(points=[[0, 0], [5, 5]]),
    "points of a wrong type": polygon(points={"a": 1}),
    "not closed": polygon(closed=False),
    "no size": polygon() | {"original_width": None},
    "size of a wrong type": polygon() | {"original_width": "40"},
    "huge size": polygon() | {"original_width": 10**9},
    "other size": polygon() | {"original_width": 41},
    "turned picture": polygon() | {"image_rotation": 90},
    "rectangle without width": region("rectanglelabels", x=1, y=1, height=2),
    "rectangle far away": region("rectanglelabels", x=1e300, y=1, height=2, width=3),
    "ellipse without extent": region("ellipselabels", x=1, y=1, radiusX=0, radiusY=3),
    "brush of another picture": region("brushlabels", format="rle", rle=encode(np.ones((3, 3), bool))),
    "brush of a wrong type": region("brushlabels", format="rle", rle="abc"),
    "brush of another format": region("brushlabels", format="png", rle=[1]),
    "damaged brush": region("brushlabels", format="rle", rle=encode(np.ones((20, 40), bool))[:-8]),
    "bit mask": region("bitmasklabels", imageDataURL="data:image/png;base64,AAAA"),
    "no value": {"type": "polygonlabels", **SIZE},
    "no region": 7,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_region_refuses_its_frame_and_names_it(wrong, tmp_path):
    tasks = task(annotation(polygon(), wrong)), task(annotation(polygon()), image="b.png")
    export = read_label_studio(put(tmp_path / "x.json", *tasks), ReadOptions())
    with pytest.raises(AnnotationError, match="region 2: "):
        export.frames[0].draw()
    assert len(export.frames[1].draw()) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        {"id": 1, "annotations": []},
        {"id": 1, "annotations": [], "data": {"text": "hello"}},
        {"id": 1, "annotations": [], "data": {"images": ["a.png", "b.png"]}},
        {"id": 1, "annotations": [], "data": {"left": "a.png", "right": "b.png"}},
        {"id": 1, "annotations": 3, "data": {"image": "a.png"}},
        {"id": 1, "annotations": [3], "data": {"image": "a.png"}},
        {"id": 1, "annotations": [], "data": {"image": ".."}},
        {"id": 1, "annotations": [], "data": {"image": "http://[bad/a.png"}},
        {"id": 1, "annotations": [], "data": {"image": "a\u0000.png"}},
        {},
    ],
)
def test_a_task_that_is_none_is_refused_by_a_line_and_the_rest_goes_on(wrong, tmp_path):
    export = read_label_studio(put(tmp_path / "x.json", wrong, task(annotation(polygon()))), ReadOptions())
    assert len(export.frames) == 1
    assert len(export.refused) == 1
    assert export.refused[0].startswith("x.json, task 1: ")


def test_a_folder_may_hold_several_exports_and_pictures(tmp_path):
    put(tmp_path / "a.json", task(annotation(polygon()), image="a.png"))
    put(tmp_path / "b.json", task(annotation(polygon()), image="b.png"))
    (tmp_path / "c.json").write_text('{"labels": 1}')
    Image.fromarray(np.zeros((20, 40), np.uint8)).save(tmp_path / "b.png")
    export = read_label_studio(tmp_path, ReadOptions())
    assert {frame.name: frame.image for frame in export.frames} == {"a.png": None, "b.png": tmp_path / "b.png"}
    assert len(export.refused) == 1


@pytest.mark.parametrize("content", ["", "{}", "[", "[]", "[" * 100_000, "7"])
def test_a_file_that_is_no_export_is_an_error(content, tmp_path):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(AnnotationError, match=r"x\.json"):
        read_label_studio(tmp_path / "x.json", GIVEN)


def test_thousands_of_wrong_tasks_are_counted_not_listed(tmp_path):
    export = read_label_studio(put(tmp_path / "x.json", *[7] * 1500, task(annotation(polygon()))), ReadOptions())
    assert len(export.refused) == 1001
    assert export.refused[-1] == "and 500 more lines like these"
    with pytest.raises(AnnotationError) as error:
        read_label_studio(put(tmp_path / "x.json", *[7] * 1500), ReadOptions())
    assert len(str(error.value).splitlines()) == 22


def test_what_is_written_names_pictures_as_local_files_and_labels_in_xml(tmp_path):
    labels = np.ones((20, 40), np.uint8)
    classes = Classes.from_dict({"labels": {"1": 'gland "a" & <b>'}})
    frame = FrameOut("x", "a [1] кадр.png", (20, 40), lambda: labels, lambda path: write_image(path, labels))
    write_label_studio([frame], classes, tmp_path, WriteOptions("polygon", 0))
    (entry,) = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert entry["data"]["image"] == "/data/local-files/?d=images/a%20%5B1%5D%20%D0%BA%D0%B0%D0%B4%D1%80.png"
    assert "predictions" not in entry
    (outline,) = entry["annotations"][0]["result"]
    assert sorted(outline["value"]["points"]) == [[0, 0], [0, 100], [100, 0], [100, 100]]
    config = ElementTree.fromstring((tmp_path / "label_config.xml").read_text(encoding="utf-8"))
    assert [item.get("value") for item in config.iter("Label")] == ['gland "a" & <b>']


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    ("file", "frames", "objects", "annotators"),
    [
        ("test_export_json_min/data.json", 1, 1, {"annotator-1"}),
        ("test_export_yolo/data.json", 3, 6, {"annotator-1", "annotator-2"}),
        ("test_export_yolo/data_obb.json", 3, 25, {"annotator-1"}),
        ("test_export_yolo/data_polygons.json", 1, 1, {"annotator-1"}),
        ("test_export_csv/csv_test.json", 2, 3, {"annotator-1"}),
    ],
)
def test_what_label_studio_really_wrote(file, frames, objects, annotators):
    export = read_label_studio(REAL / file, ReadOptions())
    assert len(export.frames) == frames
    assert sum(len(frame.draw()) for frame in export.frames) == objects
    assert {frame.annotator for frame in export.frames} == annotators
    assert export.refused == []


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    "file", ["csv_test2.json", "csv_test_history.json", "../test_export_json_min/data_repeater.json"]
)
def test_tasks_without_one_picture_are_refused(file):
    with pytest.raises(AnnotationError, match=r"task 1: names 0 pictures"):
        read_label_studio(REAL / "test_export_csv" / file, ReadOptions())
