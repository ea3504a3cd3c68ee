"""Figures of a comparison: two runs patient by patient, several as means and differences."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trus.evaluation.comparison.text import UNITS, say
from trus.evaluation.statistics import Estimate
from trus.files import atomic_path

if TYPE_CHECKING:
    from trus.evaluation.comparison.paired import PairedDifference
    from trus.evaluation.comparison.run import Comparison

BETTER, WORSE, NEUTRAL, INK, SOFT = "#0072B2", "#D55E00", "#7a828c", "#1b1e22", "#5b636d"
"""Okabe & Ito's blue and vermilion: told apart by colour-blind readers."""
_STYLE = {
    "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT, "axes.titlecolor": INK, "xtick.color": SOFT, "ytick.color": INK, "ytick.left": False,
    "text.color": INK, "figure.facecolor": "white", "axes.grid": True, "axes.grid.axis": "x", "grid.color": "#e5e8eb",
    "axes.axisbelow": True,
}  # fmt: skip
_LABELLED = 50
"""With more patients their names cannot be read."""


@contextmanager
def drawing(path: Path) -> Iterator[Any]:
    """Yield pyplot in the house style; what was drawn is written to `path` as a PNG, atomically."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with plt.rc_context(_STYLE):
        try:
            yield plt
            with atomic_path(path) as temporary:
                plt.savefig(temporary, dpi=150, bbox_inches="tight", format="png")
        finally:
            plt.close("all")


def draw_comparison(comparison: "Comparison", path: Path) -> None:
    """Write a PNG: of two runs each patient's difference and the mean's, of several all means and differences."""
    with drawing(path) as plt:
        (_draw_two if len(comparison.runs) == 2 else _draw_several)(comparison, plt)


def draw_means(axes: Any, names: Sequence[str], means: Sequence[Estimate], by_seed: Sequence[Sequence[float]]) -> None:
    """Means with intervals, a row a run from the top; hollow dots are the means with each seed alone."""
    for row, (mean, seeds) in enumerate(zip(means, by_seed, strict=True)):
        _draw_estimate(axes, row, mean, BETTER, "{:.3f}")
        axes.plot(seeds, [row + 0.22] * len(seeds), "o", ms=4, mfc="none", mec=SOFT, mew=0.9)
    _name_rows(axes, names)


def draw_differences(axes: Any, names: Sequence[str], pairs: Sequence["PairedDifference"]) -> None:
    """Differences with intervals, a row a pair from the top, coloured where one is shown."""
    axes.axvline(0, color=INK, lw=0.9)
    for row, pair in enumerate(pairs):
        colour = (BETTER if pair.difference.value > 0 else WORSE) if pair.shown else NEUTRAL
        _draw_estimate(axes, row, pair.difference, colour, "{:+.3f}")
    _name_rows(axes, names)


def write_below(figure: Any, lines: Sequence[str]) -> None:
    """Sentences below the axes."""
    if lines:
        text = "\n".join(textwrap.fill(line, 96) for line in lines)
        figure.supxlabel(text, fontsize=9, color=INK, x=0.02, ha="left")


def _draw_two(comparison: "Comparison", plt: Any) -> None:
    (pair,) = comparison.pairs
    unit = UNITS[comparison.metric]
    change = {name: second - first for name, (first, second) in comparison.by_patient.items()}
    ranked = sorted((value, name) for name, value in change.items() if not np.isnan(value))
    values, count = [value for value, _ in ranked], len(ranked)
    labelled = count <= _LABELLED
    height = max(3.0, 1.4 + count * (0.2 if labelled else 0.09))
    _, (axes, below) = plt.subplots(
        2, 1, figsize=(7.6, height + 1.1), sharex=True, height_ratios=[height, 0.75], layout="constrained"
    )
    colours = [BETTER if value > 0 else WORSE if value < 0 else NEUTRAL for value in values]
    axes.hlines(range(count), 0, values, colors=colours, lw=1.6, alpha=0.55)
    axes.scatter(values, range(count), c=colours, s=26, zorder=3)
    axes.axvline(0, color=INK, lw=0.9)
    names = [name.split(" ", 1)[1] for _, name in ranked] if labelled else []
    axes.set_yticks(range(count) if labelled else [], names, fontsize=8)
    axes.margins(y=0.6 / max(count, 1))
    axes.set_title(textwrap.fill(f"{pair.second} minus {pair.first}", 70) + f"\n{unit} by patient")
    draw_differences(below, ["mean"], [pair])
    axes.spines.bottom.set_visible(False)
    axes.tick_params(axis="x", length=0)
    below.set_xlabel(f"difference in {unit}: right of 0, {pair.second} is better", wrap=True)
    sentence = say(pair, comparison.metric, comparison.aligned.grouped)
    write_below(plt.gcf(), [sentence, *comparison.aligned.warnings])


def _draw_several(comparison: "Comparison", plt: Any) -> None:
    order = np.argsort([-mean.value for mean in comparison.means], kind="stable")
    names, unit, pairs = comparison.aligned.names, UNITS[comparison.metric], comparison.pairs
    rows = [len(order), len(pairs)]
    _, (above, below) = plt.subplots(
        2, 1, figsize=(8.4, 2.2 + 0.38 * sum(rows)), height_ratios=[n + 1 for n in rows], layout="constrained"
    )
    draw_means(
        above,
        [names[k] for k in order],
        [comparison.means[k] for k in order],
        [comparison.aligned.by_seed[k] for k in order],
    )
    seeds = ", hollow: each seed" if any(comparison.aligned.by_seed) else ""
    drawn = "patients" if comparison.aligned.grouped else "frames"
    above.set_title(f"Mean {unit}, 95 % over {drawn}{seeds}")
    draw_differences(below, [f"{pair.second} minus {pair.first}" for pair in pairs], pairs)
    write_below(plt.gcf(), comparison.aligned.warnings)
    below.set_title(f"Differences in {unit}, 95 % over {drawn}; grey: none can be shown")


def _draw_estimate(axes: Any, row: int, estimate: Estimate, colour: str, form: str) -> None:
    axes.plot([estimate.low, estimate.high], [row, row], color=colour, lw=3, alpha=0.45, solid_capstyle="round")
    axes.plot([estimate.value], [row], "D", color=colour, ms=6)
    text = "undefined" if np.isnan(estimate.value) else form.format(estimate.value).replace("-", "\N{MINUS SIGN}")
    axes.annotate(text, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=9)


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [textwrap.fill(name, 44) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
