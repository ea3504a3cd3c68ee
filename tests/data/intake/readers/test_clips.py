import cv2
import numpy as np
import pytest

from trus.data.intake.clips import open_clip
from trus.data.intake.open import open_source
from trus.errors import IntakeError

CODES = {"avi": "MJPG", "mp4": "mp4v"}


def write(path, kind, frames):
    made = path.with_name(f"made.{kind}")
    writer = cv2.VideoWriter(str(made), cv2.VideoWriter_fourcc(*CODES[kind]), 20, frames[0].shape[1::-1])
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return made.rename(path)


def clip(count=12):
    return [np.full((48, 64, 3), (10 + 15 * number, 40, 200), np.uint8) for number in range(count)]


@pytest.mark.parametrize("kind", CODES)
def test_frames_in_order_and_in_rgb(tmp_path, kind):
    source = open_source(write(tmp_path / "клип (1).bin", kind, clip()))
    assert (source.header.kind, source.header.frames, source.header.size) == (kind, 12, (48, 64))
    assert source.header.spacing is None
    found = dict(source.frames())
    assert list(found) == list(range(12))
    for number, frame in found.items():
        assert frame.dtype == np.uint8
        np.testing.assert_allclose(frame, clip()[number], atol=8)


@pytest.mark.parametrize("kind", CODES)
def test_wanted_frames_are_the_same_as_those_of_the_whole(tmp_path, kind):
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + rng.integers(0, 40, frame.shape), 0, 255).astype(np.uint8) for frame in clip()]
    source = open_source(write(tmp_path / "x", kind, noisy))
    whole = dict(source.frames())
    for wanted in (range(3, 11, 4), range(11, 99), range(0)):
        found = dict(source.frames(wanted))
        assert list(found) == [number for number in wanted if number < 12]
        for number, frame in found.items():
            np.testing.assert_array_equal(frame, whole[number])


def test_all_frames_have_one_shape_whatever_is_on_them(tmp_path):
    frames = [np.full((48, 64, 3), 0, np.uint8), *clip(3)]
    assert {frame.shape for _, frame in open_source(write(tmp_path / "x", "avi", frames)).frames()} == {(48, 64, 3)}


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_truncated_avi_yields_what_it_has_then_says_so(tmp_path, share, capfd):
    path = write(tmp_path / "Zhivagova.avi", "avi", clip(40))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    seen = []
    with pytest.raises(IntakeError, match="truncated") as caught:
        seen.extend(number for number, _ in open_source(path).frames())
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 40
    assert caught.value.__context__ is None
    assert capfd.readouterr() == ("", "")


def test_a_truncated_mp4_is_refused(tmp_path, capfd):
    path = write(tmp_path / "Zhivagova.mp4", "mp4", clip(40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IntakeError, match=r"damaged|truncated"):
        list(open_source(path).frames())
    assert capfd.readouterr() == ("", "")


def test_rotation_of_the_container_turns_the_frames(tmp_path):
    path = write(tmp_path / "x", "mp4", clip(3))
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    turned = [0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, signed=True) for value in turned)
    path.write_bytes(content)
    source = open_source(path)
    assert source.header.size == (64, 48)
    assert {frame.shape[:2] for _, frame in source.frames()} == {(64, 48)}


def test_a_list_of_other_files_is_no_clip(tmp_path):
    write(tmp_path / "a.mp4", "mp4", clip())
    listed = tmp_path / "listed"
    listed.write_text("ffconcat version 1.0\nfile a.mp4\n")
    with pytest.raises(IntakeError):
        open_clip(listed, "mp4")
