"""Out to an annotation tool and back: every format that is written, on masks that are hard for it."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.annotations import FORMATS
from trus.data.annotations.exchange import WriteOptions
from trus.data.annotations.exporting import ExportOptions, export_annotations
from trus.data.annotations.importing import ImportOptions, import_annotations
from trus.data.annotations.record import FILE
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.files import write_json, write_text

WRITTEN = [name for name, form in FORMATS.items() if form.write]
TELLS_UNANNOTATED = {"masks", "labelme", "yolo", "label-studio", "nifti"}


def round_trip(name: str, hard: Path, bare: Path, tmp_path: Path, write: WriteOptions, record: bool = True) -> Path:
    """Export `hard`, import it onto the same frames without masks; return where."""
    sent, back = tmp_path / "sent", tmp_path / "back"
    export_annotations(FORMATS[name], hard, sent, ExportOptions(write))
    if not record:
        (sent / FILE).unlink()
    summary = import_annotations(FORMATS[name], sent, back, ImportOptions(manifest=bare))
    assert summary.refused == []
    return back


def masks(folder: Path) -> dict[str, np.ndarray | None]:
    frames = Manifest.load(folder / "manifest.csv").frames
    return {frame.image_id: None if frame.mask is None else read_mask(frame.mask) for frame in frames}


@pytest.mark.parametrize("record", [True, False], ids=["record", "names"])
@pytest.mark.parametrize("geometry", ["polygon", "rle"])
@pytest.mark.parametrize("name", WRITTEN)
def test_masks_come_back_exactly(name, geometry, record, hard, bare, tmp_path, hard_labels):
    back = round_trip(name, hard, bare, tmp_path, WriteOptions(geometry, tolerance=0), record)
    for image_id, found in masks(back).items():
        expected = hard_labels[image_id]
        if expected is None and not record and name not in TELLS_UNANNOTATED:
            assert found is None or not found.any()  # said at export, and a note at import
        elif expected is None:
            assert found is None
        else:
            assert found is not None, image_id
            assert (found == expected).all(), f"{image_id}: {(found != expected).sum()} px"


def _say_empty(name: str, sent: Path, file: str, size: tuple[int, int]) -> None:
    """What is in the folder once somebody has looked at a frame, found nothing on it and saved."""
    stem, (height, width) = Path(file).stem, size
    if name == "masks":
        write_image(sent / "masks" / f"{stem}.png", np.zeros(size, np.uint8))
    elif name == "labelme":
        content = {"shapes": [], "imagePath": file, "imageHeight": height, "imageWidth": width}
        write_json(sent / f"{stem}.json", content)
    elif name == "yolo":
        write_text(sent / "labels" / f"{stem}.txt", "")
    else:
        tasks = json.loads((sent / "tasks.json").read_text(encoding="utf-8"))
        for task in tasks:
            if task["data"]["image"].endswith(file):
                task["annotations"] = [{"result": [], "completed_by": 1}]
        write_json(sent / "tasks.json", tasks)


@pytest.mark.parametrize("name", ["labelme", "label-studio", "masks", "yolo"])
def test_nothing_there_said_in_a_format_that_can_say_it_is_an_empty_mask(name, hard, bare, tmp_path):
    sent, back = tmp_path / "sent", tmp_path / "back"
    export_annotations(FORMATS[name], hard, sent)
    _say_empty(name, sent, "P2__nobody.png", (90, 120))
    import_annotations(FORMATS[name], sent, back, ImportOptions(manifest=bare))
    found = masks(back)["P2/nobody"]
    assert found is not None
    assert not found.any()


@pytest.mark.parametrize("tolerance", [0.5, 2])
@pytest.mark.parametrize("name", WRITTEN)
def test_simplified_outlines_stay_within_their_tolerance(name, tolerance, hard, bare, tmp_path, hard_labels):
    back = masks(round_trip(name, hard, bare, tmp_path, WriteOptions("polygon", tolerance)))
    for image_id, expected in hard_labels.items():
        if expected is None:
            continue
        changed = back[image_id] != expected
        edges = np.zeros(expected.shape, np.uint8)
        edges[:, 1:] |= expected[:, 1:] != expected[:, :-1]
        edges[:, :-1] |= expected[:, 1:] != expected[:, :-1]
        edges[1:] |= expected[1:] != expected[:-1]
        edges[:-1] |= expected[1:] != expected[:-1]
        edges[[0, -1]] = edges[:, [0, -1]] = 1
        distance = cv2.distanceTransform(1 - edges, cv2.DIST_L2, 5)
        assert distance[changed].max(initial=0) <= tolerance + 0.71, image_id


@pytest.mark.parametrize("name", WRITTEN)
def test_pictures_alone_make_a_data_set(name, hard, tmp_path, hard_labels):
    """Without the manifest, every annotated frame is there with its mask; ids are the exported names."""
    export_annotations(FORMATS[name], hard, tmp_path / "sent", ExportOptions(WriteOptions(tolerance=0)))
    summary = import_annotations(FORMATS[name], tmp_path / "sent", tmp_path / "back")
    assert summary.refused == []
    found = masks(tmp_path / "back")
    names = dict(zip(summary.classes.values.values(), summary.classes.values, strict=True))
    classes = Manifest.load(hard).classes
    for image_id, expected in hard_labels.items():
        if expected is None:
            continue
        labels = found[image_id.replace("/", "__")]
        assert labels is not None
        for value in np.unique(labels).tolist():
            assert ((labels == value) == (expected == classes.values[names[value]])).all(), image_id


@pytest.mark.parametrize("name", WRITTEN)
def test_importing_what_was_exported_changes_nothing(name, hard, tmp_path, tree):
    before = tree(hard.parent)
    export_annotations(FORMATS[name], hard, tmp_path / "sent", ExportOptions(WriteOptions(tolerance=0)))
    assert import_annotations(
        FORMATS[name], tmp_path / "sent", hard.parent, ImportOptions(manifest=hard)
    ).changes.nothing
    assert tree(hard.parent) == before


@pytest.mark.parametrize("name", WRITTEN)
def test_an_archive_of_the_export_does_as_well(name, hard, bare, tmp_path, hard_labels):
    export_annotations(FORMATS[name], hard, tmp_path / "sent", ExportOptions(WriteOptions(tolerance=0)))
    archive = shutil.make_archive(str(tmp_path / "архив [1]"), "zip", tmp_path, "sent")
    summary = import_annotations(FORMATS[name], Path(archive), tmp_path / "back", ImportOptions(manifest=bare))
    assert summary.refused == []
    assert summary.annotated == sum(labels is not None for labels in hard_labels.values())


HASH = "0123456789abcdef0123456789abcdef"


def through_roboflow(sent: Path, back: Path, mode: str, quality: int = 75) -> None:
    """What Roboflow does to an upload: new names, 160 x 160 px (stretched or fitted), JPEG, and mirrored copies."""
    document = json.loads((sent / "_annotations.coco.json").read_text())
    images, annotations = [], []
    back.mkdir()
    for entry in document["images"]:
        picture = np.asarray(Image.open(sent / entry["file_name"]).convert("RGB"))
        height, width = picture.shape[:2]
        inner = (160, 160) if mode == "stretch" else (160, 160 * height // width)
        top = (160 - inner[1]) // 2
        canvas = np.zeros((160, 160, 3), np.uint8)
        canvas[top : top + inner[1]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
        for mirrored in (False, True):
            stem = re.sub(r"[ \[\]()]", "-", Path(entry["file_name"]).stem)
            name = f"{stem}_png.rf.{HASH[::-1] if mirrored else HASH}.jpg"
            Image.fromarray(np.ascontiguousarray(canvas[:, ::-1]) if mirrored else canvas).save(
                back / name, quality=quality
            )
            images.append({"id": len(images), "file_name": name, "width": 160, "height": 160})
            for item in document["annotations"]:
                if item["image_id"] == entry["id"]:
                    rings = [np.reshape(ring, (-1, 2)) * [inner[0] / width, inner[1] / height] + [0, top]
                             for ring in item["segmentation"]]  # fmt: skip
                    turned = [ring * [-1, 1] + [160, 0] if mirrored else ring for ring in rings]
                    annotations.append(
                        item
                        | {
                            "id": len(annotations),
                            "image_id": images[-1]["id"],
                            "segmentation": [ring.round(3).ravel().tolist() for ring in turned],
                        }
                    )
    content = document | {"images": images, "annotations": annotations}
    content["categories"] = [{"id": 0, "name": "my-project", "supercategory": "none"}, *document["categories"]]
    (back / "_annotations.coco.json").write_text(json.dumps(content))


@pytest.mark.parametrize("mode", ["stretch", "fit"])
def test_roboflow_resizes_renames_and_mirrors_and_the_masks_come_back(mode, hard, bare, tmp_path, hard_labels):
    form = FORMATS["roboflow-coco"]
    export_annotations(form, hard, tmp_path / "sent", ExportOptions(WriteOptions(tolerance=0)))
    through_roboflow(tmp_path / "sent", tmp_path / "down", mode)
    summary = import_annotations(form, tmp_path / "down", tmp_path / "back", ImportOptions(manifest=bare))
    assert summary.refused == []
    for image_id, found in masks(tmp_path / "back").items():
        expected = hard_labels[image_id]
        assert found is not None
        if expected is None:
            assert not found.any()
        else:
            assert (found != expected).mean() < 0.002, image_id  # vertices were rounded to 0.001 px
