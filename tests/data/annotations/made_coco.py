"""COCO files of single lines, and the mask that is read from one."""

import json
from pathlib import Path

import numpy as np

from trus.data.annotations.exchange import Export
from trus.data.annotations.objects import compose

SQUARE = [2, 2, 6, 2, 6, 6, 2, 6]
CATEGORIES = [{"id": 1, "name": "gland"}, {"id": 2, "name": "lesion"}]


def put(path: Path, images=None, annotations=(), categories=CATEGORIES) -> Path:
    """Write a file of these lists; one picture, a.png of 12x10 px, unless others are given."""
    images = [{"id": 1, "file_name": "a.png", "width": 12, "height": 10}] if images is None else images
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": list(annotations), "categories": categories}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def note(segmentation, number=1, image=1, category=1) -> dict:
    """One annotation."""
    return {"id": number, "image_id": image, "category_id": category, "segmentation": segmentation}


def only(export: Export) -> np.ndarray:
    """The label mask of the one frame."""
    (frame,) = export.frames
    return compose(frame.draw(), export.classes, frame.size)[0]
