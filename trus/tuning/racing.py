"""Which trial is hopeless: a race against the best trial on the folds that both have done.

Folds differ more than settings do, so a trial's first folds say nothing against the mean of other trials (what a median
pruner compares). The same frames of the same patients do: scores are paired, as in the racing of Maron & Moore 1994
(Hoeffding races) and Birattari et al. 2002 (F-Race), here with the interval that `trus compare` uses.
"""

from pathlib import Path

import numpy as np

from trus.evaluation.comparison.paired import PairedDifference, compare_pair
from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.cross_validation.result import finished_members, read_out_of_fold


def fold_mean(folder: CvFolder, members: list[Member]) -> float:
    """Mean IoU over the members' frames: what is reported to Optuna; NaN where none is scored."""
    return read_out_of_fold(folder, members).estimate().value


def compare_folds(trial: Path, best: Path, members: list[Member] | None = None) -> PairedDifference | None:
    """`trial - best`, two cross-validation folders, over the frames that these members (by default all) validated.

    Frames are matched by their id; None without any in common.
    """
    folders = CvFolder(best), CvFolder(trial)
    chosen = finished_members(folders[1]) if members is None else members
    first, second = (read_out_of_fold(folder, chosen).by_frame() for folder in folders)
    _, mine, others = np.intersect1d(first.image_ids, second.image_ids, return_indices=True)
    if not len(mine):
        return None
    patients = first.patients[mine].tolist()
    return compare_pair(first.iou[mine], second.iou[others], patients, ("best trial", "this trial"))


def is_hopeless(difference: PairedDifference | None, patients: int) -> bool:
    """Is even the favourable end of the interval below the best trial, with so many patients compared?"""
    if difference is None or difference.difference.patients < patients:
        return False
    return bool(difference.difference.high < 0)
