"""A clip's frames in order, one ahead, and an error where it belongs."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from trus.data.images import read_frame
from trus.errors import ImageError
from trus.inference.ensemble import open_models
from trus.inference.stream import Frame, predict_stream


@pytest.fixture
def frames(manifest) -> list[Frame]:
    return [Frame(read_frame(frame.image), frame.region, frame.spacing) for frame in manifest.frames[:5]]


def test_frames_come_in_order_and_as_predict_gives_them(predictor, frames):
    streamed = list(predict_stream(predictor, iter(frames)))
    assert len(streamed) == len(frames)
    for frame, found in zip(frames, streamed, strict=True):
        expected = predictor.predict(frame.image, frame.region, frame.spacing)
        assert np.array_equal(found.labels, expected.labels)
        assert np.array_equal(found.probabilities, expected.probabilities)


def test_an_ensemble_streams_too(tiny_model, tmp_path, frames):
    (tmp_path / "copy.onnx").write_bytes(tiny_model.onnx.read_bytes())
    ensemble = open_models([tiny_model.onnx, tmp_path / "copy.onnx"], 1)
    streamed = list(predict_stream(ensemble, frames[:2]))
    assert np.array_equal(streamed[1].labels, ensemble.predict(frames[1].image, frames[1].region).labels)


def test_at_most_one_frame_is_read_ahead(predictor, frames):
    read: list[int] = []

    def counting() -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            read.append(number)
            yield frame

    for done, _ in enumerate(predict_stream(predictor, counting()), 1):
        assert len(read) <= done + 1
    assert read == list(range(5))


def failing(frames: list[Frame], at: int) -> Iterator[Frame]:
    yield from frames[:at]
    raise ImageError("frame 2 is damaged")


def test_an_error_of_reading_comes_after_the_frames_before_it(predictor, frames):
    stream = predict_stream(predictor, failing(frames, at=2))
    assert [next(stream).labels.shape, next(stream).labels.shape] == [frame.image.shape for frame in frames[:2]]
    with pytest.raises(ImageError, match="frame 2 is damaged"):
        next(stream)


def test_an_error_of_preparing_comes_at_its_frame(predictor, frames):
    stream = predict_stream(predictor, [frames[0], Frame(frames[1].image, (0, 0, 9999, 9999)), frames[2]])
    next(stream)
    with pytest.raises(ImageError, match="9999"):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)


def test_no_frame_gives_nothing(predictor):
    assert list(predict_stream(predictor, [])) == []


def test_a_stream_that_is_left_ends_its_thread(predictor, frames):
    stream = predict_stream(predictor, frames)
    next(stream)
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prepare")]
