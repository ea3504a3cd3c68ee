"""Disagreement maps: the heat by hand, and what a map shows where."""

import numpy as np
import pytest

from trus.data.annotations.annotators import SharedFrame
from trus.data.classes import Classes
from trus.data.images import read_frame, write_image
from trus.data.manifest import Manifest, write_manifest
from trus.evaluation.agreement.disagreement import ScoredFrame, disagreement, write_map, write_sheet
from trus.inference.overlay import class_colour

CLASSES = Classes.from_dict({"labels": {"0": "background", "1": "lesion"}})


def frame_of(folder, *boxes, name="кадр [1]") -> ScoredFrame:
    write_image(folder / f"{name}.png", np.full((90, 120), 100, np.uint8))
    rows = {}
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        labels = np.zeros((90, 120), np.uint8)
        labels[y0:y1, x0:x1] = 1
        write_image(folder / f"{number}/masks.png", labels)
        CLASSES.save(folder / f"{number}/classes.json")
        row = {"image_id": name, "image": f"../{name}.png", "mask": "masks.png"}
        write_manifest(folder / f"{number}/manifest.csv", [row])
        rows[f"R{number}"] = Manifest.load(folder / f"{number}/manifest.csv").frames[0]
    return ScoredFrame(SharedFrame(name, rows), 0.5, {"lesion": 0.5})


def test_disagreement_by_hand():
    planes = np.array([[[[0, 1, 1, 1]]], [[[0, 1, 1, 0]]], [[[0, 1, 0, 0]]], [[[0, 1, 0, 0]]]])
    assert disagreement(planes)[0].tolist() == pytest.approx([0, 0, 1, 0.75])


def colours(path) -> np.ndarray:
    return read_frame(path).reshape(-1, 3).astype(int)


def reddish(path) -> int:
    pixels = colours(path)
    return int(((pixels[:, 0] > pixels[:, 1] + 40) & (pixels[:, 0] > pixels[:, 2] + 20)).sum())


def test_a_map_shows_everyones_contour_and_red_where_they_disagree(tmp_path):
    path = tmp_path / "map.png"
    write_map(frame_of(tmp_path, (20, 20, 60, 60), (30, 20, 80, 60)), ["R0", "R1"], CLASSES, path)
    for index in (0, 1):
        assert (np.abs(colours(path) - class_colour(index)).max(1) < 30).sum() > 100
    assert reddish(path) > 500


def test_where_all_agree_nothing_is_red(tmp_path):
    path = tmp_path / "map.png"
    # the colours of the third and fourth annotator hold no red
    annotators = ["A", "B", "R0", "R1"][::-1]
    write_map(frame_of(tmp_path, (20, 20, 60, 60), (20, 20, 60, 60)), annotators, CLASSES, path)
    agreed = reddish(path)
    write_map(frame_of(tmp_path, (20, 20, 60, 60), (40, 20, 60, 60)), annotators, CLASSES, path)
    assert reddish(path) > 10 * max(agreed, 100)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_sheet_takes_any_number_and_objects_at_the_border(tmp_path, count):
    frames = [
        frame_of(tmp_path / str(n), (0, 0, 3, 3), (118, 88, 120, 90), name=f"{'длинное имя ' * 9}{n}")
        for n in range(count)
    ]
    write_sheet(frames, ["R0", "R1"], CLASSES, tmp_path / "sheet.png")
    height, width, _ = read_frame(tmp_path / "sheet.png").shape
    assert width == min(3, count) * 488 - 8
    assert height > 390 * -(-count // 3)
