"""May these runs be compared? The same data, split, part and frames, or a refusal that says what differs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.errors import ConfigError
from trus.evaluation.comparison.scored_run import ScoredRun
from trus.nested import flatten

_PLACES = ("callbacks.", "data.cache_dir", "data.manifest", "data.workers", "logger", "outputs", "run_dir")


@dataclass(frozen=True)
class Aligned:
    """Scores of R runs on the same N frames and K classes: float (R, N, K), NaN where the reference is empty.

    `by_seed` holds for each run its mean score with each seed alone, of the seeds that predicted every frame (empty
    with fewer than two).
    """

    names: list[str]
    image_ids: list[str]
    patients: list[str]
    classes: list[str]
    scores: np.ndarray
    by_seed: list[list[float]]
    grouped: bool
    warnings: list[str] = field(default_factory=list)


def align(
    runs: Sequence[ScoredRun], metric: str = "iou", class_name: str | None = None, common_frames: bool = False
) -> Aligned:
    """Bring the runs' scores into one order. Raises ConfigError that lists all that differs.

    With `common_frames` only what all share is compared: frames and classes; frames whose reference mask differs are
    left out; every difference becomes a warning. Scores on training frames are never compared with others.
    """
    names = name_runs(runs)
    differing = _differences(runs, names, class_name)
    parts = {run.part for run in runs}
    if len(parts) > 1 and any("training frames" in part for part in parts):
        raise ConfigError(_refusal(differing, "scores on frames that a network was trained on compare with no others"))
    if differing and not common_frames:
        raise ConfigError(_refusal(differing, "--common-frames compares what all share, with a warning everywhere"))
    classes = [class_name] if class_name else [c for c in runs[0].classes if all(c in run.classes for run in runs)]
    image_ids, changed = _common(runs, classes)
    if not classes or not image_ids:
        raise ConfigError(_refusal(differing or ["no frame is in all of them"], "nothing is left to compare"))
    warnings = ["SYNTHETIC frames: computed, of no patient"] * any(run.synthetic for run in runs)
    warnings += [f"NOT THE SAME, only what all share is compared: {text}" for text in differing]
    if changed:
        warnings.append(f"{changed} frame(s) left out because their reference masks differ between the runs")
    warnings += [text for run in runs for text in run.warnings]
    grouped = all(run.grouped for run in runs)
    if not grouped:
        warnings.append("no patient ids: every frame counts as a patient, so intervals are too narrow")
    scores = np.stack([run.scores(metric).reindex(index=image_ids, columns=classes).to_numpy(float) for run in runs])
    scores[:, np.isnan(scores).any(0)] = np.nan  # unknown to one, compared in none
    patients = [runs[0].patients[image_id] for image_id in image_ids]
    by_seed = [_by_seed(run, metric, image_ids, classes) for run in runs]
    return Aligned(names, image_ids, patients, classes, scores, by_seed, grouped, warnings)


def name_runs(runs: Sequence[ScoredRun]) -> list[str]:
    """Names that tell the runs apart: their own without the settings that all name, then, where two have the same,
    the settings in which these differ, then where they come from.
    """
    words = [run.name.split() for run in runs]
    common = {word for word in set.intersection(*map(set, words)) if "=" in word and len(runs) > 1}
    names = [" ".join(word for word in own if word not in common) for own in words]
    for add in (_settings_of, _end_of):
        shared = {name for name in names if names.count(name) > 1}
        names = [f"{name} {add(k, runs)}".strip() if name in shared else name for k, name in enumerate(names)]
    return names


def _settings_of(k: int, runs: Sequence[ScoredRun]) -> str:
    """`optimizer.lr=0.001`: the settings in which runs of this name differ."""
    namesakes = [flatten(run.config) for run in runs if run.name == runs[k].name]
    own = flatten(runs[k].config)
    differing = [key for key in own if any(other and other.get(key) != own[key] for other in namesakes)]
    return " ".join(f"{key}={own[key]}" for key in differing if not key.startswith(_PLACES))[:80]


def _end_of(k: int, runs: Sequence[ScoredRun]) -> str:
    ends = [Path(run.origin).name for run in runs]
    return f"[{ends[k] if ends.count(ends[k]) == 1 else runs[k].origin}]"


def mean_score(scores: np.ndarray) -> float:
    """Mean over frames of each class, averaged over classes; scores (N, K), NaN where not scored or nothing is."""
    scored = ~np.isnan(scores)
    counts = scored.sum(0)
    means = np.where(scored, scores, 0).sum(0)[counts > 0] / counts[counts > 0]
    return float(means.mean()) if len(means) else float("nan")


def _differences(runs: Sequence[ScoredRun], names: list[str], class_name: str | None) -> list[str]:
    """A line for each thing that is not the same in all runs."""
    lines = []
    for what in ("data_hash", "split_hash", "part"):
        values = [getattr(run, what) for run in runs]
        if len(set(values)) > 1 or None in values:
            lines.append(_each(what.replace("_", " "), names, [(value or "not known")[:40] for value in values]))
    frames = [run.frames for run in runs]
    if any(other != frames[0] for other in frames):
        common = len(set.intersection(*frames))
        lines.append(_each("frames", names, [str(len(ids)) for ids in frames]) + f"; {common} in common")
    lacking = [name for name, run in zip(names, runs, strict=True) if class_name and class_name not in run.classes]
    if lacking:
        raise ConfigError(
            f"--class {class_name}: not a class of {', '.join(lacking)}; there: {', '.join(runs[0].classes)}"
        )
    if not class_name and len({frozenset(run.classes) for run in runs}) > 1:
        lines.append(_each("classes", names, ["+".join(run.classes) for run in runs]))
    if len({frozenset(run.patients.items()) for run in runs}) > 1 and all(other == frames[0] for other in frames):
        lines.append("patients: the same frames belong to other patients")
    return lines


def _each(what: str, names: list[str], values: list[str]) -> str:
    """`data hash: 1a2b (A), 3c4d (B, C)`."""
    owners: dict[str, list[str]] = {}
    for name, value in zip(names, values, strict=True):
        owners.setdefault(value[:12] if "hash" in what else value, []).append(name)
    return f"{what}: " + ", ".join(f"{value} ({', '.join(who)})" for value, who in owners.items())


def _refusal(differing: list[str], way_out: str) -> str:
    return "\n  ".join(["these runs cannot be compared as they are", *differing, way_out])


def _common(runs: Sequence[ScoredRun], classes: list[str]) -> tuple[list[str], int]:
    """image_ids that all runs scored against the same reference, and how many differ in it."""
    shared = sorted(set.intersection(*(run.frames for run in runs)))
    references = [run.reference().reindex(index=shared, columns=classes).to_numpy(float) for run in runs]
    same = np.all([np.array_equal(references[0], other) for other in references[1:]])
    if same:
        return shared, 0
    equal = np.all([(references[0] == other).all(1) for other in references[1:]], axis=0)
    return [image_id for image_id, kept in zip(shared, equal, strict=True) if kept], int((~equal).sum())


def _by_seed(run: ScoredRun, metric: str, image_ids: list[str], classes: list[str]) -> list[float]:
    """Of the seeds that predicted every frame: means over different frames would not be noise of training."""
    tables = [run.scores(metric, seed).reindex(columns=classes) for seed in run.seeds]
    whole = [table.loc[image_ids].to_numpy(float) for table in tables if set(image_ids) <= set(table.index)]
    return [mean_score(values) for values in whole] if len(whole) > 1 else []
