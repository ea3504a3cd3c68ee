"""Which trial is hopeless: a race against the best trial on the folds that both have done.

Folds differ more than settings do, so a trial's first folds say nothing against the mean of other trials (what a median
pruner compares). The same frames of the same patients do: scores are paired, as in the racing of Maron & Moore 1994
(Hoeffding races) and Birattari et al. 2002 (F-Race), here with the interval that `trus compare` uses.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from trus.evaluation.comparison import PairedDifference, compare_pair
from trus.evaluation.cv_folder import CvFolder, Member


def finished_members(folder: CvFolder) -> list[Member]:
    """The networks of a cross-validation that are trained and scored."""
    return [member for member in folder.members() if folder.progress(member).state == "finished"]


def fold_mean(folder: CvFolder, members: list[Member]) -> float:
    """Mean IoU over the members, each a mean over its frames: what is reported to Optuna; NaN where none is scored."""
    values = [(folder.progress(member).iou or {}).get("value") for member in members]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def compare_folds(trial: Path, best: Path, members: list[Member]) -> PairedDifference | None:
    """`trial - best`, two cross-validation folders, over the frames that these members validated; None without any."""
    first, second = (_scores(CvFolder(path), members) for path in (best, trial))
    frames = first.index.intersection(second.index)
    if frames.empty:
        return None
    classes = first.columns.intersection(second.columns)
    one, other = (scores.loc[frames, classes].to_numpy(float) for scores in (first, second))
    return compare_pair(one, other, frames.get_level_values("patient").tolist(), ("best trial", "this trial"))


def is_hopeless(difference: PairedDifference | None, patients: int) -> bool:
    """Is even the favourable end of the interval below the best trial, with so many patients compared?"""
    if difference is None or difference.difference.patients < patients:
        return False
    return bool(difference.difference.high < 0)


def _scores(folder: CvFolder, members: list[Member]) -> pd.DataFrame:
    """Frames x classes of IoU, NaN where the reference is empty; several seeds or repeats of a frame are averaged."""
    types = {"image_id": str, "patient_id": str, "class": str, "iou": float}
    rows = pd.concat([pd.read_csv(folder.run_dir(m) / "validation.csv", dtype=types) for m in members])
    rows["patient"] = rows["patient_id"].fillna("frame " + rows["image_id"])
    return rows.pivot_table("iou", ["image_id", "patient"], "class", aggfunc="mean", dropna=False, observed=True)
