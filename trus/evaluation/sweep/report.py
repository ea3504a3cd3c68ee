"""What a sweep leaves behind: sweep.csv, sweep.json, sweep.png, and the table that is printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trus.evaluation.comparison.figure import draw_differences, draw_means, drawing, write_below
from trus.evaluation.comparison.paired import PairedDifference
from trus.evaluation.comparison.scored_run import write_rows
from trus.evaluation.statistics import Estimate
from trus.evaluation.sweep.table import NOTE, Line
from trus.files import write_json


def write_sweep(sweep: Path, lines: Sequence[Line]) -> list[Path]:
    """Write sweep.csv, sweep.json and, where anything is scored, sweep.png into the sweep's folder."""
    files = [sweep / "sweep.csv", sweep / "sweep.json"]
    write_rows(files[0], [_flat(line) for line in lines])
    write_json(files[1], {"sweep": str(sweep), "lines": [line.to_dict() for line in lines], "note": NOTE})
    if any(line.row.run for line in lines):
        files.append(sweep / "sweep.png")
        _draw(lines, files[-1])
    return files


def _flat(line: Line) -> dict[str, Any]:
    """A line as a row of the CSV, what was set first."""
    document = line.to_dict()
    difference = line.difference
    paired = difference.difference if difference else Estimate(np.nan, np.nan, np.nan, 0, 0)
    return {
        **line.settings,
        "state": document["state"],
        **_columns("iou", line.mean),
        "frames": line.mean.frames,
        "patients": line.mean.patients,
        "networks_finished": document["networks_finished"],
        "networks": document["networks"],
        **_columns("difference_to_best", paired),
        "p_adjusted": difference.p_adjusted if difference else np.nan,
        "seconds": document["seconds"],
        "note": document["note"],
        "error": "; ".join(document["errors"]),
        "folder": document["folder"],
        "run_id": document["run_id"],
    }


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _draw(lines: Sequence[Line], path: Path) -> None:
    scored = [line for line in lines if line.row.run]
    names = [line.name + (" *" if not line.row.complete else "") for line in scored]
    pairs = [line.difference for line in scored if line.difference]
    labels = [name for name, line in zip(names, scored, strict=True) if line.difference]
    rows = [len(scored)] + [len(pairs)] * bool(pairs)
    with drawing(path) as plt:
        figure, axes = plt.subplots(
            len(rows), 1, figsize=(8.4, 1.2 * len(rows) + 0.36 * sum(rows)), height_ratios=[n + 1 for n in rows],
            layout="constrained", squeeze=False,
        )  # fmt: skip
        draw_means(axes[0, 0], names, [line.mean for line in scored], [line.by_seed for line in scored])
        seeds = ", hollow: each seed" * any(line.by_seed for line in scored)
        axes[0, 0].set_title(f"Mean IoU, 95 % over {_drawn(lines)}{seeds}")
        if pairs:
            draw_differences(axes[1, 0], labels, pairs)
            axes[1, 0].set_title(f"Difference in IoU to {names[0]}, 95 % over {_drawn(lines)}; grey: none can be shown")
        notes = _basis(lines)
        notes += ["* not all folds are finished: its mean is over fewer frames"] * any(
            not x.row.complete for x in scored
        )
        write_below(figure, notes)


def print_sweep(lines: Sequence[Line], sweep: Path) -> None:
    """Print the table, what failed, and where the files are."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a log file of a cluster has no width
    title = f"{len(lines)} configurations, best first" if len(lines) > 1 else "1 configuration"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    keys = list(dict.fromkeys(key for line in lines for key in line.settings))
    for key in [*keys] or ["run"]:
        table.add_column(key, overflow="fold")
    for name in (f"IoU (95 % over {_drawn(lines)})", "to the best (95 %)", "p", "networks", "time", "state"):
        table.add_column(name, no_wrap=name not in ("state",))
    for line in lines:
        settings = [line.settings[key] for key in keys] or [line.name]
        table.add_row(*map(escape, [*settings, *_cells(line)]))
    console.print(table)
    for line in lines:
        for text in [*line.row.errors, line.note]:
            if text:
                console.print(f"  {line.name}: {text}", markup=False, highlight=False, soft_wrap=True)
    for text in _basis(lines):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if len(lines) > 1:
        console.print(NOTE, markup=False, highlight=False, soft_wrap=True)
    console.print(f"table and figure: {sweep}", markup=False, highlight=False, soft_wrap=True)


def _drawn(lines: Sequence[Line]) -> str:
    """What the intervals' bootstrap draws."""
    return "patients" if all(line.row.run.grouped for line in lines if line.row.run) else "frames"


def _basis(lines: Sequence[Line]) -> list[str]:
    """What the scores rest on."""
    mean, run = lines[0].mean, lines[0].row.run
    if run is None:
        return []
    owners = f"{mean.patients} patients" if run.grouped else "no patient ids, so intervals are too narrow"
    hashes = f"data {(run.data_hash or 'unknown')[:12]}, split {(run.split_hash or 'unknown')[:12]}"
    return ["SYNTHETIC frames: computed, of no patient"] * run.synthetic + [f"{mean.frames} frames, {owners}; {hashes}"]


def _cells(line: Line) -> list[str]:
    row, pair = line.row, line.difference
    mean = "" if np.isnan(line.mean.value) else str(line.mean).replace("95 % ", "")
    paired = ["", ""]
    if pair:
        low, high = (f"{value:+.3f}" for value in (pair.difference.low, pair.difference.high))
        interval = "" if np.isnan(pair.difference.low) else f" ({low} to {high})"
        paired = ["same scores", ""] if pair.identical else [f"{pair.difference.value:+.3f}{interval}", _p(pair)]
    minutes, seconds = divmod(round(row.seconds), 60)
    return [
        mean,
        *paired,
        f"{row.finished} of {len(row.members)}" if row.members else "",
        f"{minutes}:{seconds:02d}",
        row.state,
    ]


def _p(pair: PairedDifference) -> str:
    return "" if np.isnan(pair.p_adjusted) else "< 0.001" if pair.p_adjusted < 0.001 else f"{pair.p_adjusted:.2g}"
