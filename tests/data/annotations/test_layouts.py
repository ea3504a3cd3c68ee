"""Public data sets laid out as folders: usgra, BUSI, HC18. Volumes are in test_layouts_volumes.py."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.layouts import read_busi, read_hc18, read_usgra
from trus.data.images import read_frame, write_image
from trus.errors import AnnotationError

SHARED = Path(__file__).parents[4] / "shared/data"
OPTIONS = ReadOptions()


def put_picture(path: Path, shape: tuple[int, int] = (40, 60)) -> Path:
    write_image(path, np.random.default_rng(len(path.name)).integers(0, 255, shape).astype(np.uint8))
    return path


def put_mask(path: Path, shape: tuple[int, int] = (40, 60), **boxes: tuple[int, int, int, int]) -> np.ndarray:
    """`v255=(x0, y0, x1, y1)` fills a box with 255."""
    labels = np.zeros(shape, np.uint8)
    for value, (x0, y0, x1, y1) in boxes.items():
        labels[y0:y1, x0:x1] = int(value[1:])
    write_image(path, labels)
    return labels


def by_id(export):
    return {frame.image_id: frame for frame in export.frames}


@pytest.fixture
def usgra(tmp_path):
    for name in ("images/0000", "images/0001", "test/images/0004", "test/images/0000"):
        put_picture(tmp_path / f"{name}.png")
    labels = np.zeros((40, 60), np.uint8)
    labels[5:10, 5:10], labels[20:30, 20:30] = 1, 2
    for folder, stem in ((tmp_path, "0000"), (tmp_path / "test", "0004")):
        palette = Image.fromarray(labels, mode="P")
        palette.putpalette([0, 0, 0, 255, 255, 0, 255, 0, 0])
        (folder / "masks").mkdir(exist_ok=True)
        palette.save(folder / "masks" / f"{stem}.png")
    return tmp_path


def test_usgra_labels_split_and_ids(usgra):
    export = read_usgra(usgra, OPTIONS)
    frames = by_id(export)
    assert {key: frame.split for key, frame in frames.items()} == {
        "0000": "train", "0001": "train", "0004": "test", "test_0000": "test",
    }  # fmt: skip
    assert export.classes.labels == {0: "background", 1: "nerve", 2: "vessel"}
    nerve, vessel = frames["0004"].draw()
    assert (nerve.name, vessel.name) == ("nerve", "vessel")
    assert nerve.plane.sum() == 25
    assert vessel.plane[20:30, 20:30].all()
    assert frames["0001"].draw is None
    assert frames["0004"].name == "test/images/0004.png"
    assert frames["0000"].patient_id is None


def test_usgra_licence_is_stated_only_where_the_file_says_so(usgra):
    assert read_usgra(usgra, OPTIONS).frames[0].licence is None
    (usgra / "LICENSE").write_text("Attribution 4.0 International\n\n====")
    assert read_usgra(usgra, OPTIONS).frames[0].licence == "CC-BY-4.0"


def test_usgra_bad_masks_and_folders(usgra):
    put_mask(usgra / "masks/0001.png", v3=(0, 0, 5, 5))
    put_mask(usgra / "masks/0099.png")
    put_mask(usgra / "test/masks/0000.png", shape=(40, 61))
    export = read_usgra(usgra, OPTIONS)
    frames = by_id(export)
    assert len(export.refused) == 1
    assert "0099.png: there is no picture of that name" in export.refused[0]
    with pytest.raises(AnnotationError, match=r"0001\.png: holds labels \[3\]"):
        frames["0001"].draw()
    with pytest.raises(AnnotationError, match=r"is 61x40, its picture 60x40 px"):
        frames["test_0000"].draw()
    with pytest.raises(AnnotationError, match="no images/ and no test/images/"):
        read_usgra(usgra / "test" / "masks", OPTIONS)


@pytest.fixture
def busi(tmp_path):
    folder = tmp_path / "Набор [BUSI] (1)"
    for kind in ("benign", "malignant", "normal"):
        put_picture(folder / kind / f"{kind} (1).png")
    put_mask(folder / "benign/benign (1)_mask.png", v255=(5, 5, 20, 20))
    put_mask(folder / "benign/benign (1)_mask_1.png", v255=(30, 5, 40, 20))
    put_mask(folder / "malignant/malignant (1)_mask.png", v255=(0, 0, 10, 10))
    put_mask(folder / "normal/normal (1)_mask.png")
    return folder


def test_busi_kinds_are_classes_and_every_mask_an_object(busi):
    put_picture(busi / "benign/benign (2).png")
    frames = by_id(read_busi(busi, OPTIONS))
    assert [*frames] == ["benign/benign (1)", "benign/benign (2)", "malignant/malignant (1)", "normal/normal (1)"]
    first, second = frames["benign/benign (1)"].draw()
    assert (first.name, first.plane.sum(), second.name, second.plane.sum()) == ("benign", 225, "benign", 150)
    assert [drawn.name for drawn in frames["malignant/malignant (1)"].draw()] == ["malignant"]
    assert frames["normal/normal (1)"].draw() == []
    assert frames["benign/benign (2)"].draw is None


def test_busi_says_what_is_wrong(busi):
    put_mask(busi / "normal/normal (1)_mask.png", v255=(0, 0, 3, 3))
    put_mask(busi / "malignant/malignant (1)_mask.png", v255=(0, 0, 10, 10), v120=(0, 0, 2, 2))
    put_mask(busi / "benign/benign (7)_mask_1.png", v255=(0, 0, 3, 3))
    export = read_busi(busi, OPTIONS)
    frames = by_id(export)
    assert len(export.refused) == 1
    assert "benign (7)_mask_1.png: there is no picture benign (7)" in export.refused[0]
    with pytest.raises(AnnotationError, match="marks a lesion in a picture of the folder normal"):
        frames["normal/normal (1)"].draw()
    with pytest.raises(AnnotationError, match=r"holds 2 values besides 0"):
        frames["malignant/malignant (1)"].draw()
    with pytest.raises(AnnotationError, match="no folder benign, malignant or normal"):
        read_busi(busi / "benign", OPTIONS)


def test_two_files_of_one_name_are_refused(usgra):
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(usgra / "images/0000.bmp")
    with pytest.raises(AnnotationError, match=r"0000\.bmp and 0000\.png share a name"):
        read_usgra(usgra, OPTIONS)


REAL = [
    ("usgra", read_usgra, 244, 0, {"nerve": 244, "vessel": 219}, 0),
    ("busi_subset", read_busi, 360, 0, {"benign": 175, "malignant": 131}, 60),
    ("hc18_subset", read_hc18, 152, 120, {"head": 152}, 0),
]


@pytest.mark.real_data
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize(
    ("folder", "reader", "frames", "patients", "objects", "empty"), REAL, ids=[name for name, *_ in REAL]
)
def test_real_folders(folder, reader, frames, patients, objects, empty):
    export = reader(SHARED / folder, OPTIONS)
    drawn = [frame.draw() for frame in export.frames]
    assert export.refused == []
    assert len(export.frames) == len({frame.image_id for frame in export.frames}) == frames
    assert len({frame.patient_id for frame in export.frames} - {None}) == patients
    assert Counter(one.name for objects_drawn in drawn for one in objects_drawn) == objects
    assert sum(not objects_drawn for objects_drawn in drawn) == empty
    assert read_frame(export.frames[0].image).ndim in (2, 3)
    if folder == "hc18_subset":
        assert all(frame.spacing for frame in export.frames)
