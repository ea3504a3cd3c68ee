"""A small data set that a test describes frame by frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from trus.data.check import Check, check_manifest
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.data.manifest import write_manifest

GLAND_LESION = {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}


def picture(seed: int, shape: tuple[int, int] = (160, 200)) -> np.ndarray:
    """Smooth noise over the whole grey range, another for each seed: uint8 (H, W)."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    return np.interp(noise, (noise.min(), noise.max()), (0, 255)).astype(np.uint8)


def gland(shape: tuple[int, int] = (160, 200)) -> np.ndarray:
    """A gland (1) with a lesion (2) in it, away from the border: uint8 (H, W)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = (np.hypot(y - 80, x - 100) < 50).astype(np.uint8)
    labels[np.hypot(y - 85, x - 110) < 15] = 2
    return labels


class DataSet:
    """Frames are added, then checked."""

    picture = staticmethod(picture)
    gland = staticmethod(gland)

    def __init__(self, folder: Path, classes: dict = GLAND_LESION) -> None:
        self.folder, self.rows = folder, []
        Classes.from_dict(classes).save(folder / "classes.json")

    def add(self, name: str, image: np.ndarray | None = None, mask: np.ndarray | None = None, **cells: object) -> int:
        """Add a frame (a picture of its own without `image`); return its row."""
        image = picture(len(self.rows) + 1000) if image is None else image
        write_image(self.folder / "images" / f"{len(self.rows)}.png", image)
        row = {"image_id": name, "image": f"images/{len(self.rows)}.png", "licence": "CC0-1.0"}
        if mask is not None:
            write_image(self.folder / "masks" / f"{len(self.rows)}.png", mask)
            row["mask"] = f"masks/{len(self.rows)}.png"
        self.rows.append(row | {"patient_id": f"p{name}", "spacing_row_mm": 0.1, "spacing_col_mm": 0.1} | cells)
        return len(self.rows) + 1

    def check(self, **options: object) -> Check:
        """Write the manifest and check it."""
        return check_manifest(self.manifest(), **options)

    def manifest(self) -> Path:
        """Write the manifest."""
        path = self.folder / "manifest.csv"
        write_manifest(path, self.rows)
        return path


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """An empty set with the classes gland and lesion."""
    return DataSet(tmp_path)


@pytest.fixture
def codes() -> Callable[[Check], dict[str, list[tuple[int, ...]]]]:
    """Code -> rows of each finding."""

    def of(check: Check) -> dict[str, list[tuple[int, ...]]]:
        found: dict[str, list[tuple[int, ...]]] = {}
        for finding in check.findings:
            found.setdefault(finding.code, []).append(finding.rows)
        return found

    return of
