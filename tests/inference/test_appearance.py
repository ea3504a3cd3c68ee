"""Whether a frame looks like the training frames: what is noticed, what is not, and what a model file holds of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from trus.data.images import frame_files, read_frame
from trus.errors import ModelFileError
from trus.inference.appearance import Appearance, measure_frame, summarise, unlike, warnings_for
from trus.inference.appearance.measures import NAMES
from trus.inference.metadata import parse_metadata

from ..conftest import draw_frame
from .test_metadata import DOCUMENT


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return [draw_frame(seed, (240, 320))[0] for seed in range(30)]


@pytest.fixture(scope="module")
def appearance(frames) -> Appearance:
    found = summarise([measure_frame(frame) for frame in frames])
    assert found is not None
    return found


def codes(image: np.ndarray, appearance: Appearance, region=None) -> set[str]:
    return {warning.code for warning in warnings_for(image, region, appearance)}


def test_frames_of_the_same_kind_are_not_warned_of(appearance):
    assert not any(codes(draw_frame(seed, (240, 320))[0], appearance) for seed in range(100, 120))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (np.zeros_like, "blank"),
        (lambda image: image // 5, "dark"),
        (lambda image: image // 2 + 128, "bright"),
        (lambda image: np.stack([image, image // 2, image // 3], 2), "colour"),
        (lambda image: image[::4, ::4], "size"),
        (lambda image: image[:, :100], "shape"),
        (lambda image: np.kron(image[::8, ::8], np.ones((8, 8), np.uint8)), "texture"),
        (lambda image: np.where(image > 100, 255, 60).astype(np.uint8), "even"),
    ],
)
def test_what_is_unlike_them_is_named(frames, appearance, spoil, code):
    assert code in codes(spoil(frames[0]), appearance)


def test_a_warning_is_a_sentence_with_numbers(frames, appearance):
    (dark, *_) = (w for w in warnings_for(frames[0] // 5, None, appearance) if w.code == "dark")
    assert dark.detail.startswith("the frame is darker than the training frames (")
    assert "; theirs " in dark.detail


def test_measures_together_tell_what_none_tells_alone():
    """Two brightnesses that occur, each with a contrast of its own: exchanged, every number is usual by itself."""
    random = np.random.default_rng(0)
    base = measure_frame(draw_frame(0, (240, 320))[0])
    measured = [
        base | {"brightness": level + random.normal(0, 0.01), "contrast": level / 2 + random.normal(0, 0.005)}
        for level in random.uniform(0.2, 0.8, 200)
    ]
    appearance = summarise(measured)
    assert unlike(base | {"brightness": 0.5, "contrast": 0.25}, appearance) == []
    (warning,) = unlike(base | {"brightness": 0.75, "contrast": 0.13}, appearance)
    assert warning.code == "unlike"


def test_only_the_region_counts(frames, appearance):
    screen = np.zeros((400, 600), np.uint8)
    screen[50:290, 200:520] = frames[3]
    assert codes(screen, appearance)
    assert not codes(screen, appearance, (200, 50, 520, 290))


def test_sixteen_bits_and_grey_as_rgb_measure_the_same(frames):
    eight = measure_frame(frames[0])
    for other in (frames[0].astype(np.uint16) * 257, np.repeat(frames[0][..., None], 3, 2)):
        assert measure_frame(other) == pytest.approx(eight, abs=2e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 3), (40, 30, 3)])
def test_pictures_of_any_size_are_measured(shape):
    measures = measure_frame(np.full(shape, 9, np.uint8))
    assert {*measures} == {*NAMES}
    assert np.isfinite([*measures.values()]).all()


def test_very_few_frames_tell_nothing(frames):
    assert summarise([measure_frame(frame) for frame in frames[:7]]) is None
    assert warnings_for(frames[0], None, None) == []


def test_equal_frames_give_ranges_too(frames):
    appearance = summarise([measure_frame(frames[0])] * 9)
    assert codes(frames[0], appearance) == set()


def test_a_model_file_holds_it_and_an_older_one_does_not_know(appearance):
    held = parse_metadata(json.dumps(DOCUMENT | {"appearance": appearance.model_dump()}), "m.onnx")
    assert held.appearance == appearance
    assert parse_metadata(json.dumps(DOCUMENT | {"schema_version": 3}), "m.onnx").appearance is None
    assert len(appearance.model_dump_json()) < 4000


@pytest.mark.parametrize(
    "joint",
    [
        {"names": ["colour"], "centre": [0.0], "covariance": [[1.0]], "distance": 1.0},
        {"names": ["black"], "centre": [0.0, 1.0], "covariance": [[1.0]], "distance": 1.0},
        {"names": ["black"], "centre": [0.0], "covariance": [[0.0]], "distance": 1.0},
        {"names": ["black"], "centre": [0.0], "covariance": [[1.0]], "distance": -1.0},
    ],
)
def test_numbers_that_cannot_be_used_are_damage(appearance, joint):
    document = DOCUMENT | {"appearance": appearance.model_dump() | {"joint": joint}}
    with pytest.raises(ModelFileError, match="does not fit schema 4"):
        parse_metadata(json.dumps(document), "m.onnx")


USGRA = Path(__file__).parents[3] / "shared" / "data" / "usgra"


@pytest.mark.real_data
@pytest.mark.skipif(not USGRA.is_dir(), reason="../shared/data is not here")
def test_of_real_frames_hardly_any_is_warned_of_and_of_other_kinds_most():
    training, test = frame_files(USGRA / "images")[::3], frame_files(USGRA / "test" / "images")[::2]
    busi = [file for file in frame_files(USGRA.parent / "busi_subset") if "mask" not in file.stem][::36]
    appearance = summarise([measure_frame(read_frame(file)) for file in training])
    warned = {name: [bool(warnings_for(read_frame(file), None, appearance)) for file in files]
              for name, files in (("test", test), ("busi", busi))}  # fmt: skip
    assert np.mean(warned["test"]) <= 0.05
    assert np.mean(warned["busi"]) >= 0.4
