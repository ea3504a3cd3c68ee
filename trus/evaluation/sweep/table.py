"""The lines of a sweep's table: best first, differences to the best, and what failed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trus.errors import ConfigError
from trus.evaluation.comparison.comparable import align
from trus.evaluation.comparison.paired import PairedDifference, compare_pair, holm
from trus.evaluation.statistics import Estimate, bootstrap_mean
from trus.evaluation.sweep.jobs import Row, differing_settings, read_rows

NOTE = (
    "The best of several is chosen on the very frames that score it, so its mean is a little too good; p-values are "
    "after Holm over all differences to it."
)
_NOWHERE = Estimate(np.nan, np.nan, np.nan, 0, 0)


@dataclass(frozen=True)
class Line:
    """One row of the table; `difference` is to the best line, None for that one and where none can be computed."""

    settings: dict[str, str]
    row: Row
    mean: Estimate
    by_seed: list[float]
    difference: PairedDifference | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """Short: the values that tell it from the others."""
        return " ".join(self.settings.values()) or (self.row.run.name if self.row.run else "the only job")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        row, difference = self.row, self.difference
        return {
            "settings": self.settings,
            "name": self.name,
            "state": row.state,
            "iou": self.mean.to_dict(),
            "by_seed": self.by_seed,
            "networks_finished": row.finished,
            "networks": len(row.members),
            "seconds": round(row.seconds, 1),
            "difference_to_best": difference.to_dict() if difference else None,
            "note": self.note,
            "errors": row.errors,
            "data_hash": row.run.data_hash if row.run else None,
            "split_hash": row.run.split_hash if row.run else None,
            "synthetic": row.run.synthetic if row.run else None,
            "folder": str(row.cv.path if row.cv else row.jobs[0].folder),
            "run_id": row.run_id,
            "jobs": [job.folder.name for job in row.jobs],
        }


def tabulate_sweep(sweep: Path) -> list[Line]:
    """The lines of the sweep in folder `sweep`: complete ones by mean IoU, then incomplete ones, then failed ones."""
    rows = read_rows(sweep)
    lines = [_line(row, settings) for row, settings in zip(rows, differing_settings(rows), strict=True)]
    lines.sort(key=lambda line: (not line.row.complete, np.isnan(line.mean.value), -np.nan_to_num(line.mean.value)))
    return _add_differences(lines)


def _line(row: Row, settings: dict[str, str]) -> Line:
    if row.run is None:
        return Line(settings, row, _NOWHERE, [])
    alone = align([row.run], common_frames=True)
    return Line(settings, row, bootstrap_mean(alone.scores[0], alone.patients), alone.by_seed[0])


def _add_differences(lines: list[Line]) -> list[Line]:
    """Compare each line with the first; a line of other data or another split keeps a note instead."""
    if not lines or lines[0].row.run is None or np.isnan(lines[0].mean.value):
        return lines
    compared = [lines[0], *(_compare(lines[0], line) for line in lines[1:])]
    pairs = iter(holm([line.difference for line in compared if line.difference]))
    return [replace(line, difference=next(pairs)) if line.difference else line for line in compared]


def _compare(best: Line, line: Line) -> Line:
    first, second = best.row.run, line.row.run
    if first is None or second is None or np.isnan(line.mean.value):
        return line
    if (first.data_hash, first.split_hash) != (second.data_hash, second.split_hash):
        return replace(line, note="other data or another split: not compared with the best")
    try:
        aligned = align([first, second], common_frames=True)
    except ConfigError:
        return replace(line, note="no frame in common with the best")
    whole = first.frames == second.frames
    note = "" if whole else f"compared on the {len(aligned.image_ids)} frames that both have"
    pair = compare_pair(aligned.scores[0], aligned.scores[1], aligned.patients, (best.name, line.name))
    return replace(line, difference=pair, note=note)
