"""POST /v1/segment over a tiny model: what is answered is what the predictor says, in every form."""

import io

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.polygons import fill
from trus.data.annotations.rle import decode
from trus.data.images import read_frame
from trus.inference.metadata import STATEMENT
from trus.inference.predictor import open_predictor


@pytest.fixture
def frame(dataset):
    return dataset / "images" / "p2_0.png"


@pytest.fixture
def ask(small_service):
    """`ask(content, accept, **options)` -> the answer."""
    return small_service.post


def mask_of(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def clip(path, frames: int) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for n in range(frames):
        writer.write(np.full((48, 64, 3), 4 * n, np.uint8))
    writer.release()
    return path.read_bytes()


def test_the_png_is_what_predict_says(ask, frame, tiny_model):
    answer = ask(frame.read_bytes(), "image/png")
    expected = open_predictor(tiny_model.onnx).predict(read_frame(frame)).labels
    assert np.array_equal(mask_of(answer), expected)
    assert set(np.unique(expected)) == {0, 1, 2}
    assert answer.headers["trus-model"] == "tiny"
    assert "segment;dur=" in answer.headers["server-timing"]


def test_the_document_holds_the_same_mask_in_every_form(ask, frame, tiny_model):
    document = ask(frame.read_bytes(), spacing="0.2,0.25").json()
    predictor = open_predictor(tiny_model.onnx)
    labels = predictor.predict(read_frame(frame)).labels
    (one,) = document["frames"]
    assert document["statement"] == STATEMENT
    assert document["model"] == {"name": "tiny", "sha256": predictor.model_hash}
    assert [each["name"] for each in one["classes"]] == ["gland", "lesion"]
    for each, plane in zip(one["classes"], predictor.classes.planes(labels).astype(bool), strict=True):
        assert np.array_equal(decode(each["rle"]["counts"], tuple(each["rle"]["size"])), plane)
        rings = [np.array(ring, float) for part in each["components"] for ring in part["outer"] + part["holes"]]
        assert np.array_equal(fill(rings, plane.shape), plane)
        assert each["area_px"] == plane.sum() == sum(part["area_px"] for part in each["components"])
        assert each["area_mm2"] == pytest.approx(plane.sum() * 0.05)
        assert all(0.5 <= part["mean_probability"] <= 1 for part in each["components"])


def test_without_a_certain_spacing_there_is_no_area_in_mm2(ask, frame):
    (one,) = ask(frame.read_bytes()).json()["frames"]
    assert one["spacing_mm"] is None
    assert "does not say" in one["spacing_note"]
    assert {each["area_mm2"] for each in one["classes"]} == {None}


def test_one_class_of_a_nest_covers_what_lies_in_it(ask, frame, tiny_model):
    predictor = open_predictor(tiny_model.onnx)
    planes = predictor.classes.planes(predictor.predict(read_frame(frame)).labels)
    assert np.array_equal(mask_of(ask(frame.read_bytes(), "image/png", classes="lesion")), 2 * planes[1])
    gland = predictor.probabilities(read_frame(frame))[0] >= 0.5
    assert np.array_equal(mask_of(ask(frame.read_bytes(), "image/png", classes="gland")), gland)


def test_thresholds_for_all_and_by_class(ask, frame, tiny_model):
    probabilities = open_predictor(tiny_model.onnx).probabilities(read_frame(frame))
    (one,) = ask(frame.read_bytes(), threshold="0.9").json()["frames"]
    assert [each["threshold"] for each in one["classes"]] == [0.9, 0.9]
    assert one["classes"][1]["area_px"] == (probabilities[1] >= 0.9).sum()
    (one,) = ask(frame.read_bytes(), threshold="lesion=0.7").json()["frames"]
    assert [each["threshold"] for each in one["classes"]] == [0.5, 0.7]


def test_a_region_is_segmented_alone(ask, frame, tiny_model):
    labels = mask_of(ask(frame.read_bytes(), "image/png", region="10,8,80,70"))
    expected = open_predictor(tiny_model.onnx).predict(read_frame(frame), (10, 8, 80, 70)).labels
    assert np.array_equal(labels, expected)
    assert ask(frame.read_bytes(), region="10,8,800,70").status_code == 422


@pytest.mark.parametrize(
    ("accept", "kind"),
    {
        "*/*": "application/json",
        "image/*": "image/png",
        "image/png;q=0.2, application/json;q=0.1": "image/png",
        "application/dicom, application/json;q=0.5": "application/json",
        "application/json;q=0, */*": "image/png",
        "text/html, application/xhtml+xml, */*;q=0.8": "application/json",
    }.items(),
)
def test_accept_is_obeyed(accept, kind, ask, frame):
    assert ask(frame.read_bytes(), accept).headers["content-type"] == kind


def test_an_unknown_accept_names_what_there_is(ask, frame):
    answer = ask(frame.read_bytes(), "text/csv")
    assert answer.status_code == 406
    assert all(kind in answer.json()["detail"] for kind in ("application/json", "image/png", "application/dicom"))
    answer = ask(frame.read_bytes(), "application/dicom")
    assert answer.status_code == 406
    assert "DICOM uploads only" in answer.json()["detail"]


def test_frames_of_a_clip(ask, tmp_path):
    content = clip(tmp_path / "c.avi", 40)
    document = ask(content, frames="3-4,20").json()
    assert [one["frame"] for one in document["frames"]] == [3, 4, 20]
    assert document["frames_held"] == 40
    assert mask_of(ask(content, "image/png")).shape == (48, 64)
    for accept, frames, words in (
        ("application/json", "", "/v1/jobs"),
        ("application/json", "0-39", "/v1/jobs"),
        ("application/json", "40", "from 0 to 39"),
        ("image/png", "0-1", "one frame"),
    ):
        answer = ask(content, accept, frames=frames)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "2"},
        {"threshold": "nan"},
        {"threshold": "nerve=0.5"},
        {"threshold": "0.5,0.6"},
        {"classes": "nerve"},
        {"frames": "a"},
        {"frames": "3-1"},
        {"spacing": "1"},
        {"spacing": "0,0"},
        {"region": "5,5,5,5"},
        {"region": "file"},
        {"colour": "red"},
    ],
)
def test_wrong_options_are_refused_with_the_way_out(options, ask, frame):
    answer = ask(frame.read_bytes(), **options)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 20


def test_an_unknown_model(ask, frame):
    answer = ask(frame.read_bytes(), model="other")
    assert answer.status_code == 404
    assert "tiny" in answer.json()["detail"]


def test_the_body_itself_may_be_the_file(small_service, frame):
    address = f"{small_service.running.address}/v1/segment?classes=lesion"
    answer = httpx.post(address, content=frame.read_bytes(), headers={"content-type": "image/png"}, timeout=60)
    (one,) = answer.json()["frames"]
    assert [each["name"] for each in one["classes"]] == ["lesion"]
