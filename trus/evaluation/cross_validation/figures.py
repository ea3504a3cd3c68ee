"""The picture of a cross-validation: every out-of-fold frame's IoU by fold, with means and intervals over patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.cross_validation.result import OutOfFold, read_out_of_fold
from trus.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FRAME, _MEAN, _GRID = "#4477AA", "#222222", "#dddddd"
_FORMATS = ("png", "svg")


def write_figures(folder: CvFolder, members: list[Member], summary: dict[str, Any], target: Path) -> None:
    """Write iou_by_fold.png and .svg into `target`, atomically; a panel a class."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    scores = read_out_of_fold(folder, members)
    names = [*scores.targets]
    figure = Figure(figsize=(max(5.4, 1.6 + 0.8 * len(np.unique(scores.folds))), 0.9 + 3.1 * len(names)), dpi=150)
    axes = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for k, (axis, name) in enumerate(zip(axes, names, strict=True)):
        _draw_class(axis, scores, k)
        part = summary["classes"][name]["iou"]
        _draw_mean(axis, part)
        axis.set_ylabel("IoU of a frame")
        axis.set_title(f"{name}: {_words(part)}", loc="left", fontsize=9)
    axes[-1].set_xlabel("fold\ndiamond: its mean, 95 % interval over its patients; line and band: all", fontsize=8)
    origin = ", SYNTHETIC frames" if summary["synthetic"] else ""
    figure.suptitle(f"{summary['name']}, out of fold: {summary['state'][:60]}{origin}", x=0.02, ha="left", fontsize=10)
    figure.tight_layout()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "trus"}):
        for kind in _FORMATS:
            with atomic_path(target / f"iou_by_fold.{kind}") as temporary:
                figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _draw_class(axis: "Axes", scores: OutOfFold, k: int) -> None:
    folds = np.unique(scores.folds)
    for place, fold in enumerate(folds):
        part = scores.where(scores.folds == fold).by_frame()
        values = part.iou[:, k]
        values = np.sort(values[~np.isnan(values)])
        if not len(values):
            continue
        axis.scatter(place + _spread_out(values), values, s=18, color=_FRAME, alpha=0.7, linewidths=0, zorder=2)
        estimate = part.of_class(k).estimate()
        around = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
        bars = None if np.isnan(estimate.low) else around
        axis.errorbar(place + 0.27, estimate.value, yerr=bars, fmt="D", ms=5, color=_MEAN, capsize=3, lw=1.2, zorder=3)
    axis.set_xticks(range(len(folds)), [str(fold) for fold in folds])
    axis.set_xlim(-0.5, len(folds) - 0.3)
    axis.set_ylim(-0.02, 1.02)
    axis.grid(axis="y", color=_GRID, lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _draw_mean(axis: "Axes", part: dict[str, Any]) -> None:
    """A line at the mean of all, and a band for its interval."""
    if part["value"] is not None:
        axis.axhline(part["value"], color=_MEAN, lw=1, zorder=1)
    if part["low"] is not None:
        axis.axhspan(part["low"], part["high"], color=_MEAN, alpha=0.08, lw=0, zorder=0)


def _spread_out(values: np.ndarray) -> np.ndarray:
    """Offsets of sorted values, the same every time, so that near ones do not hide each other."""
    return 0.22 * (((np.arange(len(values)) * 0.618) % 1) - 0.5) * 2 - 0.05


def _words(part: dict[str, Any]) -> str:
    if part["value"] is None:
        return "undefined, no frame holds it"
    interval = "no interval" if part["low"] is None else f"95 % {part['low']:.3f} to {part['high']:.3f}"
    return f"mean {part['value']:.3f} ({interval}), {part['frames']} frames of {part['patients']} patients"
