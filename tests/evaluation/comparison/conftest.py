"""Cross-validations with made-up scores, written as training writes them."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder, Member

COLUMNS = ["image_id", "patient_id", "class", "iou", "dice", "intersection_px", "predicted_px", "reference_px",
           "outcome"]  # fmt: skip
HASHES = ("d" * 64, "s" * 64)
Gain = Callable[[int, int, int], float]


def write_scores(path: Path, frames: list[tuple[str, str]], score: Callable[[str, str], float | None]) -> None:
    """validation.csv of frames (image_id, patient_id), classes gland and lesion; a score of None: empty reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for image_id, patient in frames:
            for name in ("gland", "lesion"):
                iou = score(image_id, name)
                texts = ["", ""] if iou is None else [f"{iou:.6f}", f"{2 * iou / (1 + iou):.6f}"]
                writer.writerow([image_id, patient, name, *texts, 10, 20, 0 if iou is None else 100, "scored"])


@pytest.fixture
def make_cv(tmp_path: Path) -> Callable[..., CvFolder]:
    """Name, gain -> a finished cross-validation of patients with two frames each, in folds by patient.

    Scores have a part of each frame, the same in all runs, noise of each run, and `gain(patient, fold, seed)`.
    """

    def make(name: str, gain: Gain = lambda *_: 0.0, patients: int = 12, folds: int = 3, seeds: tuple[int, ...] = (0,),
             noise: float = 0.02, hashes: tuple[str, str] = HASHES, grouped: bool = True) -> CvFolder:  # fmt: skip
        folder = CvFolder(tmp_path / "cv" / f"{name}_{len(list(tmp_path.glob('cv/*')))}")
        folder.write(CrossValidation("key", name, {"threshold": 0.5}, *hashes, grouped, folds, seeds, "m.csv",
                                     ("gland", "lesion")))  # fmt: skip
        random = np.random.default_rng(sum(map(ord, name)))
        for member in folder.members():

            def score(image_id: str, target: str, member: Member = member) -> float | None:
                patient, number = map(int, image_id[1:].split("_"))
                if target == "lesion" and patient % 3 == 0 and number:
                    return None
                base = 0.3 + 0.4 * np.random.default_rng([patient, number, target == "gland"]).random()
                return float(base + gain(patient, member.fold, member.seed) + random.normal(0, noise))

            owners = [p for p in range(patients) if p % folds == member.fold]
            frames = [(f"p{p}_{n}", f"p{p}" if grouped else "") for p in owners for n in range(2)]
            write_scores(folder.run_dir(member) / "validation.csv", frames, score)
            folder.note(member, state="finished", seconds=60.0 + member.fold, iou={"value": 0.5})
        return folder

    return make
