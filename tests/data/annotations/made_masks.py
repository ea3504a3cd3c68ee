"""Folders of frames and label masks, as the `masks` format reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

from trus.data.annotations import FORMATS
from trus.data.annotations.importing import ImportOptions, ImportSummary, import_annotations
from trus.data.classes import Classes

RANDOM = np.random.default_rng(0)
NERVE_VESSEL = Classes.from_dict({"labels": {"0": "background", "1": "nerve", "2": "vessel"}})


def import_masks(source: Path, out: Path, **options) -> ImportSummary:
    """Import with the default options but these."""
    return import_annotations(FORMATS["masks"], source, out, ImportOptions(**options))


def put_frame(path: Path, shape=(20, 30)) -> None:
    """A picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RANDOM.integers(0, 256, shape, np.uint8)).save(path)


def put_mask(path: Path, *labels: int, shape=(20, 30)) -> None:
    """A mask with a box of each label, side by side."""
    mask = np.zeros(shape, np.uint8)
    for number, label in enumerate(labels):
        mask[2:8, 8 * number : 8 * number + 6] = label
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
