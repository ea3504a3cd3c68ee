"""What a study leaves: trials.csv, tuning.json, figures, the best recipe, and what is printed."""

import csv
import io
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trus.files import write_json, write_text
from trus.tuning.figures import draw_history, draw_slices
from trus.tuning.racing import compare_folds
from trus.tuning.recipe import command_line, write_experiment
from trus.tuning.study import StudyFolder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SHOWN = 10
ENOUGH = 10
"""Scored trials a parameter below which an importance is called a hint."""
_RECORD = ("folds_done", "seconds", "error", "cv_folder", "run_id")


@dataclass
class Report:
    """The files that were written, and the lines to print."""

    summary: dict[str, Any]
    lines: list[str]
    files: list[Path] = field(default_factory=list)


def write_report(study: StudyFolder) -> Report:
    """Write everything below the study's folder; without a scored trial only trials.csv and tuning.json."""
    trials, best = study.trials(), study.best()
    counts = Counter(trial.state.name.lower() for trial in trials)
    differences = _differences(trials, best) if best else {}
    summary: dict[str, Any] = {"study": study.path.name, "trials": dict(counts)}
    _write_csv(study, trials, differences)
    files = [study.path / "trials.csv", study.path / "tuning.json"]
    lines = [f"\n{study.path.name}: {_counted(counts)}"]
    if best is None:
        lines.append("no trial was scored to its end, so there is no best one")
    else:
        summary |= _best(study, best) | {"importance": _importance(study, trials)}
        files += _draw(study, trials)
        files.append(_write_recipe(study, best, counts))
        lines += _table(study, trials, differences) + _importance_lines(summary["importance"], counts["complete"])
        lines += _confirm(study, best, counts)
    write_json(study.path / "tuning.json", summary)
    return Report(summary, [*lines, f"everything is in {study.path}"], files)


def overrides_of(study: StudyFolder, trial: "FrozenTrial") -> list[str]:
    """What the trial added to the study's command line, in the order of the space."""
    params = trial.params
    return [f"{name}={p.text(params[name])}" for name, p in study.settings.space.items() if name in params]


def _differences(trials: "list[FrozenTrial]", best: "FrozenTrial") -> dict[int, dict[str, Any]]:
    """Of each scored trial to the best one, paired over patients."""
    folder = Path(best.user_attrs["cv_folder"])
    others = [t for t in trials if t.state.name == "COMPLETE" and t.user_attrs["cv_folder"] != str(folder)]
    found = {}
    for trial in others:
        if pair := compare_folds(Path(trial.user_attrs["cv_folder"]), folder):
            found[trial.number] = pair.difference.to_dict()
    return found


def _best(study: StudyFolder, best: "FrozenTrial") -> dict[str, Any]:
    return {
        "best_trial": best.number,
        "iou": best.user_attrs["estimate"],
        "overrides": overrides_of(study, best),
        "cv_folder": best.user_attrs["cv_folder"],
        "run_id": best.user_attrs["run_id"],
    }


