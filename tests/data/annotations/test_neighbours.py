"""Frames of a clip look nearly alike: a picture of the next one is not taken for its neighbour."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.exchange import AnnotatedFrame, Export, Format, Outline
from trus.data.annotations.importing import ImportOptions, ImportSummary, import_annotations
from trus.data.annotations.neighbours import REACH
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.data.manifest import write_manifest

GLAND = Classes.from_dict({"labels": {"1": "gland"}})
BOX = Outline("gland", (np.array([[10, 10], [60, 10], [60, 40], [10, 40]], float),))
FRAMES = 8


def clip(picture, frames: int) -> list[np.ndarray]:
    """One picture that slowly turns into another, uint8 (H, W)."""
    first, last = picture(0).astype(float), picture(1).astype(float)
    return [(first + (last - first) * k / FRAMES).round().astype(np.uint8) for k in range(frames)]


def data_set(folder: Path, frames: list[np.ndarray]) -> Path:
    for number, pixels in enumerate(frames):
        write_image(folder / f"clip_{number:03d}.png", pixels)
    names = [f"clip_{number:03d}" for number in range(len(frames))]
    write_manifest(folder / "manifest.csv", [{"image_id": name, "image": f"{name}.png"} for name in names])
    GLAND.save(folder / "classes.json")
    return folder / "manifest.csv"


def as_is(pixels: np.ndarray) -> np.ndarray:
    return pixels


def resized(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_AREA)


def noisy(pixels: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 12, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def exported(folder: Path, frames: list[np.ndarray], first: int, change) -> Format:
    """An export whose picture number k shows the frame `first` + k."""
    items = []
    for number, pixels in enumerate(frames[first:]):
        path = folder / f"clip_{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(change(pixels)).save(path)
        items.append(AnnotatedFrame(path.name, lambda: [BOX], image=path))
    return Format("made", read=lambda source, options: Export(GLAND, items))


def take(form: Format, tmp_path: Path, manifest: Path) -> ImportSummary:
    return import_annotations(form, tmp_path, tmp_path / "out", ImportOptions(manifest=manifest))


@pytest.mark.parametrize("change", [as_is, resized, noisy])
def test_a_clip_counted_from_another_number_is_refused(tmp_path, picture, change):
    frames = clip(picture, FRAMES)
    manifest = data_set(tmp_path / "data", frames)
    summary = take(exported(tmp_path / "export", frames, 1, change), tmp_path, manifest)
    assert len(summary.refused) == FRAMES - 1
    assert all(re.search(r"clip_00\d.png: shows clip_00\d \(likeness", line) for line in summary.refused)
    assert summary.annotated == 0


@pytest.mark.parametrize("change", [as_is, resized, noisy])
def test_the_frames_of_a_clip_are_taken_each_for_itself(tmp_path, picture, change):
    frames = clip(picture, FRAMES)
    frames += frames[-1:]  # a clip that stands still
    manifest = data_set(tmp_path / "data", frames)
    assert take(exported(tmp_path / "export", frames, 0, change), tmp_path, manifest).refused == []


def test_only_frames_near_by_are_read(tmp_path, picture, monkeypatch):
    frames = [picture(0)] + [picture(1)] * (REACH + 20)
    manifest = data_set(tmp_path / "data", frames)
    read: list[Path] = []
    monkeypatch.setattr("trus.data.annotations.neighbours.read_frame", lambda path: read.append(path) or frames[1])
    take(exported(tmp_path / "export", frames[:1], 0, noisy), tmp_path, manifest)
    assert len(read) == REACH
