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
    done, given_up = _by_state(trials)
    best = np.maximum.accumulate([trial.value or 0.0 for trial in done])
    axes.step([t.number for t in done], best, where="post", color=_BEST, lw=1.5, label="best so far")
    _points(axes, [trial.number for trial in done], done)
    _crosses(axes, [trial.number for trial in given_up], given_up)
    failed = [trial.number for trial in trials if trial.state.name == "FAIL"]
    if failed:
        low = axes.get_ylim()[0]
        axes.plot(failed, [low] * len(failed), "|", color=_FAILED, ms=12, clip_on=False, label="failed")
    axes.set(xlabel="trial", ylabel="mean out-of-fold IoU")
    axes.xaxis.get_major_locator().set_params(integer=True)
    _finish(figure, axes, path)


def draw_slices(trials: "list[FrozenTrial]", space: dict[str, Parameter], path: Path) -> None:
    """The score against each parameter, the best trial marked."""
    done, given_up = _by_state(trials)
    names = [name for name in space if any(name in trial.params for trial in done)]
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, grid = _figure(3.6 * columns, 3.0 * rows + 0.3, rows, columns)
    panels = np.ravel(grid)
    best = max(done, key=lambda trial: trial.value or 0.0)
    for name, axes in zip(names, panels, strict=False):
        shown = [trial for trial in [*done, *given_up] if name in trial.params]
        places = _places(axes, space[name], [trial.params[name] for trial in shown])
        count = sum(trial in done for trial in shown)
        _points(axes, places[:count], shown[:count], best.number)
        _crosses(axes, places[count:], shown[count:])
        axes.set(xlabel=name)
    for axes in panels[::columns]:
        axes.set(ylabel="mean out-of-fold IoU")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _finish(figure, panels[0], path)


def _by_state(trials: "list[FrozenTrial]") -> "tuple[list[FrozenTrial], list[FrozenTrial]]":
    """(scored to the end, given up after a fold or more)."""
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    return done, [trial for trial in trials if trial.state.name == "PRUNED" and trial.intermediate_values]


def _places(axes: Any, parameter: Parameter, values: list[Any]) -> list[float]:
    """Where values stand on the axis; choices beside one another, equal ones spread a little so that all are seen."""
    if parameter.choices is None:
        if parameter.log:
            axes.set_xscale("log")
        elif isinstance(parameter.low, int) and isinstance(parameter.high, int):
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.plot([parameter.low, parameter.high], [np.nan] * 2)  # the axis shows the whole range
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
        label = "best trial" if trial.number == best else "scored trial, 95 % over patients"
        axes.plot([place], [trial.value], "o", color=colour, ms=5, zorder=3, label=label)


def _crosses(axes: Any, places: list[Any], trials: "list[FrozenTrial]") -> None:
    values = [trial.intermediate_values[max(trial.intermediate_values)] for trial in trials]
    if values:
        axes.plot(places, values, "x", color=_GIVEN_UP, ms=5, label="given up: mean of its first folds")


def _figure(width: float, height: float, rows: int, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True)
    for axes in np.ravel(grid):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e4e7eb", lw=0.8)
        axes.set_axisbelow(True)
    return figure, grid


def _finish(figure: Any, axes: Any, path: Path) -> None:
    """One legend above all panels, each label once."""
    labels = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(labels.values(), labels.keys(), loc="outside upper left", ncol=4, frameon=False, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
