"""Formats whose reader finds what a test says, and what an import of them wrote."""

from pathlib import Path

import numpy as np
import pandas as pd

from trus.data.annotations.exchange import AnnotatedFrame, Export, Format, Outline
from trus.data.annotations.importing import ImportOptions, ImportSummary, import_annotations
from trus.data.classes import Classes
from trus.data.images import read_mask

GLAND_LESION = Classes.from_dict(
    {"labels": {"2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)
BOX = np.array([[10, 10], [60, 10], [60, 40], [10, 40]], float)
HASHES = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


def made(*frames: AnnotatedFrame, classes: Classes = GLAND_LESION, **more) -> Format:
    """A format whose reader found these frames."""
    return Format("made", read=lambda source, options: Export(classes, [*frames], **more))


def frame(name: str, *drawn, **more) -> AnnotatedFrame:
    """An annotated frame of an export."""
    return AnnotatedFrame(name, lambda: [*drawn], **more)


def gland(ring: np.ndarray = BOX) -> Outline:
    """One outline of a gland."""
    return Outline("gland", (ring,))


def take(form: Format, source: Path, out: Path, **options) -> ImportSummary:
    """Import with the default options but these."""
    return import_annotations(form, source, out, ImportOptions(**options))


def rows(out: Path) -> dict[str, dict[str, str]]:
    """The manifest's rows by image_id, cells as text."""
    table = pd.read_csv(out / "manifest.csv", dtype=str, keep_default_na=False)
    return {row["image_id"]: row for row in table.to_dict("records")}


def mask(out: Path, name: str) -> np.ndarray:
    """The label mask that was written for a frame."""
    return read_mask(out / "masks" / f"{name}.png")