def _write_csv(study: StudyFolder, trials: "list[FrozenTrial]", differences: dict[int, dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = [*study.settings.space]
    numbers = ["iou", "iou_low", "iou_high", "to_best", "to_best_low", "to_best_high"]
    writer.writerow(["trial", "state", *numbers, *names, *_RECORD])
    for trial in trials:
        pair = trial.user_attrs.get("difference") or differences.get(trial.number, {})
        scores = [source.get(key, "") for source in (trial.user_attrs.get("estimate", {}), pair) for key in _KEYS]
        params = [trial.params.get(name, "") for name in names]
        record = [trial.user_attrs.get(key, "") for key in _RECORD]
        writer.writerow([trial.number, trial.state.name.lower(), *scores, *params, *record])
    write_text(study.path / "trials.csv", text.getvalue())


_KEYS = ("value", "low", "high")


def _importance(study: StudyFolder, trials: "list[FrozenTrial]") -> dict[str, float]:
    """Optuna's (PED-ANOVA, Watanabe et al. 2023): shares of 1; empty where the trials do not tell."""
    import optuna

    scored = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len({trial.value for trial in scored}) < 2:
        return {}  # Optuna would call all parameters equally important
    alone = optuna.create_study(direction="maximize")  # without the trials that repeat others
    alone.add_trials(scored)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {k: float(v) for k, v in optuna.importance.get_param_importances(alone).items()}
    except (ValueError, RuntimeError):  # parameters that none of them varies
        return {}


def _draw(study: StudyFolder, trials: "list[FrozenTrial]") -> list[Path]:
    history, slices = (study.path / f"figures/{name}.png" for name in ("history", "slices"))
    draw_history(trials, history)
    draw_slices(trials, study.settings.space, slices)
    return [history, slices]


def _write_recipe(study: StudyFolder, best: "FrozenTrial", counts: "Counter[str]") -> Path:
    header = [
        f"Trial {best.number} of the study {study.path.name}: mean out-of-fold IoU {_interval(best)}.",
        f"That is too good: the best of {_chosen_among(counts)} on the same folds. Confirm it before you quote it.",
        f"  python scripts/train.py --config-dir {study.path} experiment=best data.manifest=PATH split.fold=all",
    ]
    return write_experiment(study.settings, overrides_of(study, best), header)


def _table(study: StudyFolder, trials: "list[FrozenTrial]", differences: dict[int, dict[str, Any]]) -> list[str]:
    scored = sorted((t for t in trials if t.state.name == "COMPLETE"), key=lambda t: -(t.value or 0.0))
    lines = ["  trial  IoU (95 % over patients)  to the best, paired          settings"]
    for trial in scored[:SHOWN]:
        pair = differences.get(trial.number)
        to_best = _signed(pair) if pair else "the best" if trial is scored[0] else "the same"
        lines.append(
            f"  {trial.number:5d}  {_interval(trial):24s}  {to_best:27s}  {' '.join(overrides_of(study, trial))}"
        )
    alike = sum(pair["high"] is None or pair["high"] >= 0 for pair in differences.values())
    if alike:
        lines.append(f"  of the other scored trials, {alike} of {len(differences)} cannot be told from the best one")
    return lines


def _importance_lines(importance: dict[str, float], scored: int) -> list[str]:
    if not importance:
        return []
    shares = "  ".join(f"{name} {share:.0%}" for name, share in importance.items())
    few = scored < ENOUGH * len(importance)
    caution = f" (a hint, no finding: {scored} scored trials for {len(importance)} parameters)" if few else ""
    return [f"importance of the parameters{caution}: {shares}"]


def _confirm(study: StudyFolder, best: "FrozenTrial", counts: "Counter[str]") -> list[str]:
    settings, proposal = study.settings, overrides_of(study, best)
    seed, split = settings.config["seed"] + 1000, settings.config["split"]["seed"] + 1
    again = command_line(settings, proposal, "split.fold=all", f"split.seed={split}", f"seed={seed}")
    return [
        f"The best score is too good to be quoted: it was chosen among {_chosen_among(counts)} on the same folds.",
        "To confirm it, train it on other folds with another seed, beside what you would use otherwise, and compare:",
        f"  {again}",
        "or open the test part, once:",
        f"  python scripts/evaluate.py cv_run={best.user_attrs['cv_folder']} split.part=test",
        "As an experiment for your own use:",
        f"  python scripts/train.py --config-dir {study.path} experiment=best data.manifest=PATH",
    ]


def _interval(trial: "FrozenTrial") -> str:
    estimate = trial.user_attrs["estimate"]
    known = estimate["low"] is not None
    return f"{estimate['value']:.3f}" + (f" ({estimate['low']:.3f} to {estimate['high']:.3f})" if known else "")


def _signed(pair: dict[str, Any]) -> str:
    known = pair["low"] is not None
    return f"{pair['value']:+.3f}" + (f" ({pair['low']:+.3f} to {pair['high']:+.3f})" if known else "")


def _counted(counts: "Counter[str]") -> str:
    words = {"complete": "scored", "pruned": "given up early", "fail": "failed", "running": "unfinished"}
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state]) or "no trial"


def _chosen_among(counts: "Counter[str]") -> str:
    number = counts["complete"] + counts["pruned"]
    return f"{number} trials" if number > 1 else "one trial"
