"""YOLO-seg folders in the layouts that tools write, and what is refused in words."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.annotations.exchange import FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.objects import compose
from trus.data.annotations.yolo import read_yolo, write_yolo
from trus.data.annotations.yolo_names import read_names
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.errors import AnnotationError

EXPORTS = Path(__file__).parents[4] / "shared" / "data" / "annotation_exports"
CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
SQUARE = "0 0.25 0.2 0.5 0.2 0.5 0.6 0.25 0.6\n"


def put(root: Path, label: str, text: str | None, picture: str | None = None, names: str = "names: [gland, lesion]\n"):
    if picture is not None:
        write_image(root / picture, np.zeros((10, 12), np.uint8))
    if text is not None:
        (root / label).parent.mkdir(parents=True, exist_ok=True)
        (root / label).write_text(text, encoding="utf-8")
    (root / "data.yaml").write_text(names, encoding="utf-8")


@pytest.mark.parametrize(
    ("label", "picture"),
    [
        ("labels/кадр [1].txt", "images/кадр [1].png"),
        ("labels/train/a.txt", "images/train/a.png"),
        ("train/labels/a.txt", "train/images/a.png"),
        ("a.txt", "a.png"),
    ],
)
def test_every_layout_is_read(label, picture, tmp_path):
    put(tmp_path, label, SQUARE, picture)
    for source in (tmp_path, tmp_path / "data.yaml"):
        export = read_yolo(source, ReadOptions())
        (frame,) = export.frames
        labels, notes = compose(frame.draw(), export.classes, frame.size)
        assert (frame.name, frame.image, frame.size) == (Path(picture).name, tmp_path / picture, (10, 12))
        assert (labels[2:6, 3:6] == 1).all()
        assert (labels.sum(), notes, export.refused) == (12, [], [])


def test_an_empty_file_is_nothing_there_and_a_missing_one_not_annotated(tmp_path):
    put(tmp_path, "labels/a.txt", "\n", "images/a.png")
    put(tmp_path, "labels/b.txt", None, "images/b.png")
    empty, missing = read_yolo(tmp_path, ReadOptions()).frames
    assert empty.draw() == []
    assert missing.draw is None


def test_parts_tell_the_split_and_may_share_names(tmp_path):
    for part in ("train", "valid", "test"):
        put(tmp_path, f"{part}/labels/a.txt", SQUARE, f"{part}/images/a.png")
    frames = read_yolo(tmp_path, ReadOptions()).frames
    assert [(frame.image.parent.parent.name, frame.split) for frame in frames] == [
        ("test", "test"), ("train", "train"), ("valid", "train"),
    ]  # fmt: skip


def test_pictures_may_lie_where_the_user_says(tmp_path):
    put(tmp_path / "set", "labels/a.txt", SQUARE)
    write_image(tmp_path / "mine" / "a.png", np.zeros((10, 12), np.uint8))
    write_image(tmp_path / "mine" / "not in the export.png", np.zeros((10, 12), np.uint8))
    (frame,) = read_yolo(tmp_path / "set", ReadOptions(images=tmp_path / "mine")).frames
    assert frame.image == tmp_path / "mine" / "a.png"


def test_two_pictures_of_one_label_file_are_refused_not_guessed(tmp_path):
    put(tmp_path, "labels/a.txt", SQUARE, "images/a.png")
    put(tmp_path, "labels/b.txt", SQUARE, "images/b.png")
    write_image(tmp_path / "images/a.bmp", np.zeros((10, 12), np.uint8))
    export = read_yolo(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == ["b.png"]
    assert export.refused == ["images/a.bmp and images/a.png: share one annotation; rename all but one"]


def test_a_label_file_without_picture_and_a_damaged_picture_are_refused_and_the_rest_goes_on(tmp_path):
    put(tmp_path, "labels/a.txt", SQUARE, "images/a.png")
    put(tmp_path, "labels/lost.txt", SQUARE)
    put(tmp_path, "labels/bad.txt", SQUARE, "images/bad.png")
    (tmp_path / "images/bad.png").write_text("no picture")
    export = read_yolo(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == ["a.png"]
    text = "\n".join(export.refused)
    assert "lost.txt: no picture of that name; YOLO needs its size: give --images" in text
    assert "bad.png: cannot be read as an image" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", r"1 line\(s\) are boxes, not outlines; export as YOLO segmentation"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.9", "has 7 numbers after the class"),
        ("0 0.1 0.1 0.2", "has 3 numbers"),
        ("0 0.1 0.1", "has 1 point"),
        ("0", "has 0 point"),
        ("2 0.1 0.1 0.2 0.2 0.3 0.3", "class 2 has no name; the names are gland; lesion"),
        ("-1 0.1 0.1 0.2 0.2 0.3 0.3", "class -1 has no name"),
        ("0.5 0.1 0.1 0.2 0.2 0.3 0.3", "class 0.5 has no name"),
        ("nan 0.1 0.1 0.2 0.2 0.3 0.3", "class nan has no name"),
        ("0 0.1 nan 0.2 0.2 0.3 0.3", "no number"),
        ("0 0.1 inf 0.2 0.2 0.3 0.3", "no number"),
        ("0 0.1 1e300 0.2 0.2 0.3 0.3", "coordinate of 1e"),
        ("gland 0.1 0.1 0.2 0.2 0.3 0.3", "no number"),
    ],
)
def test_a_line_that_is_no_outline_refuses_its_frame(line, message, tmp_path):
    put(tmp_path, "labels/a.txt", SQUARE + line, "images/a.png")
    (frame,) = read_yolo(tmp_path, ReadOptions()).frames
    with pytest.raises(AnnotationError, match=rf"a\.txt: .*{message}"):
        frame.draw()


@pytest.mark.parametrize(
    "text",
    [
        "names: [gland, 'вена 1', \"a, b\"]",
        "train: ../train\nnc: 3\nnames: ['gland',\n  'вена 1', # a comment\n  \"a, b\"]\nroboflow:\n  license: x\n",
        "names:\n- gland\n- 'вена 1'\n- \"a, b\"\nnc: 3\n",
        "names:\n  - gland # the whole\n\n  - вена 1\n  - a, b\n",
        "names:\n  0: gland\n  2: a, b\n  1: 'вена 1'\n",
        'names: {0: gland, 2: "a, b", 1: "\\u0432ена 1"}',
    ],
)
def test_names_are_read_in_every_way_of_writing_them(text, tmp_path):
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert read_names(tmp_path, tmp_path) == ["gland", "вена 1", "a, b"]


def test_names_are_read_from_a_list_of_lines(tmp_path):
    (tmp_path / "classes.txt").write_text("gland\nвена 1\n\n", encoding="utf-8-sig")
    assert read_names(tmp_path, tmp_path) == read_names(tmp_path / "classes.txt", tmp_path) == ["gland", "вена 1"]


@pytest.mark.parametrize(
    "text",
    ["names: [a, [b]]", "names: [a", "names: *anchor", "names:\n  gland: 0\n", "names: {0: a, 2: b}", "names: []",
     "names:", "names: ['']", "names: ['a]", "names: [\"\\q\"]", "x" * 300_000, "names: !!python/object:os.system [a]"],
)  # fmt: skip
def test_names_that_cannot_be_read_are_refused(text, tmp_path):
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError):
        read_names(tmp_path, tmp_path)


def test_without_names_nothing_is_read(tmp_path):
    with pytest.raises(AnnotationError, match=r"neither data\.yaml with names nor classes\.txt"):
        read_yolo(tmp_path, ReadOptions())
    put(tmp_path, "labels/a.txt", SQUARE, "images/a.png", "names: [gland, gland]")
    with pytest.raises(AnnotationError, match="different names"):
        read_yolo(tmp_path, ReadOptions())


@pytest.mark.parametrize("tolerance", [0, 0.5])
def test_masks_come_back_exactly_or_within_the_tolerance(tolerance, hard_labels, tmp_path):
    def outgoing(name, labels):
        size = (90, 120) if labels is None else labels.shape
        picture = np.zeros(size, np.uint8)
        return FrameOut(name, name.replace("/", "__") + ".png", size, lambda: labels, lambda p: write_image(p, picture))

    frames = [outgoing(name, labels) for name, labels in hard_labels.items()]
    notes = write_yolo(frames, CLASSES, tmp_path, WriteOptions("polygon", tolerance))
    assert any("1 frame(s) without annotation have no text file" in line for line in notes)
    assert any("object(s) with holes" in line for line in notes)
    export = read_yolo(tmp_path, ReadOptions())
    assert export.classes.labels == {0: "background", 1: "gland", 2: "lesion", 3: "вена 1"}
    found = {frame.name: frame for frame in export.frames}
    assert set(found) == {frame.file_name for frame in frames}
    for frame in frames:
        labels, back = frame.labels(), found[frame.file_name]
        if labels is None:
            assert back.draw is None
            continue
        composed = compose(back.draw(), CLASSES, back.size)[0]
        assert (composed != labels).sum() <= (0 if tolerance == 0 else 0.02 * labels.size)
        assert set(np.unique(composed)) == set(np.unique(labels))


def test_odd_sizes_and_long_outlines_are_exact_to_a_hundredth_of_a_pixel(tmp_path):
    labels = np.zeros((1013, 1999), np.uint8)
    labels[5:1009:50, 7:1990] = 2
    frame = FrameOut("a", "a.png", labels.shape, lambda: labels, lambda path: write_image(path, labels))
    write_yolo([frame], CLASSES, tmp_path, WriteOptions("polygon", 0))
    (back,) = read_yolo(tmp_path, ReadOptions()).frames
    rings = [item.rings[0] for item in back.draw()]
    assert len(rings) == 21
    assert max(np.abs(ring - ring.round()).max() for ring in rings) < 0.001
    assert (compose(back.draw(), CLASSES, back.size)[0] == labels).all()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="0123456789 .-+e\nnaif\x00", max_size=80) | st.text(max_size=40),
    st.text(alphabet="names:[]{}'\"#,-0123 \n\\", max_size=60).map(lambda text: "names:" + text) | st.text(max_size=40),
)
def test_any_text_is_read_or_refused(tmp_path, labels, names):
    put(tmp_path, "labels/a.txt", labels.encode("utf-8", "replace").decode(), "images/a.png")
    (tmp_path / "labels" / "classes.txt").unlink(missing_ok=True)
    (tmp_path / "data.yaml").write_text(names, encoding="utf-8", errors="replace")
    with contextlib.suppress(AnnotationError):
        for frame in read_yolo(tmp_path, ReadOptions()).frames:
            frame.draw()


@pytest.mark.real_data
@pytest.mark.skipif(not EXPORTS.is_dir(), reason=f"{EXPORTS} is not there")
def test_label_studios_sample_of_boxes_is_refused_in_words():
    export = read_yolo(EXPORTS / "labelstudio/tests/data/test_import_yolo_data", ReadOptions())
    assert export.classes.targets == ("closed_door", "opened_door", "bus", "number")
    assert len(export.frames) == 7
    for frame in export.frames:
        with pytest.raises(AnnotationError, match=r"line\(s\) are boxes, not outlines"):
            frame.draw()
