"""Made-up networks, their out-of-fold predictions, and the plain way to score them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import Frame
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.operating_point import Choice, choose_operating_point
from trus.evaluation.predictions import Predictions, write_predictions
from trus.inference.postprocessing import decide

SIZE = 64
CLASSES = Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}})


def disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


# Made-up networks: label mask (H, W) and chance -> probabilities (2, H, W)


def sure(labels, chance):
    return np.where(CLASSES.planes(labels) > 0, 0.9, 0.1).astype(np.float32)


def blurred(labels, shift: float):
    """0.5 at the rim, which is moved outwards by `shift` px."""
    inside = CLASSES.planes(labels)
    distance = [cv2.distanceTransform(p, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - p, cv2.DIST_L2, 5) for p in inside]
    return (1 / (1 + np.exp(-(np.stack(distance) + shift) / 3))).astype(np.float32)


def unsteady(labels, chance):
    """Now too large, now too small: no threshold is better than 0.5, though on so few frames one looks it."""
    return blurred(labels, chance.normal(0, 1.5))


def shy(labels, chance):
    """Too small, nearly always."""
    return blurred(labels, chance.normal(-3, 1))


def spotted(labels, chance):
    """A hole in each gland, and beside it a spot as sure as the gland."""
    probabilities = sure(labels, chance)
    probabilities[0, 2:6, 2:6] = 0.9
    probabilities[0, 36:40, 30:34] = 0.1
    return probabilities


def torn(labels, chance):
    """Of the gland the lower part, and two large spots elsewhere; the lesion lies between them."""
    probabilities = sure(labels, chance)
    lowest_lesion = np.flatnonzero((labels == 2).any(1)).max()
    probabilities[0, : lowest_lesion + 3] = 0.1
    probabilities[0, 2:14, 2:18] = probabilities[0, 2:14, 46:62] = 0.9
    return probabilities


class Study:
    """2 frames a patient; patients are dealt to folds in turn."""

    def __init__(self, folder: Path, patients: int, predict, folds=3, spacing=(0.2, 0.2), targets=("gland", "lesion")):
        chance = np.random.default_rng(0)
        self.frames, kept = [], {fold: [] for fold in range(folds)}
        for n in range(2 * patients):
            centre, radius = tuple(chance.uniform(30, 34, 2)), chance.uniform(14, 20)
            labels = disc(centre, radius).astype(np.uint8)
            labels[disc((centre[0] - 4, centre[1] - 4), radius / 3)] = 2
            name = f"p{n // 2}_{n % 2}"
            write_image(folder / f"{name}.png", labels)
            files = {"image": folder / f"{name}.png", "mask": folder / f"{name}.png"}
            unknown = dict.fromkeys(("split", "region", "source", "licence"))
            self.frames.append(Frame(n + 2, name, **files, patient_id=f"p{n // 2}", spacing=spacing, **unknown))
            kept[(n // 2) % folds].append((name, predict(labels, chance)[: len(targets)]))
        for fold, items in kept.items():
            write_predictions(folder / f"{fold}.zip", targets, items)
        self.parts = [(fold, Predictions(folder / f"{fold}.zip")) for fold in kept]

    def choose(self, **changes) -> Choice:
        arguments = {"parts": self.parts, "frames": self.frames, "classes": CLASSES, "resamples": 500}
        return choose_operating_point(**arguments | changes, data_hash="d", split_hash="s", cv_key="k")

    def iou(self, thresholds, rules, folds=None) -> np.ndarray:
        """Mean per-image IoU of each class by the plain way: read, decide, compare."""
        rows = []
        for fold, predictions in self.parts:
            if folds is None or fold in folds:
                classes = CLASSES.select(predictions.targets)
                for frame in self.frames:
                    if frame.image_id in predictions:
                        labels = decide(predictions[frame.image_id], classes, thresholds, rules, frame.spacing)
                        rows.append(Overlap.of(classes.planes(labels), classes.planes(read_mask(frame.mask))).iou[0])
        return np.array(rows)


NETWORKS = {"sure": sure, "unsteady": unsteady, "shy": shy, "spotted": spotted, "torn": torn}


@pytest.fixture
def study(tmp_path):
    """(patients, name of a made-up network, ...) -> Study."""
    return lambda patients, network, **settings: Study(tmp_path, patients, NETWORKS[network], **settings)
