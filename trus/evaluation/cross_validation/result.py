"""The result of a cross-validation from its members' validation.csv: out-of-fold means, intervals, spread.

A frame that several networks validated, by repeats or seeds, counts once, with the mean of its scores.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trus.errors import TrainingError
from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder, Member, Progress
from trus.evaluation.statistics import Estimate, bootstrap_mean, bootstrap_ratio, resampled_unit
from trus.files import write_text

_COUNTS = ("intersection_px", "predicted_px", "reference_px")


@dataclass(frozen=True)
class OutOfFold:
    """Scores of M networks' validation frames: a row a network and frame.

    `iou` and `dice` are float (R, K), NaN where the reference is empty; `counts` int64 (R, K, 3) are px of
    intersection, prediction and reference; `image_ids`, `patients`, `folds` and `seeds` have one entry a row.
    """

    targets: tuple[str, ...]
    image_ids: np.ndarray
    patients: np.ndarray
    folds: np.ndarray
    seeds: np.ndarray
    iou: np.ndarray
    dice: np.ndarray
    counts: np.ndarray

    def where(self, rows: np.ndarray) -> "OutOfFold":
        """Only those rows."""
        kept = {name: value[rows] for name, value in vars(self).items() if name != "targets"}
        return OutOfFold(self.targets, **kept)

    def of_class(self, k: int) -> "OutOfFold":
        """Only the class of that index."""
        rows = {name: getattr(self, name) for name in ("image_ids", "patients", "folds", "seeds")}
        scores = {name: getattr(self, name)[:, [k]] for name in ("iou", "dice", "counts")}
        return OutOfFold((self.targets[k],), **rows, **scores)

    def by_frame(self) -> "OutOfFold":
        """One row a frame: the mean over its networks (counts too, so they may be fractions)."""
        _, first, owner = np.unique(self.image_ids, return_index=True, return_inverse=True)
        networks = np.bincount(owner).astype(float)

        def mean(values: np.ndarray) -> np.ndarray:
            sums = np.zeros((len(networks), *values.shape[1:]))
            np.add.at(sums, owner, values)
            return sums / networks.reshape(-1, *[1] * (values.ndim - 1))

        means = {name: mean(getattr(self, name)) for name in ("iou", "dice", "counts")}
        rows = {name: getattr(self, name)[first] for name in ("image_ids", "patients", "folds", "seeds")}
        return OutOfFold(self.targets, **rows, **means)

    def estimate(self, metric: str = "iou") -> Estimate:
        """Mean per-image `iou` or `dice` over classes, with its interval over patients."""
        frames = self.by_frame()
        return bootstrap_mean(getattr(frames, metric), [*frames.patients])


def finished_members(folder: CvFolder) -> list[Member]:
    """Those whose result is there."""
    return [member for member in folder.members() if is_finished(folder, member)]


def is_finished(folder: CvFolder, member: Member) -> bool:
    """Has it ended, and is its score still on disk?"""
    return folder.progress(member).state == "finished" and (folder.run_dir(member) / "validation.csv").is_file()


def read_out_of_fold(folder: CvFolder, members: list[Member]) -> OutOfFold:
    """The members' validation.csv. Raises TrainingError where one is damaged."""
    targets = folder.read().targets
    rows = [(member, row) for member in members for row in _read(folder.run_dir(member) / "validation.csv", targets)]

    def table(name: str, kind: type) -> np.ndarray:
        values = [[kind(cell[name] or "nan") for cell in row] for _, row in rows]
        return np.array(values).reshape(len(rows), len(targets))

    first = [row[0] for _, row in rows]
    return OutOfFold(
        targets=targets,
        image_ids=np.array([row["image_id"] for row in first], dtype=str),
        patients=np.array([resampled_unit(row["patient_id"], row["image_id"]) for row in first], dtype=str),
        folds=np.array([member.fold for member, _ in rows], dtype=int),
        seeds=np.array([member.seed for member, _ in rows], dtype=int),
        iou=table("iou", float),
        dice=table("dice", float),
        counts=np.stack([table(name, int) for name in _COUNTS], axis=-1),
    )


