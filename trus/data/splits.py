"""Splits: which frames validate in which fold, patient-grouped and stratified; written once and hashed."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_mask
from trus.data.manifest import Frame
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
            content = json.loads(Path(path).read_text())
            folds = tuple(tuple(fold) for fold in content["validation"])
            split = cls(content["kind"], content["grouped"], folds, tuple(content["image_ids"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SplitError(f"split.file={path}: not a split.json of trus ({error!r})") from error
        differing = set(split.image_ids) ^ {frame.image_id for frame in _annotated(frames)}
        if differing or split.hash != content.get("hash"):
            raise SplitError(
                f"split.file={path}: was made for other frames or edited ({len(differing)} frames differ); "
                "make a new one by leaving split.file out"
            )
        return split


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


def make_split(frames: list[Frame], classes: Classes, content: dict[str, str], config: dict[str, Any]) -> Split:
    """Split annotated frames that are not test frames.

    Groups are patients; strata are presence and size of the targets. `content` maps image_id to the image's hash:
    without patients, identical frames stay together. `config` holds kind, folds, val_fraction, seed, stratify and
    allow_ungrouped of conf/split. Raises SplitError when there are no patients or fewer than folds.
    """
    require_patients(frames, config["allow_ungrouped"])
    frames = sorted(_annotated(frames), key=lambda frame: frame.image_id)
    groups = [f"patient {f.patient_id}" if f.patient_id else f"frame {content[f.image_id]}" for f in frames]
    count = config["folds"] if config["kind"] == "kfold" else max(2, round(1 / config["val_fraction"]))
    if len(set(groups)) < count:
        name = "split.folds" if config["kind"] == "kfold" else "1 / split.val_fraction"
        raise SplitError(
            f"{name} is {count}, but there are only {len(set(groups))} patients or frames to spread; ask for fewer"
        )
    strata = _strata(frames, classes) if config["stratify"] else np.zeros(len(frames))
    validation = _folds(frames, groups, strata, count, config["seed"])
    return Split(
        kind=config["kind"],
        grouped=all(frame.patient_id for frame in frames),
        validation=tuple(validation if config["kind"] == "kfold" else validation[:1]),
        image_ids=tuple(frame.image_id for frame in frames),
    )


def _annotated(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.split != "test" and frame.mask is not None]


def _folds(frames: list[Frame], groups: list[str], strata: np.ndarray, count: int, seed: int) -> list[tuple[str, ...]]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a stratum with fewer frames than folds is spread as far as it goes
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        places = [*splitter.split(np.zeros(len(frames)), strata, groups)]
    return [tuple(frames[i].image_id for i in validation) for _, validation in places]


def _strata(frames: list[Frame], classes: Classes) -> np.ndarray:
    """0 where the rarest target is absent, else 1 to 3 by the third of its size."""
    area = np.array([classes.planes(read_mask(f.mask)).mean((1, 2)) for f in frames if f.mask])  # (N, K)
    area = area[:, (area > 0).mean(0).argmin()]
    present = area > 0
    edges = np.quantile(area[present], [1 / 3, 2 / 3]) if present.any() else [0.0, 0.0]
    return np.where(present, 1 + np.digitize(area, edges), 0)
