"""Splits: which frames validate in which fold, patient-grouped and stratified; written once and hashed."""

import json
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trus.data.classes import Classes
from trus.data.manifest import Contents, Frame
from trus.errors import SplitError
from trus.files import hash_json, write_json


@dataclass(frozen=True)
class Split:
    """Validation image_ids of each fold; a holdout split is one fold. Test frames are in none."""

    kind: Literal["holdout", "kfold"]
    grouped: bool
    validation: tuple[tuple[str, ...], ...]
    image_ids: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 over which frame validates in which fold: equal hashes can be compared."""
        return hash_json([[*self.image_ids], [[*fold] for fold in self.validation]])

    def part(self, fold: int) -> tuple[set[str], set[str]]:
        """(training, validation) image_ids of one fold. Raises SplitError for a fold that is not there."""
        if not 0 <= fold < len(self.validation):
            raise SplitError(f"split.fold={fold}: this split has folds 0 to {len(self.validation) - 1}")
        validation = set(self.validation[fold])
        return set(self.image_ids) - validation, validation

    def save(self, path: Path) -> None:
        """Write the split as JSON, atomically."""
        content = {
            "kind": self.kind,
            "grouped": self.grouped,
            "hash": self.hash,
            "image_ids": self.image_ids,
            "validation": self.validation,
        }
        write_json(path, content)

    @classmethod
    def load(cls, path: Path, frames: list[Frame]) -> "Split":
        """Read a split.json and check it against the frames. Raises SplitError."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            folds = tuple(tuple(fold) for fold in content["validation"])
            grouped = all(frame.patient_id for frame in _annotated(frames))
            split = cls(content["kind"], grouped, folds, tuple(content["image_ids"]))
        except FileNotFoundError as error:
            raise SplitError(f"split.file={path}: no such file; every run folder holds its split.json") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SplitError(f"split.file={path}: not a split.json of trus ({error!r})") from error
        differing = set(split.image_ids) ^ {frame.image_id for frame in _annotated(frames)}
        if differing or split.hash != content.get("hash"):
            raise SplitError(
                f"split.file={path}: was made for other frames or edited ({len(differing)} frames differ); "
                "make a new one by leaving split.file out"
            )
        split._check_patients(frames, path)
        return split

    def _check_patients(self, frames: list[Frame], path: Path) -> None:
        """Patients may have been filled in or corrected since the split was made."""
        patient = {frame.image_id: frame.patient_id for frame in frames}
        for fold in range(len(self.validation)):
            training, validation = self.part(fold)
            if both := sorted({patient[i] or "" for i in training} & {patient[i] or "" for i in validation} - {""}):
                raise SplitError(
                    f"split.file={path}: fold {fold} trains and validates on patients {both[:5]}, as the manifest now "
                    "names them; make a new one by leaving split.file out"
                )


def require_patients(frames: list[Frame], allow_ungrouped: bool) -> None:
    """Raise SplitError when annotated frames have no patient and the user has not accepted that."""
    frames = _annotated(frames)
    nameless = [frame for frame in frames if not frame.patient_id]
    if nameless and not allow_ungrouped:
        raise SplitError(
            f"{len(nameless)} of {len(frames)} frames have no patient_id (first: row {nameless[0].row}, "
            f"{nameless[0].image_id}), so frames of one patient could stand in training and validation at once. "
            "Fill patient_id (trus annotations import --patient-regex), or accept it by split.allow_ungrouped=true"
        )


def make_split(frames: list[Frame], classes: Classes, contents: Contents, config: dict[str, Any]) -> Split:
    """Split annotated frames that are not test frames.

    Groups are patients; strata are presence and size of the targets. `contents` is what `Manifest.verify` read of the
    frames: without patients, those of one hash stay together. `config` holds kind, folds, repeats, val_fraction, seed,
    stratify and allow_ungrouped of conf/split; the folds of the second repeat follow those of the first. Raises
    SplitError when there are no patients or fewer than folds.
    """
    require_patients(frames, config["allow_ungrouped"])
    frames = sorted(_annotated(frames), key=lambda frame: frame.image_id)
    if not frames:
        raise SplitError("no frame to split: none outside the test part has a mask; annotate some")
    groups = [f"patient {f.patient_id}" if f.patient_id else f"frame {contents.image[f.image_id]}" for f in frames]
    pixels = [contents.pixels[f.image_id] for f in frames]
    strata = _strata(pixels, classes) if config["stratify"] else np.zeros(len(frames))
    if config["kind"] == "kfold":
        seeds = range(config["seed"], config["seed"] + config["repeats"])
        validation = [part for seed in seeds for part in _folds(frames, groups, strata, config["folds"], seed)]
    else:
        share = _share(config["val_fraction"], len(set(groups)))
        parts = _folds(frames, groups, strata, share.denominator, config["seed"])[: share.numerator]
        validation = [tuple(sorted(image_id for part in parts for image_id in part))]
    return Split(
        kind=config["kind"],
        grouped=all(frame.patient_id for frame in frames),
        validation=tuple(validation),
        image_ids=tuple(frame.image_id for frame in frames),
    )


def _annotated(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.split != "test" and frame.mask is not None]


def _share(fraction: float, groups: int) -> Fraction:
    """The share m / n of groups nearest to `fraction` that n folds, at most 20, can give."""
    nearest = Fraction(fraction).limit_denominator(min(20, groups))  # a fold holds a group or more
    if not 0 < nearest < 1:
        raise SplitError(
            f"split.val_fraction={fraction}: of {groups} patients (or frames without one) this leaves nobody on one "
            "side; choose one nearer to 0.5, or add patients"
        )
    return nearest


def _folds(frames: list[Frame], groups: list[str], strata: np.ndarray, count: int, seed: int) -> list[tuple[str, ...]]:
    """Validation image_ids of each fold, by the finest strata that leave no fold empty."""
    if (patients := len(set(groups))) < count:
        remedy = f"ask for at most split.folds={patients}" if patients > 1 else "one cannot both train and validate"
        raise SplitError(f"split.folds={count}: patients (or frames without one) to spread: {patients}; {remedy}")
    attempts = (_spread(groups, tried, count, seed) for tried in (strata, strata > 0, strata * 0))
    places = next(places for places in attempts if places and all(len(rows) for rows in places))
    return [tuple(frames[i].image_id for i in rows) for rows in places]


def _spread(groups: list[str], strata: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Rows of each fold; none where no stratum has a frame for each fold, which the splitter refuses."""
    from sklearn.model_selection import StratifiedGroupKFold

    if np.unique(strata, return_counts=True)[1].max() < count:
        return []
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a stratum with fewer frames than folds is spread as far as it goes
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return [rows for _, rows in splitter.split(groups, strata, groups)]


def _strata(pixels: list[np.ndarray], classes: Classes) -> np.ndarray:
    """Pixels of each label value, (256,) a frame -> 0 where the rarest target is absent, else 1 to 3 by the third of
    its size."""
    held = [[classes.values[inner] for inner in (name, *classes.inside(name))] for name in classes.targets]
    area = np.array([[each[values].sum() / each.sum() for values in held] for each in pixels])  # (N, K)
    area = area[:, (area > 0).mean(0).argmin()]
    present = area > 0
    edges = np.quantile(area[present], [1 / 3, 2 / 3]) if present.any() else [0.0, 0.0]
    return np.where(present, 1 + np.digitize(area, edges), 0)
