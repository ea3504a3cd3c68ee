"""Two figures of a study: how the search went, and what each parameter has to do with the score."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trus.files import atomic_path
from trus.tuning.space import Parameter

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_DONE, _BEST, _GIVEN_UP, _FAILED = "#30638e", "#d1495b", "#8d99a6", "#1d1d1f"
_COLUMNS = 3


def draw_history(trials: "list[FrozenTrial]", path: Path) -> None:
    """Every trial's mean out-of-fold IoU with its 95 % interval over patients, and the best so far."""
    figure, axes = _figure(9, 4.2, 1, 1)
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    _points(axes, [trial.number for trial in done], done)
    best = np.maximum.accumulate([trial.value or 0.0 for trial in done])
    axes.step([t.number for t in done], best, where="post", color=_BEST, lw=1.5, label="best so far")
    given_up = [trial for trial in trials if trial.state.name == "PRUNED" and trial.intermediate_values]
    if given_up:
        last = [trial.intermediate_values[max(trial.intermediate_values)] for trial in given_up]
        axes.plot([t.number for t in given_up], last, "x", color=_GIVEN_UP, label="given up (mean of its first folds)")
    failed = [trial.number for trial in trials if trial.state.name == "FAIL"]
    if failed:
        low = axes.get_ylim()[0]
        axes.plot(failed, [low] * len(failed), "|", color=_FAILED, ms=12, clip_on=False, label="failed")
    axes.set(xlabel="trial", ylabel="mean out-of-fold IoU, 95 % over patients")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncol=4, frameon=False)
    _save(figure, path)


def draw_slices(trials: "list[FrozenTrial]", space: dict[str, Parameter], path: Path) -> None:
    """The score against each parameter: a point a trial that was scored to the end, the best one marked."""
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    names = [name for name in space if any(name in trial.params for trial in done)]
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, grid = _figure(3.6 * columns, 3.0 * rows, rows, columns)
    panels = np.ravel(grid)
    best = max(done, key=lambda trial: trial.value or 0.0)
    for name, axes in zip(names, panels, strict=False):
        shown = [trial for trial in done if name in trial.params]
        _points(axes, _places(axes, space[name], [trial.params[name] for trial in shown]), shown, best.number)
        axes.set(xlabel=name)
    for axes in panels[:: max(columns, 1)]:
        axes.set(ylabel="out-of-fold IoU")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _save(figure, path)


def _places(axes: Any, parameter: Parameter, values: list[Any]) -> list[float]:
    """Where values stand on the axis; choices beside one another, equal ones spread a little so that all are seen."""
    if parameter.choices is None:
        if parameter.log:
            axes.set_xscale("log")
        return [float(value) for value in values]
    texts = parameter.texts
    turned: dict[str, Any] = {"rotation": 25, "ha": "right"} if len(texts) > 3 else {}
    axes.set_xticks(range(len(texts)), texts, **turned)
    axes.set_xlim(-0.5, len(texts) - 0.5)
    count = {text: values.count(text) for text in texts}
    seen = dict.fromkeys(texts, 0)
    places = []
    for value in values:
        seen[value] += 1
        places.append(texts.index(value) + 0.5 * (seen[value] / (count[value] + 1) - 0.5))
    return places


def _points(axes: Any, places: list[Any], trials: "list[FrozenTrial]", best: int | None = None) -> None:
    for place, trial in zip(places, trials, strict=True):
        estimate = trial.user_attrs.get("estimate", {})
        colour = _BEST if trial.number == best else _DONE
        if estimate.get("low") is not None:
            axes.plot([place] * 2, [estimate["low"], estimate["high"]], "-", color=colour, alpha=0.35, lw=1.5)
        axes.plot([place], [trial.value], "o", color=colour, ms=5, zorder=3)


def _figure(width: float, height: float, rows: int, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True)
    for axes in np.ravel(grid):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e4e7eb", lw=0.8)
        axes.set_axisbelow(True)
    return figure, grid


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
