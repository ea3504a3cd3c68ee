"""COCO instances JSON, written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.exchange import FrameOut, WriteOptions
from trus.data.annotations.objects import objects_of
from trus.data.annotations.polygons import area, keyhole, trace
from trus.data.annotations.rle import compress, encode
from trus.data.annotations.shapes import cropped
from trus.data.classes import Classes
from trus.files import write_json


def write_coco(frames: Iterable[FrameOut], classes: Classes, out: Path, options: WriteOptions) -> list[str]:
    """Write `out`/annotations.json and `out`/images/; returns notes.

    An object of an outer class includes what lies in it of inner ones. Its outline has several polygons where its
    parts meet in a point, and holes joined to it by bridges of no width; with geometry `rle` it is a compressed
    run-length mask. A picture that nobody has annotated has `"annotated": false`, which `read_coco` knows.
    """
    return Writing(classes, options).write(frames, out / "annotations.json", out / "images")


@dataclass
class Writing:
    """A document on its way to a file."""

    classes: Classes
    options: WriteOptions
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    holes: int = 0
    unannotated: int = 0

    def write(self, frames: Iterable[FrameOut], path: Path, folder: Path) -> list[str]:
        """Pictures into `folder`, then the JSON, with ids from 1; returns notes."""
        for number, frame in enumerate(frames, 1):
            folder.mkdir(parents=True, exist_ok=True)
            frame.copy_image(folder / frame.file_name)
            self._add(number, frame)
        write_json(path, self._document())
        return self._notes()

    def _add(self, number: int, frame: FrameOut) -> None:
        labels = frame.labels()
        height, width = frame.size
        image = {"id": number, "file_name": frame.file_name, "width": width, "height": height}
        self.images.append(image if labels is not None else image | {"annotated": False})
        self.unannotated += labels is None
        for item in [] if labels is None else objects_of(labels, self.classes):
            patch, left, top = cropped(item.plane)
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": number,
                    "category_id": self.classes.values[item.name],
                    "segmentation": self._segmentation(item.plane),
                    "area": int(patch.sum()),
                    "bbox": [left, top, patch.shape[1], patch.shape[0]],
                    "iscrowd": 0,
                }
            )

    def _segmentation(self, plane: np.ndarray) -> Any:
        if self.options.geometry == "rle":
            return {"size": [*plane.shape], "counts": compress(encode(plane))}
        (rings,) = trace(plane, self.options.tolerance)
        polygons, holes = coco_polygons(rings)
        self.holes += holes
        return [[float(value) for value in polygon.ravel()] for polygon in polygons]

    def _document(self) -> dict[str, Any]:
        names = [(value, name) for value, name in sorted(self.classes.labels.items()) if value != 0]
        return {
            "info": {"description": "frames and their objects, written by trus", "version": "1.0"},
            "licenses": [],
            "categories": [{"id": value, "name": name, "supercategory": "none"} for value, name in names],
            "images": self.images,
            "annotations": self.annotations,
        }

    def _notes(self) -> list[str]:
        notes = []
        if self.holes:
            notes.append(f"{self.holes} object(s) with holes: each is one outline, the holes joined to it by bridges")
        if self.unannotated:
            notes.append(
                f'{self.unannotated} frame(s) without annotation: COCO cannot say so; they carry "annotated": false, '
                "which most tools drop, and would then come back as frames with nothing on them"
            )
        return notes


def coco_polygons(rings: tuple[np.ndarray, ...]) -> tuple[list[np.ndarray], bool]:
    """Rings of an object as `trace` gives them -> polygons whose union it is, and whether it has holes."""
    holes = any(area(ring) < 0 for ring in rings)
    return ([keyhole(rings)] if holes else [*rings]), holes
