"""Frames come in: every kind of file, one or many, by every way."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from ..dicom_region import region_item
from . import steps

REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def frame(dataset) -> np.ndarray:
    """A frame of the made set, uint8 (H, W)."""
    return np.asarray(Image.open(dataset / "images" / "p2_0.png"))


def encode(frame: np.ndarray, kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, kind)
    return buffer.getvalue()


def clip(folder: Path, frame: np.ndarray, name: str, code: str) -> Path:
    """A video of five frames that grow brighter."""
    path = folder / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, frame.shape[::-1])
    assert writer.isOpened()
    for number in range(5):
        writer.write(cv2.cvtColor((frame // 8 * (number + 3)).astype(np.uint8), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "tiff"])
def test_a_picture_is_shown_with_its_mask(page, frame, tmp_path, kind):
    path = tmp_path / f"frame.{kind}"
    path.write_bytes(encode(frame, kind))
    steps.open_files(page, path)
    steps.wait_for_mask(page)
    assert page.evaluate("[trusApp.view.picture.height, trusApp.view.picture.width]") == [*frame.shape]
    assert steps.painted(page, "picture") > 10_000
    assert steps.area(page) > 500


@pytest.mark.parametrize(("name", "code"), [("clip.avi", "MJPG"), ("clip.mp4", "mp4v")])
def test_a_clip_has_all_its_frames(page, frame, tmp_path, name, code):
    steps.open_files(page, clip(tmp_path, frame, name, code))
    assert len(steps.names(page)) == 5
    steps.wait_for_mask(page)
    first = page.evaluate("trusApp.view.levelsAt(48, 40)[0]")
    page.keyboard.press("End")
    steps.wait_for_mask(page)
    assert page.evaluate("trusApp.app.frames.position") == 4
    assert page.evaluate("trusApp.view.levelsAt(48, 40)[0]") > first


def test_a_dicom_clip_is_scrubbed_and_has_its_spacing(page, frame, tmp_path, make_us_dicom):
    region = region_item((0, 0, frame.shape[1], frame.shape[0]), delta=0.02)
    content = make_us_dicom([frame, frame // 2, frame // 3], SequenceOfUltrasoundRegions=[region])
    (tmp_path / "IM0001").write_bytes(content)
    steps.open_files(page, tmp_path / "IM0001")
    assert page.evaluate("trusApp.app.frames.list.map((item) => item.number)") == [0, 1, 2]
    steps.wait_for_mask(page)
    assert page.evaluate("trusApp.app.frames.selected.regions[0].spacing") == pytest.approx([0.2, 0.2])
    seen = []
    for _ in range(3):
        steps.wait_for_picture(page)
        seen.append(page.evaluate("trusApp.view.levelsAt(48, 40)[0]"))
        page.keyboard.press("ArrowRight")
    assert seen == [frame[40, 48], frame[40, 48] // 2, frame[40, 48] // 3]


def test_a_folder_comes_in_the_order_of_its_numbers_and_its_other_files_are_told(page, frame, tmp_path):
    for number in (10, 2, 1):
        (tmp_path / f"frame{number}.png").write_bytes(encode(frame, "png"))
    (tmp_path / "notes.txt").write_text("not for here")
    (tmp_path / ".DS_Store").write_text("nor this")
    page.locator("#pick-folder").set_input_files(str(tmp_path))
    steps.wait_for_frames(page, 3)
    assert steps.names(page) == ["frame1.png", "frame2.png", "frame10.png"]
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("notes.txt")
    expect(told).not_to_contain_text("DS_Store")


def test_dropping_and_pasting(page, frame):
    steps.drop(page, ("dropped.png", encode(frame, "png")))
    steps.wait_for_frames(page, 1)
    steps.paste(page, "pasted.png", encode(frame // 2, "png"))
    steps.wait_for_frames(page, 2)
    assert steps.names(page) == ["dropped.png", "pasted.png"]


def test_a_second_drop_in_mid_inference_loses_nothing(page, frame):
    steps.drop(page, *[(f"a{number}.png", encode(frame // (number + 1), "png")) for number in range(4)])
    steps.drop(page, *[(f"b{number}.png", encode(frame // (number + 1), "png")) for number in range(4)])
    steps.wait_for_frames(page, 8)
    assert steps.names(page) == [f"{letter}{number}.png" for letter in "ab" for number in range(4)]
    page.keyboard.press("End")
    steps.wait_for_mask(page)
    assert page.evaluate("trusApp.app.frames.selected.status") == "done"


def test_the_same_file_twice_is_two_frames(page, frame, tmp_path):
    (tmp_path / "one.png").write_bytes(encode(frame, "png"))
    steps.open_files(page, tmp_path / "one.png")
    steps.open_files(page, tmp_path / "one.png")
    assert len(steps.names(page)) == 2


def test_a_frame_taken_off_the_list_leaves_the_service_and_comes_back(page, frame):
    steps.drop(page, ("one.png", encode(frame, "png")))
    steps.wait_for_frames(page, 1)
    steps.wait_for_mask(page)
    area = steps.area(page)
    deleted = []
    page.on("request", lambda request: deleted.append(request.url) if request.method == "DELETE" else None)
    page.keyboard.press("Delete")
    steps.until(page, "trusApp.items.length === 0")
    page.wait_for_load_state("networkidle")
    assert len(deleted) == 1
    page.keyboard.press("Control+z")
    steps.wait_for_mask(page)
    assert steps.area(page) == area


def test_sixteen_bits_are_shown_over_their_own_range(page, frame, tmp_path):
    deep = frame.astype(np.uint16) * 100 + 500
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    steps.open_files(page, tmp_path / "deep.png")
    steps.wait_for_picture(page)
    assert page.evaluate("trusApp.view.picture.range") == [deep.min(), deep.max()]


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not here")
def test_a_real_clip_of_65_frames(page: Page):
    steps.open_files(page, REAL / "dicom_us" / "DIRW0007")
    steps.wait_for_mask(page)
    assert len(steps.names(page)) == 65
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    steps.wait_for_mask(page)
    assert page.evaluate("trusApp.app.frames.selected.number") == 64


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not here")
def test_every_real_dicom_file_is_opened_or_told(page: Page, watch):
    watch.allow(r"status of 4\d\d")
    paths = sorted(path for path in (REAL / "dicom_us").iterdir() if path.name != "DIRW0007")
    steps.open_files(page, *paths)
    told = page.get_by_role("dialog").inner_text() if page.get_by_role("dialog").count() else ""
    opened = {name.partition(" · ")[0] for name in steps.names(page)}
    assert {path.name for path in paths} == opened | {path.name for path in paths if path.name in told}
    assert len(opened) >= 12
