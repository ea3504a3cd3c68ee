"""What labelme, cvat, label-studio and nifti write comes back: exactly, or within the tolerance of polygons."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from trus.data.annotations import FORMATS
from trus.data.annotations.exchange import FrameOut, Painted, ReadOptions, WriteOptions
from trus.data.annotations.objects import compose
from trus.data.classes import Classes
from trus.data.images import write_image

CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
MINE = ("labelme", "cvat", "label-studio", "nifti")
EXACT = [WriteOptions("polygon", 0), WriteOptions("rle", 0)]


def outgoing(masks, picture=None) -> list[FrameOut]:
    """Frames under flat names, each with its own picture."""

    def frame(number, name, labels):
        size = (90, 120) if labels is None else labels.shape
        image = np.full(size, number, np.uint8) if picture is None else picture(number, size)
        file_name = name.replace("/", "__") + ".png"
        return FrameOut(name, file_name, size, lambda: labels, lambda path: write_image(path, image), (0.1, 0.2))

    return [frame(number, name, labels) for number, (name, labels) in enumerate(masks.items())]


def written(name: str, masks, out: Path, options: WriteOptions, picture=None) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    return FORMATS[name].write(outgoing(masks, picture), CLASSES, out, options)


def read_back(name: str, folder: Path) -> dict[str, np.ndarray | None]:
    export = FORMATS[name].read(folder, ReadOptions(CLASSES))
    assert export.refused == []
    return {
        frame.name: None if frame.draw is None else compose(frame.draw(), CLASSES, frame.size)[0]
        for frame in export.frames
    }


@pytest.mark.parametrize("options", EXACT, ids=lambda options: options.geometry)
@pytest.mark.parametrize("name", MINE)
def test_hard_masks_come_back_exactly(name, options, hard_labels, picture, tmp_path):
    folder = tmp_path / "out [1] кадры"
    written(name, hard_labels, folder, options, picture)
    found = read_back(name, folder)
    assert set(found) == {image_id.replace("/", "__") + ".png" for image_id in hard_labels}
    for image_id, labels in hard_labels.items():
        back = found[image_id.replace("/", "__") + ".png"]
        if labels is None:
            assert back is None, image_id
        else:
            np.testing.assert_array_equal(back, labels, err_msg=image_id)


@pytest.mark.parametrize("name", ["labelme", "cvat", "label-studio"])
def test_polygons_stray_no_farther_than_their_tolerance(name, hard_labels, tmp_path):
    written(name, hard_labels, tmp_path / "out", WriteOptions("polygon", 1.0))
    found = read_back(name, tmp_path / "out")
    strayed = 0
    for image_id, labels in hard_labels.items():
        back = found[image_id.replace("/", "__") + ".png"]
        if labels is None or not labels.any():
            assert back is None if labels is None else not back.any()
            continue
        padded = np.pad(labels, 1, mode="edge")
        edge = sum(np.roll(padded, shift, axis) != padded for shift in (1, -1) for axis in (0, 1))[1:-1, 1:-1] > 0
        distance = distance_transform_edt(~edge)
        strayed += int((back != labels).sum())
        assert distance[back != labels].max(initial=0) <= 1.0 + 0.71, image_id
    assert strayed > 0  # otherwise the tolerance was not used at all


@pytest.mark.parametrize("options", EXACT, ids=lambda options: options.geometry)
@pytest.mark.parametrize("name", MINE)
@given(
    labels=arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 2, 5, 7]))
)
@settings(max_examples=12, deadline=None)
def test_any_mask_comes_back_exactly(name, options, labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    written(name, {"a": labels}, folder, options)
    np.testing.assert_array_equal(read_back(name, folder)["a.png"], labels)


@pytest.mark.parametrize("name", MINE)
def test_the_picture_is_found_beside_its_masks(name, hard_labels, picture, tmp_path):
    written(name, hard_labels, tmp_path, WriteOptions("rle"), picture)
    frames = FORMATS[name].read(tmp_path, ReadOptions()).frames
    assert len(frames) == len(hard_labels)
    for number, image_id in enumerate(hard_labels):
        frame = next(frame for frame in frames if frame.name == image_id.replace("/", "__") + ".png")
        if name == "nifti":
            np.testing.assert_array_equal(frame.picture(), picture(number))
        else:
            assert frame.image.name == frame.name


@pytest.mark.parametrize("name", MINE)
def test_without_a_drawn_object_classes_must_be_given(name, tmp_path):
    empty = {"a": np.zeros((9, 9), np.uint8)}
    written(name, empty, tmp_path, WriteOptions("rle"))
    found = read_back(name, tmp_path)
    assert not found["a.png"].any()


@pytest.mark.parametrize("name", ["labelme", "nifti"])
def test_two_frames_that_would_share_a_file_are_not_written_over_each_other(name, tmp_path):
    frames = outgoing({"a": np.ones((5, 5), np.uint8) * 2})
    twin = FrameOut("b", "a.jpg", (5, 5), frames[0].labels, frames[0].copy_image)
    with pytest.raises(Exception, match=r"a\.jpg: another frame"):
        FORMATS[name].write([*frames, twin], CLASSES, tmp_path, WriteOptions("rle"))


def test_every_object_of_a_class_is_one_of_its_own(hard_labels, tmp_path):
    written("cvat", hard_labels, tmp_path, WriteOptions("rle"))
    frames = {frame.name: frame for frame in FORMATS["cvat"].read(tmp_path, ReadOptions()).frames}
    names = sorted(item.name for item in frames["nested.png"].draw())
    assert names == ["gland", "lesion", "lesion"]
    assert all(isinstance(item, Painted) for item in frames["nested.png"].draw())
