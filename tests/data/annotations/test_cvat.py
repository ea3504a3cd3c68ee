"""CVAT's XML for images and video, and its mask archive."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.cvat import read_cvat
from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.objects import compose
from trus.data.classes import Classes
from trus.errors import AnnotationError

REAL = (
    Path(__file__).parents[4] / "shared" / "data" / "annotation_exports" / "cvat" / "tests" / "assets" / "cvat_dataset"
)
META = "<meta><task><labels><label><name>gland</name></label><label><name>lesion</name></label></labels></task></meta>"
GIVEN = ReadOptions(Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}}))


def put(path: Path, body: str, meta: str = META) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{body}</annotations>'
    path.write_text(text, encoding="utf-8")
    return path


def put_picture(path: Path, shape=(20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(shape, np.uint8)).save(path)
    return path


def image(shapes: str, name="a.png", rest='width="30" height="20"') -> str:
    return f'<image id="0" name="{name}" {rest}>{shapes}</image>'


def drawn(tmp_path: Path, shapes: str) -> np.ndarray:
    export = read_cvat(put(tmp_path / "x.xml", image(shapes)), ReadOptions())
    (frame,) = export.frames
    return compose(frame.draw(), export.classes, frame.size)[0]


def test_polygons_boxes_and_ellipses_are_areas(tmp_path):
    square = np.zeros((20, 30), np.uint8)
    square[3:7, 2:8] = 1
    for text in (
        '<polygon label="gland" points="2.00,3.00;8.00,3.00;8.00,7.00;2.00,7.00" occluded="1"/>',
        '<box label="gland" xtl="2" ytl="3" xbr="8" ybr="7"/>',
        '<box label="gland" xtl="3" ytl="2" xbr="7" ybr="8" rotation="90"/>',
        '<mask label="gland" rle="0, 24" left="2" top="3" width="6" height="4"/>',
    ):
        np.testing.assert_array_equal(drawn(tmp_path, text), square)
    rows, columns = np.mgrid[:20, :30] + 0.5
    ellipse = ((columns - 15) / 9) ** 2 + ((rows - 10) / 5) ** 2 < 1
    np.testing.assert_array_equal(drawn(tmp_path, '<ellipse label="gland" cx="15" cy="10" rx="9" ry="5"/>'), ellipse)
    turned = '<ellipse label="gland" cx="15" cy="10" rx="5" ry="9" rotation="90.00"/>'
    np.testing.assert_array_equal(drawn(tmp_path, turned), ellipse)


def test_a_box_turns_clockwise_on_the_screen(tmp_path):
    labels = drawn(tmp_path, '<box label="gland" xtl="5" ytl="9" xbr="25" ybr="11" rotation="30"/>')
    rows, columns = np.nonzero(labels)
    assert np.corrcoef(rows, columns)[0, 1] > 0.9  # from upper left to lower right


def test_a_mask_runs_along_the_rows_of_its_box_beginning_with_zeros(tmp_path):
    labels = drawn(tmp_path, '<mask label="lesion" rle="1, 2, 1, 2" left="10" top="5" width="3" height="2"/>')
    np.testing.assert_array_equal(labels[5:7, 10:13], [[0, 2, 2], [0, 2, 2]])
    assert labels.sum() == 8


def test_lower_z_order_lies_lower_whatever_the_order_in_the_file(tmp_path):
    box = '<box label="{}" xtl="0" ytl="0" xbr="9" ybr="9" z_order="{}"/>'
    assert drawn(tmp_path, box.format("gland", 5) + box.format("lesion", -1))[0, 0] == 1
    assert drawn(tmp_path, box.format("gland", 0) + box.format("lesion", 0))[0, 0] == 2


@pytest.mark.parametrize("kind", ["polyline", "points", "cuboid", "skeleton", "tag"])
def test_what_is_no_area_is_left_out_by_a_line(kind, tmp_path):
    box = '<box label="gland" xtl="0" ytl="0" xbr="9" ybr="9"/>'
    inner = '<points label="k" points="1,1"/><box label="gland" xtl="0" ytl="0" xbr="3" ybr="3"/>'
    body = image(f'{box}<{kind} label="lesion" points="1,2;3,4">{inner}</{kind}>')
    export = read_cvat(put(tmp_path / "x.xml", body), ReadOptions())
    assert export.refused == [f"a.png: shape 2 ('lesion') is of the kind '{kind}', no area: left out"]
    assert len(export.frames[0].draw()) == 1


def test_an_image_without_shapes_is_empty_and_a_picture_without_image_not_annotated(tmp_path):
    put(tmp_path / "annotations.xml", image("") + image("", "кадр [2].png"))
    put_picture(tmp_path / "images" / "nobody.png")
    put_picture(tmp_path / "images" / "кадр [2].png")
    export = read_cvat(tmp_path, ReadOptions())
    frames = {frame.name: frame for frame in export.frames}
    assert frames["a.png"].draw() == frames["кадр [2].png"].draw() == []
    assert frames["кадр [2].png"].image == tmp_path / "images" / "кадр [2].png"
    assert frames["nobody.png"].draw is None
    assert any("does not tell" in note for note in export.notes)


def test_classes_come_in_the_order_of_the_project(tmp_path):
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("z U k", "a", "background"))
    meta = (
        f"<meta><project><tasks><task><subset>Train</subset></task></tasks><labels>{labels}</labels></project></meta>"
    )
    export = read_cvat(put(tmp_path / "x.xml", image(""), meta), ReadOptions())
    assert export.classes.labels == {0: "background", 1: "z U k", 2: "a"}


def test_subsets_of_a_project_tell_frames_of_one_name_apart(tmp_path):
    rest = 'width="30" height="20" subset="{}" task_id="1"'
    body = "".join(image("", "a.png", rest.format(subset)) for subset in ("Train", "Validation", "Test"))
    put(tmp_path / "annotations.xml", body)
    put_picture(tmp_path / "images" / "Train" / "a.png")
    put_picture(tmp_path / "images" / "Test" / "a.png")
    export = read_cvat(tmp_path, ReadOptions())
    assert export.frames[1].image is None
    assert [(f.name, f.split) for f in export.frames] == [
        ("Train/a.png", "train"),
        ("Validation/a.png", "train"),
        ("Test/a.png", "test"),
    ]
    assert export.frames[0].image == tmp_path / "images" / "Train" / "a.png"
    assert export.frames[2].image == tmp_path / "images" / "Test" / "a.png"


def test_two_images_of_one_name_are_both_refused(tmp_path):
    export = read_cvat(put(tmp_path / "x.xml", image("") + image("") + image("", "b.png")), ReadOptions())
    assert [frame.name for frame in export.frames] == ["b.png"]
    assert export.refused == ["a.png: is annotated 2 times; keep one of them in the tool"]


MANY_RUNS = ",".join(["64000000"] * 999)
WRONG = {
    "no label": '<box label="" xtl="0" ytl="0" xbr="9" ybr="9"/>',
    "label missing": '<box xtl="0" ytl="0" xbr="9" ybr="9"/>',
    "corner missing": '<box label="gland" xtl="0" ytl="0" xbr="9"/>',
    "NaN": '<box label="gland" xtl="nan" ytl="0" xbr="9" ybr="9"/>',
    "infinite": '<polygon label="gland" points="0,0;inf,3;5,5"/>',
    "no points": '<polygon label="gland"/>',
    "two points": '<polygon label="gland" points="0,0;3,3"/>',
    "odd points": '<polygon label="gland" points="0,0;3,3;4"/>',
    "commas in the wrong place": '<polygon label="gland" points="0;3,3,4;2,1"/>',
    "text": '<polygon label="gland" points="a,b;3,3;4,4"/>',
    "ellipse without extent": '<ellipse label="gland" cx="5" cy="5" rx="0" ry="5"/>',
    "ellipse far too large": '<ellipse label="gland" cx="5" cy="5" rx="1e200" ry="5"/>',
    "mask too long": '<mask label="gland" rle="0, 25" left="2" top="3" width="6" height="4"/>',
    "mask too short": '<mask label="gland" rle="0, 23" left="2" top="3" width="6" height="4"/>',
    "negative run": '<mask label="gland" rle="-1, 25" left="2" top="3" width="6" height="4"/>',
    "run of 2**80": f'<mask label="gland" rle="{2**80}" left="2" top="3" width="6" height="4"/>',
    "overflowing runs": f'<mask label="gland" rle="{MANY_RUNS}" left="0" top="0" width="6" height="4"/>',
    "mask outside": '<mask label="gland" rle="0, 24" left="28" top="3" width="6" height="4"/>',
    "huge mask": '<mask label="gland" rle="0, 24" left="0" top="0" width="99999999" height="99999999"/>',
    "mask without runs": '<mask label="gland" left="2" top="3" width="6" height="4"/>',
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_shape_refuses_its_frame_and_names_it(wrong, tmp_path):
    good = '<box label="gland" xtl="0" ytl="0" xbr="9" ybr="9"/>'
    export = read_cvat(put(tmp_path / "x.xml", image(good + wrong) + image(good, "b.png")), ReadOptions())
    with pytest.raises(AnnotationError, match="shape 2: "):
        export.frames[0].draw()
    assert len(export.frames[1].draw()) == 1


@pytest.mark.parametrize(
    "rest", ['width="0" height="5"', 'height="5"', 'width="1e9" height="1e9"', 'width="x" height="5"']
)
def test_an_image_without_size_refuses_its_frame(rest, tmp_path):
    export = read_cvat(put(tmp_path / "x.xml", image("", rest=rest)), GIVEN)
    with pytest.raises(AnnotationError):
        export.frames[0].draw()


@pytest.mark.parametrize("name", ["", "..", "/", "a&#10;b.png"])
def test_a_name_that_is_none_is_refused_by_a_line(name, tmp_path):
    export = read_cvat(put(tmp_path / "x.xml", image("", name) + image("", "b.png")), GIVEN)
    assert [frame.name for frame in export.frames] == ["b.png"]
    assert export.refused[0].startswith("image 1: names its picture")


def test_a_name_that_leads_out_of_the_export_is_cut_down(tmp_path):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "in" / "x.xml", image("", "../a.png"))
    (frame,) = read_cvat(tmp_path / "in", GIVEN).frames
    assert (frame.name, frame.image) == ("a.png", None)


ENTITIES = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;">]>'
BAD_XML = {
    "empty": "",
    "text": "hello",
    "cut off": "<annotations><image",
    "entities": f"{ENTITIES}<annotations><version>&y;</version></annotations>",
    "outside entity": '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>',
    "other root": "<html></html>",
    "deep": "<annotations>" + "<a>" * 5000 + "</a>" * 5000 + "</annotations>",
    "encoding": '<?xml version="1.0" encoding="klingon"?><annotations/>',
}


@pytest.mark.parametrize("text", BAD_XML.values(), ids=BAD_XML)
def test_a_file_that_is_none_of_cvat_is_refused_and_the_rest_goes_on(text, tmp_path):
    (tmp_path / "bad.xml").write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"bad\.xml"):
        read_cvat(tmp_path / "bad.xml", ReadOptions())
    put(tmp_path / "good.xml", image(""))
    export = read_cvat(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == ["a.png"]
    assert len(export.refused) == 1


VIDEO_META = (
    "<meta><task><size>4</size><mode>interpolation</mode><start_frame>10</start_frame><stop_frame>19</stop_frame>"
    "<frame_filter>step=3</frame_filter><labels><label><name>gland</name></label><label><name>lesion</name></label>"
    "</labels><original_size><width>30</width><height>20</height></original_size></task></meta>"
)


def track(*boxes: str, label="gland", rest="") -> str:
    return f'<track id="0" label="{label}"{rest}>{"".join(boxes)}</track>'


def box(frame: int, x: int, outside=0, keyframe=1) -> str:
    corners = f'xtl="{x}" ytl="0" xbr="{x + 5}" ybr="5"'
    return f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" {corners} z_order="0"/>'


def shown(source: Path, options: ReadOptions = GIVEN) -> dict[str, list[float]]:
    """Frame name -> left sides of its boxes."""
    return {f.name: [item.rings[0][:, 0].min() for item in f.draw()] for f in read_cvat(source, options).frames}


def test_a_track_holds_until_its_next_keyframe_and_hides_outside(tmp_path):
    body = track(box(10, 1), box(16, 7)) + track(box(13, 2), box(16, 2, outside=1), label="lesion")
    source = put(tmp_path / "x.xml", body, VIDEO_META)
    assert shown(source) == {
        "frame_000010.png": [1],
        "frame_000013.png": [1, 2],
        "frame_000016.png": [7],
        "frame_000019.png": [7],
    }
    assert any("earlier shape holds" in note for note in read_cvat(source, ReadOptions()).notes)


def test_interpolated_shapes_are_taken_as_they_are(tmp_path):
    source = put(tmp_path / "x.xml", track(box(10, 1), box(13, 3, keyframe=0), box(16, 5), box(19, 5, 1)), VIDEO_META)
    assert list(shown(source).values()) == [[1], [3], [5], []]
    assert not any("earlier shape" in note for note in read_cvat(source, ReadOptions()).notes)


def test_the_pictures_of_a_video_are_found_by_their_number(tmp_path):
    put(tmp_path / "annotations.xml", track(box(10, 1)), VIDEO_META)
    put_picture(tmp_path / "images" / "frame_000013.PNG")
    export = read_cvat(tmp_path, ReadOptions())
    assert {f.name: f.image is not None for f in export.frames}["frame_000013.PNG"]
    assert [f.size for f in export.frames] == [(20, 30)] * 4


def test_a_video_format_of_single_images_is_refused_because_their_names_are_missing(tmp_path):
    put(tmp_path / "annotations.xml", track(box(10, 1)), VIDEO_META)
    put_picture(tmp_path / "images" / "patient.png")
    export = read_cvat(tmp_path, ReadOptions())
    assert "export as CVAT for images 1.1" in export.refused[0]
    assert [f.draw for f in export.frames] == [None]


@pytest.mark.parametrize(
    ("body", "meta"),
    [
        (track(box(10, 1), rest=' task_id="1"') + track(box(10, 1), rest=' task_id="2"'), VIDEO_META),
        (track(box(10, 1)), VIDEO_META.replace("<stop_frame>19<", "<stop_frame>999999999<")),
        (track(box(10, 1)), VIDEO_META.replace("<width>30<", "<width>x<")),
        (track(box(10, 1)), META),
        (track(box(-4, 1)), VIDEO_META),
        (track(box(10**12, 1)), VIDEO_META),
        (track(box(10, 1).replace('frame="10"', 'frame="x"')), VIDEO_META),
        (track(box(10, 1)), VIDEO_META.replace("step=3", "step=x")),
    ],
)
def test_a_video_that_cannot_be_placed_is_refused_by_a_line(body, meta, tmp_path):
    export = read_cvat(put(tmp_path / "x.xml", body, meta), GIVEN)
    assert export.frames == []
    assert len(export.refused) == 1


def archive(folder: Path, masks: dict[str, np.ndarray], labelmap: str) -> Path:
    (folder / "SegmentationClass").mkdir(parents=True)
    (folder / "labelmap.txt").write_text(labelmap, encoding="utf-8")
    for name, mask in masks.items():
        Image.fromarray(mask).save(folder / "SegmentationClass" / name)
    return folder


LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ngland:250,50,83::\nle:sion:36,179,83::\n"


def test_a_mask_archive_is_read_by_its_colours(tmp_path):
    mask = np.zeros((20, 30, 3), np.uint8)
    mask[2:5, 3:9] = (250, 50, 83)
    mask[3, 4] = (36, 179, 83)
    palette = Image.fromarray(np.uint8(mask.any(axis=2)))
    palette.putpalette([0, 0, 0, 250, 50, 83])
    folder = archive(tmp_path, {"a [1].png": mask}, LABELMAP)
    palette.save(folder / "SegmentationClass" / "b.png")
    put_picture(folder / "JPEGImages" / "a [1].jpg")
    put_picture(folder / "JPEGImages" / "empty.jpg")
    export = read_cvat(folder, ReadOptions())
    frames = {frame.name: frame for frame in export.frames}
    assert export.classes.labels == {0: "background", 1: "gland", 2: "le:sion"}
    labels, _ = compose(frames["a [1].jpg"].draw(), export.classes, (20, 30))
    assert np.bincount(labels.ravel()).tolist() == [600 - 18, 17, 1]
    assert frames["a [1].jpg"].image is not None
    assert [item.plane.sum() for item in frames["b.png"].draw()] == [18]
    assert frames["empty.jpg"].draw is None
    assert any("not annotated" in note for note in export.notes)


def test_a_colour_that_labelmap_does_not_name_refuses_its_frame(tmp_path):
    mask = np.zeros((20, 30, 3), np.uint8)
    mask[0, :3] = (1, 2, 3)
    export = read_cvat(archive(tmp_path, {"a.png": mask}, LABELMAP), ReadOptions())
    with pytest.raises(AnnotationError, match=r"3 px have the colour 1,2,3"):
        export.frames[0].draw()


@pytest.mark.parametrize("line", ["gland", "gland:1,2::", "gland:1,2,300::", "gland:a,b,c::", ":1,2,3::", "g:0,0,0::"])
def test_a_labelmap_that_cannot_be_read_is_an_error(line, tmp_path):
    folder = archive(tmp_path, {"a.png": np.zeros((2, 2, 3), np.uint8)}, f"{line}\n")
    with pytest.raises(AnnotationError, match=r"labelmap\.txt"):
        read_cvat(folder, ReadOptions())


def test_a_folder_without_anything_of_cvat_is_an_error(tmp_path):
    put_picture(tmp_path / "a.png")
    with pytest.raises(AnnotationError, match=r"holds no XML of CVAT 1\.1 and no mask archive"):
        read_cvat(tmp_path, ReadOptions())


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    ("folder", "frames", "objects", "left_out"),
    [("for_images/export_project", 6, 6, 6), ("for_images/export_task", 2, 1, 2), ("for_video", 4, 1, 2)],
)
def test_what_cvat_really_wrote(folder, frames, objects, left_out):
    export = read_cvat(REAL / folder, ReadOptions())
    good = [frame for frame in export.frames if (folder, frame.name) != ("for_images/export_task", "img1.jpg")]
    assert len(export.frames) == frames
    assert sum(len(frame.draw()) for frame in good) == objects
    assert len(export.refused) == left_out


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
def test_an_object_without_label_refuses_its_frame():
    export = read_cvat(REAL / "for_images" / "export_task", ReadOptions())
    with pytest.raises(AnnotationError, match="shape 1: has no label"):
        export.frames[1].draw()
