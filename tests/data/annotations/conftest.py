"""A made data set whose masks are hard for annotation formats, and pictures that can be told apart."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.classes import Classes
from trus.data.images import write_image
from trus.data.manifest import write_manifest

from .made_masks import put_frame, put_mask

CLASSES = Classes.from_dict(
    {"labels": {"0": "background", "2": "gland", "5": "lesion", "7": "вена 1"}, "contains": {"gland": ["lesion"]}}
)


def make_picture(seed: int, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    """Speckle under a fan, uint8 (H, W): no two seeds alike, and not like itself turned or mirrored."""
    random = np.random.default_rng(seed)
    coarse = cv2.resize(random.normal(0, 1, (shape[0] // 4, shape[1] // 4)), shape[::-1], interpolation=cv2.INTER_CUBIC)
    picture = 110 + 45 * coarse + random.normal(0, 10, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture[np.abs(x - shape[1] / 2) > 6 + y * 1.2] = 0
    return picture.clip(0, 255).astype(np.uint8)


def _disc(shape: tuple[int, int], y: int, x: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) <= radius


def hard_masks(shape: tuple[int, int] = (90, 120)) -> dict[str, np.ndarray | None]:
    """image_id -> labels, None where nobody has annotated the frame."""
    empty = np.zeros(shape, np.uint8)
    nested, holes, touching, border = (empty.copy() for _ in range(4))
    nested[_disc(shape, 45, 60, 30)] = 2
    nested[_disc(shape, 40, 55, 8)] = 5
    nested[_disc(shape, 60, 88, 5)] = 5  # half inside its gland, half outside
    holes[_disc(shape, 45, 40, 25) & ~_disc(shape, 45, 40, 12)] = 7
    holes[_disc(shape, 45, 40, 5)] = 7  # an object in the hole of another
    holes[45, 100] = 2
    touching[10:40, 10:50] = 2
    touching[10:40, 50:90] = 7
    touching[40:60, 10:90] = 5
    touching[70:75, 20:25] = touching[75:80, 25:30] = 2  # touch by a corner only
    border[:20] = 2
    border[60:, 100:] = 7
    border[-1, 0] = 5
    whole = np.full(shape, 2, np.uint8)
    return {
        "nested": nested,
        "P1/holes [a] (2)": holes,
        "P1/кадр touching": touching,
        "P2.2/border": border,
        "P2/empty": empty,
        "P2/nobody": None,
        "whole": whole,
    }


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """`make_picture`."""
    return make_picture


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    """The manifest of a data set of `hard_masks`, in a folder with a space; a further column, spacing, patients."""
    folder = tmp_path / "мой набор"
    rows = []
    for number, (name, labels) in enumerate(hard_masks().items()):
        write_image(folder / "frames" / f"{name}.png", make_picture(number))
        if labels is not None:
            write_image(folder / "masks" / f"{name}.png", labels)
        rows.append(
            {
                "image_id": name,
                "image": f"frames/{name}.png",
                "mask": "" if labels is None else f"masks/{name}.png",
                "patient_id": f"p{number}",
                "spacing_row_mm": 0.1,
                "spacing_col_mm": 0.2,
                "grade": "" if number else "x",
                "nothing": "",
            }
        )
    write_manifest(folder / "manifest.csv", rows, ["grade", "nothing"])
    CLASSES.save(folder / "classes.json")
    return folder / "manifest.csv"


@pytest.fixture
def bare(hard: Path, tmp_path: Path) -> Path:
    """The manifest of the same frames before anyone has annotated them."""
    folder = tmp_path / "bare"
    names = hard_masks()
    for number, name in enumerate(names):
        write_image(folder / "frames" / f"{name}.png", make_picture(number))
    write_manifest(
        folder / "manifest.csv",
        [{"image_id": name, "image": f"frames/{name}.png", "grade": "g"} for name in names],
        ["grade"],
    )
    CLASSES.save(folder / "classes.json")
    return folder / "manifest.csv"


@pytest.fixture
def hard_labels() -> dict[str, np.ndarray | None]:
    """`hard_masks`."""
    return hard_masks()


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder and its bytes."""
    return lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder for an export."""
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a data set will be written; not there yet."""
    return tmp_path / "out"


@pytest.fixture
def shown(source: Path, picture: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a picture into the export: (name, seed or pixels) -> its path."""

    def write(name: str, pixels: int | np.ndarray) -> Path:
        pixels = picture(pixels) if isinstance(pixels, int) else pixels
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """images/ and masks/ with the frames P1_a.png, P1_b.jpg and sub/P2 [c] кадр.bmp."""
    folder = tmp_path / "data"
    for name in ("P1_a.png", "P1_b.jpg", "sub/P2 [c] кадр.bmp"):
        put_frame(folder / "images" / name)
    put_mask(folder / "masks" / "P1_a.png", 1, 2)
    put_mask(folder / "masks" / "P1_b.png", 1)
    put_mask(folder / "masks" / "sub/P2 [c] кадр.tif")
    return folder
