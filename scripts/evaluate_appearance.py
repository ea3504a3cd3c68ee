"""How many frames are warned of as unlike the training frames: `python scripts/evaluate_appearance.py NAME=PLACE...`.

A PLACE is a manifest or a folder of frames (names with "mask" or "Annotation" are left out). Each set is cut into five
parts, by patient where they are known: the ranges are those of four parts, and of the fifth none should be warned of.
Of the other sets, of spoilt frames of the fifth part, and of foreign pictures (photographs, pages, CT and MR slices
that come with scikit-image and pydicom) all should. Ranges are of the whole frame, or with --regions of the manifest's
regions. PLACE may be several, joined by "+". At most --most frames of a set are taken, spread evenly.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import skimage
from pydicom.data import get_testdata_file

from trus.data.images import frame_files, read_frame
from trus.data.manifest import Manifest
from trus.inference.appearance import Measures, measure_frame, summarise, unlike

FOLDS = 5
PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "motorcycle_right.png",
)
MEDICAL = ("retina.jpg", "ihc.png", "cell.png", "phantom.png")
GREY_PHOTOGRAPHS = ("camera.png", "coins.png", "moon.png", "brick.png", "grass.png", "gravel.png")
PAGES = ("page.png", "text.png", "logo.png", "horse.png", "chessboard_GRAY.png", "color.png")
SLICES = ("CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm")

Sample = tuple[str, np.ndarray, Measures]


def noisy(image: np.ndarray) -> np.ndarray:
    """A frame with noise of 30 levels."""
    noise = np.random.default_rng(0).normal(0, 30, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


SPOILT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "black": np.zeros_like,
    "brightness / 5": lambda image: image // 5,
    "gain x 3": lambda image: (image.astype(np.float32) * 3).clip(0, 255).astype(np.uint8),
    "negative": lambda image: 255 - image,
    "blurred by 4 px": lambda image: cv2.GaussianBlur(image, (0, 0), 4),
    "turned by 90 deg": lambda image: np.ascontiguousarray(np.rot90(image)),
    "noise added": noisy,
    "a third of the size": lambda image: cv2.resize(image, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA),
}


def samples(place: str, most: int, regions: bool) -> list[Sample]:
    """Patient (or a name of its own), picture and measures of each frame."""
    found = [frame for part in place.split("+") for frame in _frames(Path(part))]
    chosen = found if len(found) <= most else [found[i] for i in np.linspace(0, len(found) - 1, most).astype(int)]
    pictures = [(patient, read_frame(path), box if regions else None) for patient, path, box in chosen]
    pictures = [(patient, image if box is None else _cut(image, box), None) for patient, image, box in pictures]
    return [(patient, image, measure_frame(image)) for patient, image, _ in pictures]


def _cut(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    return np.ascontiguousarray(image[box[1] : box[3], box[0] : box[2]])


def _frames(place: Path) -> Iterator[tuple[str, Path, tuple[int, int, int, int] | None]]:
    if place.suffix == ".csv":
        for frame in Manifest.load(place).frames:
            yield frame.patient_id or frame.image_id, frame.image, frame.region
        return
    for path in frame_files(place):
        if "mask" not in path.stem and "Annotation" not in path.stem:
            yield str(path), path, None


def foreign() -> dict[str, list[Measures]]:
    """Pictures of other kinds, measured."""
    data = Path(skimage.__file__).parent / "data"
    groups = {
        "photographs": PHOTOGRAPHS,
        "other medical": MEDICAL,
        "grey photographs": GREY_PHOTOGRAPHS,
        "pages": PAGES,
    }
    found = {name: [measure_frame(read_frame(data / file)) for file in files] for name, files in groups.items()}
    return found | {"CT, MR": [measure_frame(_slice(name)) for name in SLICES]}


def _slice(name: str) -> np.ndarray:
    """As somebody would save it from a viewer: 8 bits by its own range, 512 px high."""
    values = pydicom.dcmread(get_testdata_file(name)).pixel_array.astype(np.float32)
    low, high = np.percentile(values, (1, 99))
    shown = ((values - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    scale = 512 / shown.shape[0]
    return cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)


def evaluate(name: str, sets: dict[str, list[Sample]], others: dict[str, list[Measures]]) -> dict[str, str]:
    """One row of the table: the share warned of, in per cent, of each kind of frame."""
    own = sets[name]
    patients = sorted({patient for patient, _, _ in own})
    np.random.default_rng(0).shuffle(patients)
    part = {patient: number % FOLDS for number, patient in enumerate(patients)}
    codes: Counter[str] = Counter()
    warned: dict[str, list[bool]] = {}
    for fold in range(FOLDS):
        appearance = summarise([measures for patient, _, measures in own if part[patient] != fold])
        held = [(image, measures) for patient, image, measures in own if part[patient] == fold]
        assert appearance is not None, f"{name}: too few frames"
        for _, measures in held:
            found = unlike(measures, appearance)
            codes.update(warning.code for warning in found)
            warned.setdefault("held out", []).append(bool(found))
        for kind, spoil in SPOILT.items():
            few = [measure_frame(spoil(image)) for image, _ in held[:4]]
            warned.setdefault(kind, []).extend(bool(unlike(measures, appearance)) for measures in few)
        rest = {other: [measures for _, _, measures in each] for other, each in sets.items() if other != name} | others
        for other, each in rest.items():
            warned.setdefault(other, []).extend(bool(unlike(measures, appearance)) for measures in each)
    print(f"{name}: {len(own)} frames, {len(patients)} patients; false alarms by code: {dict(codes)}", flush=True)
    return {
        kind: f"{np.mean(each):.1%}" if kind == "held out" else f"{np.mean(each):.0%}" for kind, each in warned.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="+", metavar="NAME=PLACE")
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--regions", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sets = {
        name: samples(place, options.most, options.regions)
        for name, _, place in (each.partition("=") for each in options.places)
    }
    others = foreign()
    table = pd.DataFrame({name: evaluate(name, sets, others) for name in sets}).fillna("-")
    print(table.to_string())


if __name__ == "__main__":
    main()
