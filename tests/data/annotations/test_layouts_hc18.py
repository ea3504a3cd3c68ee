"""HC18: outlines and filled heads, pixel sizes, fetuses, on made folders."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.layouts import read_hc18
from trus.data.annotations.layouts.hc18 import fill_outline
from trus.data.images import write_image
from trus.errors import AnnotationError, TrusError

OPTIONS = ReadOptions()


def by_id(export):
    return {frame.image_id: frame for frame in export.frames}


def head(shape=(200, 300), centre=(150, 100), axes=(80, 60), angle=20.0, thickness=-1) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    cv2.ellipse(canvas, centre, axes, angle, 0, 360, 255, thickness)
    return canvas


def put_head(folder: Path, stem: str, mask: np.ndarray | None) -> None:
    write_image(folder / f"{stem}.png", np.full((200, 300), 90, np.uint8))
    if mask is not None:
        write_image(folder / f"{stem}_Annotation.png", mask)


@pytest.fixture
def hc18(tmp_path):
    put_head(tmp_path / "images", "004_HC", head())
    put_head(tmp_path / "images", "010_HC", head(thickness=2))
    put_head(tmp_path / "images", "010_2HC", head(thickness=1, centre=(150, 30)))
    put_head(tmp_path / "images", "011_HC", None)
    (tmp_path / "pixel_size_and_HC.csv").write_text(
        "filename,pixel size(mm),head circumference (mm)\n004_HC.png,0.0612,59\n010_HC.png,0.12,60\n010_2HC.png,-1,9\n"
    )
    return tmp_path


def test_hc18_patients_spacing_and_filling(hc18):
    export = read_hc18(hc18, OPTIONS)
    frames = by_id(export)
    assert {key: frame.patient_id for key, frame in frames.items()} == {
        "004_HC": "004", "010_2HC": "010", "010_HC": "010", "011_HC": "011",
    }  # fmt: skip
    assert frames["004_HC"].spacing == (0.0612, 0.0612)
    assert frames["010_2HC"].spacing is None
    assert any("pixel size '-1' of 010_2HC.png is no number of mm" in note for note in export.notes)
    assert any("2 of 4 pictures have no" in note for note in export.notes)
    assert np.array_equal(frames["004_HC"].draw()[0].plane, head() > 0)
    outline = frames["010_HC"].draw()[0].plane
    assert np.array_equal(outline, (head() > 0) | (head(thickness=2) > 0))
    assert frames["011_HC"].draw is None


def test_hc18_a_head_that_the_border_cuts_is_filled(hc18):
    plane = by_id(read_hc18(hc18, OPTIONS))["010_2HC"].draw()[0].plane
    truth = head(centre=(150, 30)) > 0
    assert truth[0].any()
    assert 2 * (plane & truth).sum() / (plane.sum() + truth.sum()) > 0.99


@settings(max_examples=60, deadline=None)
@given(
    x=st.integers(0, 300), y=st.integers(0, 200), a=st.integers(50, 110), b=st.integers(50, 110),
    angle=st.integers(0, 179), thickness=st.integers(1, 4),
)  # fmt: skip
def test_hc18_ellipses_are_filled_wherever_they_lie(x, y, a, b, angle, thickness):
    shape = {"centre": (x, y), "axes": (a, b), "angle": float(angle)}
    line, truth = head(thickness=thickness, **shape) > 0, head(**shape) > 0
    # OpenCV's line and its filled ellipse differ by a pixel here and there
    near = cv2.dilate(line.astype(np.uint8), np.ones((3, 3))) > 0
    assert not ((fill_outline(line) ^ truth) & ~near).any()


def test_hc18_an_open_scribble_and_an_empty_mask_are_refused(hc18):
    scribble = np.zeros((200, 300), np.uint8)
    cv2.polylines(scribble, [np.array([[10, 10], [100, 15], [20, 60], [200, 90], [30, 180]])], False, 255, 2)
    write_image(hc18 / "images/004_HC_Annotation.png", scribble)
    write_image(hc18 / "images/011_HC_Annotation.png", np.zeros((200, 300), np.uint8))
    frames = by_id(read_hc18(hc18, OPTIONS))
    with pytest.raises(AnnotationError, match="has gaps or bends inwards"):
        frames["004_HC"].draw()
    with pytest.raises(AnnotationError, match="is empty, but every picture"):
        frames["011_HC"].draw()


def test_hc18_original_layout_keeps_the_fetuses_of_both_sets_apart(tmp_path):
    put_head(tmp_path / "training_set", "000_HC", head())
    put_head(tmp_path / "test_set", "000_HC", None)
    (tmp_path / "training_set_pixel_size_and_HC.csv").write_text(
        "filename,pixel size(mm),head circumference (mm)\n000_HC.png,0.1,9\n"
    )
    (tmp_path / "test_set_pixel_size.csv").write_text("filename,pixel size(mm)\n000_HC.png,0.2\n")
    frames = by_id(read_hc18(tmp_path, OPTIONS))
    train, test = frames["000_HC"], frames["test_000_HC"]
    assert (train.patient_id, train.split, train.spacing) == ("000", "train", (0.1, 0.1))
    assert (test.patient_id, test.split, test.spacing, test.draw) == ("test_000", "test", (0.2, 0.2), None)


def test_hc18_bad_side_files_and_names(hc18):
    put_head(hc18 / "images", "голова", None)
    (hc18 / "more_pixel_size.csv").write_text("filename,pixel size(mm)\n004_HC.png,0.07\n")
    export = read_hc18(hc18, OPTIONS)
    assert by_id(export)["004_HC"].spacing is None
    assert any("004_HC.png has several pixel sizes [0.0612, 0.07]" in note for note in export.notes)
    assert len(export.refused) == 1
    assert "no number before the first _" in export.refused[0]
    (hc18 / "more_pixel_size.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AnnotationError, match="its columns must begin with filename, pixel size"):
        read_hc18(hc18, OPTIONS)
    with pytest.raises(AnnotationError, match=r"no NNN_HC\.png in it"):
        read_hc18(hc18 / "masks", OPTIONS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_hc18_any_side_file_is_read_or_refused(hc18, content):
    (hc18 / "pixel_size_and_HC.csv").write_bytes(b"filename,pixel size(mm)\n" + content)
    try:
        export = read_hc18(hc18, OPTIONS)
    except TrusError:
        return
    assert all(frame.spacing is None or 0 < frame.spacing[0] < 100 for frame in export.frames)
