"""One comparison job: several runs in; sentences, tables and a figure out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from trus.errors import ConfigError
from trus.evaluation.comparison.comparable import Aligned, align, mean_score
from trus.evaluation.comparison.paired import PairedDifference, compare_pair, holm
from trus.evaluation.comparison.scored_run import METRICS, ScoredRun, expand_sweeps, load_run, write_rows
from trus.evaluation.comparison.text import UNITS, say, say_seeds
from trus.evaluation.statistics import Estimate, bootstrap_mean
from trus.files import write_json

STATEMENT = "Research use only. Not a medical device; must not be used for diagnosis or treatment decisions."


@dataclass(frozen=True)
class Comparison:
    """R runs on the same frames: `means` with intervals, `pairs` with their tests."""

    runs: list[ScoredRun]
    aligned: Aligned
    metric: str
    means: list[Estimate]
    pairs: list[PairedDifference]

    @property
    def title(self) -> str:
        """`IoU of gland, lesion on 96 frames of 31 patients`."""
        frames, patients = self.pairs[0].difference.frames, self.pairs[0].difference.patients
        owners = f"of {patients} patients" if self.aligned.grouped else "without patient ids"
        return f"{UNITS[self.metric]} of {', '.join(self.aligned.classes)} on {frames} frames {owners}"

    @cached_property
    def seed_noise(self) -> list[float]:
        """Standard deviation of each run's mean score between seeds; NaN with one seed."""
        return [float(np.std(means, ddof=1)) if len(means) > 1 else float("nan") for means in self.aligned.by_seed]

    @cached_property
    def by_patient(self) -> dict[str, list[float]]:
        """Patient -> mean score of each run, NaN where nothing of the patient is scored."""
        owner = np.asarray(self.aligned.patients)
        return {
            name: [mean_score(scores[owner == name]) for scores in self.aligned.scores] for name in np.unique(owner)
        }

    def sentences(self) -> list[str]:
        """What the pairs say in plain words, then what is known of the noise between seeds."""
        noise = dict(zip(self.aligned.names, self._errors_of_seeds(), strict=True))
        lines = [
            say(
                pair,
                self.metric,
                self.aligned.grouped,
                len(self.pairs),
                float(np.hypot(noise[pair.first], noise[pair.second])),
            )
            for pair in self.pairs
        ]
        counts = [len(means) for means in self.aligned.by_seed]
        return [*lines, say_seeds(self.aligned.names, self.seed_noise, counts)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "metric": self.metric,
            "classes": self.aligned.classes,
            "frames": len(self.aligned.image_ids),
            "grouped_by_patient": self.aligned.grouped,
            "runs": [self._run_dict(k) for k in range(len(self.runs))],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "sentences": self.sentences(),
            "warnings": self.aligned.warnings,
            "statement": STATEMENT,
        }

    def _errors_of_seeds(self) -> list[float]:
        """Standard error of each run's mean from chance of training; 0 where it is not known."""
        counts = [max(len(means), 1) for means in self.aligned.by_seed]
        return [float(np.nan_to_num(sd)) / n**0.5 for sd, n in zip(self.seed_noise, counts, strict=True)]

    def _run_dict(self, k: int) -> dict[str, Any]:
        run, noise = self.runs[k], self.seed_noise[k]
        return {
            "name": self.aligned.names[k],
            "origin": run.origin,
            "data_hash": run.data_hash,
            "split_hash": run.split_hash,
            "part": run.part,
            "mean": self.means[k].to_dict(),
            "by_seed": self.aligned.by_seed[k],
            "seed_sd": None if np.isnan(noise) else noise,
        }


def compare_runs(
    runs: Sequence[ScoredRun],
    metric: str = "iou",
    class_name: str | None = None,
    baseline: bool = False,
    common_frames: bool = False,
) -> Comparison:
    """Compare all pairs, or with `baseline` all with the first; p-values after Holm over these.

    `metric` is iou or dice. Raises ConfigError where the runs do not share data, split, part and frames (unless
    `common_frames`), or nothing can be compared.
    """
    if metric not in METRICS:
        raise ConfigError(f"--metric {metric}: choose from {', '.join(METRICS)}")
    if len(runs) < 2:
        raise ConfigError("a comparison needs two runs or more")
    origins = [run.origin for run in runs]
    if len(set(origins)) < len(origins):
        raise ConfigError(f"the same run was given twice: {next(o for o in origins if origins.count(o) > 1)}")
    aligned = align(runs, metric, class_name, common_frames)
    if np.isnan(aligned.scores).all():
        raise ConfigError(f"{metric} is undefined on every frame: no reference mask holds {', '.join(aligned.classes)}")
    return compare_aligned(list(runs), aligned, metric, baseline)


def compare_aligned(runs: list[ScoredRun], aligned: Aligned, metric: str, baseline: bool = False) -> Comparison:
    """Means and pairs of runs that were brought into one order."""
    indices = [(0, k) for k in range(1, len(runs))] if baseline else list(combinations(range(len(runs)), 2))
    scores, names, patients = aligned.scores, aligned.names, aligned.patients
    pairs = [compare_pair(scores[a], scores[b], patients, (names[a], names[b])) for a, b in indices]
    return Comparison(runs, aligned, metric, [bootstrap_mean(one, patients) for one in scores], holm(pairs))


def run_comparison(
    runs: Sequence[str],
    out: Path,
    tracking_uri: str,
    metric: str = "iou",
    class_name: str | None = None,
    baseline: bool = False,
    common_frames: bool = False,
) -> Comparison:
    """Load, compare and write `runs`: folders, folders of sweeps, or ids of MLflow runs. Raises ConfigError."""
    loaded = [load_run(run, tracking_uri) for run in expand_sweeps(list(runs))]
    comparison = compare_runs(loaded, metric, class_name, baseline, common_frames)
    write_comparison(comparison, out)
    return comparison


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write comparison.csv (a row a pair), patients.csv, comparison.json and comparison.png to `out`."""
    from trus.evaluation.comparison.figure import draw_comparison

    write_rows(out / "comparison.csv", _pair_rows(comparison))
    names = comparison.aligned.names
    rows = [
        {"patient": patient} | dict(zip(names, scores, strict=True))
        for patient, scores in comparison.by_patient.items()
    ]
    write_rows(out / "patients.csv", rows)
    write_json(out / "comparison.json", comparison.to_dict())
    draw_comparison(comparison, out / "comparison.png")


def _pair_rows(comparison: Comparison) -> list[dict[str, Any]]:
    rows = []
    for pair in comparison.pairs:
        content = pair.to_dict()
        nested = {name: content.pop(name) for name in ("difference", "effect_size")}
        for name, estimate in nested.items():
            content |= {name: estimate["value"]} | {f"{name}_{end}": estimate[end] for end in ("low", "high")}
        rows.append(content | {key: nested["difference"][key] for key in ("frames", "patients")})
    return rows
