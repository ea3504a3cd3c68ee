"""Out to an annotation tool and back: every format that is written, on masks that are hard for it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from trus.data.annotations import FORMATS
from trus.data.annotations.exchange import WriteOptions
from trus.data.annotations.exporting import ExportOptions, export_annotations
from trus.data.annotations.importing import ImportOptions, import_annotations
from trus.data.annotations.record import FILE
from trus.data.images import read_mask
from trus.data.manifest import Manifest

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


@pytest.mark.parametrize("tolerance", [0.5, 2])
@pytest.mark.parametrize("name", WRITTEN)
def test_simplified_outlines_stay_within_their_tolerance(name, tolerance, hard, bare, tmp_path, hard_labels):
    import cv2

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