def write_out_of_fold(folder: CvFolder, members: list[Member]) -> None:
    """Write out_of_fold.csv: the members' validation.csv one below the other, fold and seed in front."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for number, member in enumerate(members):
        with (folder.run_dir(member) / "validation.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if number == 0:
            writer.writerow(["fold", "seed", *header])
        writer.writerows([member.fold, member.seed, *row] for row in rows)
    write_text(folder.path / "out_of_fold.csv", text.getvalue())


def summarise_members(folder: CvFolder) -> dict[str, Any]:
    """What summary.json says. Raises TrainingError where no member is finished."""
    content = folder.read()
    members = finished_members(folder)
    if not members:
        raise TrainingError(f"{folder.path}: no fold is finished, so there is nothing to summarise")
    progress = {member: folder.progress(member) for member in folder.members()}
    scores = read_out_of_fold(folder, members)
    by_fold = [_row(scores, scores.folds == fold, {"fold": int(fold)}) for fold in np.unique(scores.folds)]
    by_seed = [_row(scores, scores.seeds == seed, {"seed": int(seed)}) for seed in np.unique(scores.seeds)]
    failed = [m for m, reached in progress.items() if reached.state == "failed"]
    return {
        "name": content.name,
        "key": content.key,
        "state": describe_state(content, progress),
        "complete": len(members) == len(progress),
        "members": len(progress),
        "members_finished": len(members),
        "folds": content.folds,
        "seeds": content.seeds,
        "data_hash": content.data_hash,
        "split_hash": content.split_hash,
        "manifest": content.manifest,
        "grouped_by_patient": content.grouped,
        "synthetic": bool(content.config["data"]["phantom"]),
        **_scores(scores),
        "by_fold": by_fold,
        "by_seed": by_seed,
        "iou_sd_folds": _spread(by_fold),
        "iou_sd_seeds": _spread(by_seed),
        "failed": [{"member": m.name, "error": progress[m].error} for m in failed],
        "seconds": sum(reached.seconds for reached in progress.values()),
        "seconds_fitting": sum(reached.seconds_fitting for reached in progress.values()),
        "statement": "Research use only; not a medical device.",
    }


def describe_state(content: CrossValidation, progress: dict[Member, Progress]) -> str:
    """`5 of 5 folds`, or `4 of 5 folds, fold 2 failed: ...`; with several seeds `9 of 10 networks, ...`."""
    several = len(content.seeds) > 1
    done = sum(reached.state == "finished" for reached in progress.values())
    text = f"{done} of {len(progress)} {'networks' if several else 'folds'}"
    for member, reached in progress.items():
        if reached.state == "failed":
            text += f", {name_member(member, several)} failed: {reached.error}"
    return text


def name_member(member: Member, several: bool) -> str:
    """`fold 2`, where there are several seeds `fold 2 seed 1`."""
    return f"fold {member.fold}" + f" seed {member.seed}" * several


def _read(path: Path, targets: tuple[str, ...]) -> list[list[dict[str, str]]]:
    """Rows of one frame together, in the order of `targets`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        frames: dict[str, dict[str, dict[str, str]]] = {}
        for row in rows:
            frames.setdefault(row["image_id"], {})[row["class"]] = row
        return [[classes[name] for name in targets] for classes in frames.values()]
    except (OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: not a run's validation scores, or damaged ({error!r})") from error


def _row(scores: OutOfFold, rows: np.ndarray, name: dict[str, int]) -> dict[str, Any]:
    part = scores.where(rows)
    return name | {metric: part.estimate(metric).to_dict() for metric in ("iou", "dice")}


def _spread(rows: list[dict[str, Any]]) -> float | None:
    """Standard deviation of the rows' mean IoU, None for fewer than two."""
    values = [row["iou"]["value"] for row in rows if row["iou"]["value"] is not None]
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _scores(scores: OutOfFold) -> dict[str, Any]:
    """Scores of all classes together and of each."""
    classes = {name: _part(scores, [k]) for k, name in enumerate(scores.targets)}
    together = _part(scores, [*range(len(scores.targets))])
    return {"all": together, "classes": classes}


def _part(scores: OutOfFold, classes: list[int]) -> dict[str, Any]:
    frames = scores.by_frame()
    _, predicted, reference = np.moveaxis(scores.counts[:, classes], -1, 0)
    missed, empty = (reference > 0) & (predicted == 0), reference == 0
    networks = len(scores.image_ids) / len(frames.image_ids)  # a frame
    return {
        "iou": bootstrap_mean(frames.iou[:, classes], [*frames.patients]).to_dict(),
        "dice": bootstrap_mean(frames.dice[:, classes], [*frames.patients]).to_dict(),
        "pooled_iou": _pooled(frames, classes).to_dict(),
        "frames": len(frames.image_ids),
        "missed": _count(missed.sum(), networks),
        "both_empty": _count((empty & (predicted == 0)).sum(), networks),
        "false_positive_frames": _count((empty & (predicted > 0)).any(1).sum(), networks),
    }


def _count(total: int, networks: float) -> float | int:
    """Per network; a whole number where one network validated each frame."""
    return int(total) if networks == 1 else round(float(total) / networks, 2)


def _pooled(frames: OutOfFold, classes: list[int]) -> Estimate:
    """IoU of all pixels together, its interval from sums of resampled patients."""
    intersection, predicted, reference = np.moveaxis(frames.counts[:, classes], -1, 0)
    names, owner = np.unique(frames.patients, return_inverse=True)
    above, below = (np.zeros((len(names), len(classes))) for _ in range(2))
    np.add.at(above, owner, intersection)
    np.add.at(below, owner, predicted + reference - intersection)
    return bootstrap_ratio(above, below, len(frames.image_ids))
