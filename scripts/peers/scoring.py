"""Scores of every peer by trus.evaluation alone, and the tables: Markdown, CSV and JSON."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peers.fits import Fit, Peer
from peers.sets import PreparedSet
from trus.data.images import read_mask
from trus.evaluation.comparison.comparable import mean_score
from trus.evaluation.comparison.run import Comparison, compare_runs
from trus.evaluation.comparison.scored_run import ScoredRun, read_folder, write_rows
from trus.evaluation.measures.aggregate import summarise
from trus.evaluation.measures.scores import FrameScore, ScoreSettings, score_frame
from trus.evaluation.statistics import Estimate, bootstrap_mean
from trus.evaluation.tables import write_frames
from trus.files import write_json, write_text

UNDISTURBED = 0.1
"""Part of the cores that other programs may take during a fit before the table says so."""


@dataclass(frozen=True)
class Row:
    """One peer on one set: means with intervals, and how it differs from the first peer (None: it is the first)."""

    peer: str
    all: Estimate
    by_class: dict[str, Estimate]
    difference: Estimate | None
    p_value: float | None
    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        content: dict[str, Any] = {"peer": self.peer, "iou": self.all.to_dict()}
        content |= {"classes": {name: estimate.to_dict() for name, estimate in self.by_class.items()}}
        content |= {"difference": self.difference.to_dict() if self.difference else None, "p_adjusted": self.p_value}
        return content | self.facts


def score_peer(prepared: PreparedSet, peer: Peer, fits: Sequence[Fit], out: Path) -> ScoredRun:
    """Score the test masks of one peer's fits and write them as an evaluation, which `trus compare` reads too."""
    folder = out / "scores" / peer.folder
    scores = [score for fit in fits for score in _score_fit(prepared, fit)]
    targets = prepared.classes.targets
    write_frames(folder / "frames.csv", scores, targets)
    content = {"name": peer.label, "part": "test", "data_hash": prepared.data_hash, "split_hash": prepared.split_hash}
    content |= {"synthetic_frames": prepared.synthetic}
    write_json(folder / "summary.json", content | summarise(scores, targets, ScoreSettings()))
    return read_folder(folder)


def tabulate(prepared: PreparedSet, runs: Sequence[ScoredRun], fits: dict[str, list[Fit]], out: Path) -> str:
    """Write table.md, table.csv and table.json below `out`; returns the Markdown. The first run is what others meet."""
    comparison = compare_runs(runs, baseline=True) if len(runs) > 1 else None
    rows = [_row(run, k, comparison, fits[run.name]) for k, run in enumerate(runs)]
    synthetic = ["SYNTHETIC frames: computed, of no patient"] * prepared.synthetic
    warnings = [*(comparison.aligned.warnings if comparison else synthetic), *_disturbed(rows)]
    text = _markdown(prepared, rows, comparison, warnings)
    write_text(out / "table.md", text)
    write_rows(out / "table.csv", [_flat(row) for row in rows])
    content = {"set": prepared.name, "data_hash": prepared.data_hash, "split_hash": prepared.split_hash}
    content |= {"folds": [fold.number for fold in prepared.folds], "rows": [row.to_dict() for row in rows]}
    content |= {"comparison": comparison.to_dict() if comparison else None}
    write_json(out / "table.json", content)
    return text


def _score_fit(prepared: PreparedSet, fit: Fit) -> list[FrameScore]:
    with (fit.fold.folder / "test.csv").open(encoding="utf-8", newline="") as file:
        names = {row["image_id"]: row["name"] for row in csv.DictReader(file)}
    found = []
    for image_id, name in names.items():
        frame = prepared.frames[image_id]
        assert frame.mask
        reference = prepared.classes.planes(read_mask(frame.mask)).astype(bool)
        predicted = prepared.classes.planes(read_mask(fit.out / "masks" / f"{name}.png"))
        # no peer hands over probabilities: its mask stands for them, in numbers that are not reported
        likely, settings = predicted.astype(np.float32), ScoreSettings()
        args = (frame, likely, predicted.astype(bool), reference, None, settings, fit.fold.number, fit.seed)
        found.append(score_frame(*args))
    return found


def _row(run: ScoredRun, k: int, comparison: Comparison | None, fits: list[Fit]) -> Row:
    table = run.scores("iou")
    patients = [run.patients[image_id] for image_id in table.index]
    by_class = {name: bootstrap_mean(table[[name]].to_numpy(float), patients) for name in run.classes}
    whole = bootstrap_mean(table[run.classes].to_numpy(float), patients)
    pair = comparison.pairs[k - 1] if comparison and k else None
    facts = _facts(run, [json.loads((fit.out / "fit.json").read_text(encoding="utf-8")) for fit in fits])
    return Row(run.name, whole, by_class, pair.difference if pair else None, pair.p_adjusted if pair else None, facts)


def _facts(run: ScoredRun, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the fits of what each recorded, and the mean IoU with each seed."""

    def mean(key: str) -> float | None:
        values = [record[key] for record in records if record.get(key) is not None]
        return float(np.mean(values)) if values else None

    keys = ("seconds_given", "training_seconds", "command_seconds", "steps", "epochs", "share_of_others")
    by_seed = {str(seed): mean_score(run.scores("iou", seed).to_numpy(float)) for seed in run.seeds}
    facts: dict[str, Any] = {key: mean(key) for key in keys}
    return facts | {"fits": len(records), "threads": records[0]["threads"], "iou_by_seed": by_seed}


def _disturbed(rows: Sequence[Row]) -> list[str]:
    """The time was not the same where others took the cores: said beside the table."""
    shares = {row.peer: row.facts["share_of_others"] for row in rows if row.facts["share_of_others"]}
    busy = [f"{peer} {share:.0%}" for peer, share in shares.items() if share > UNDISTURBED]
    return [f"BUSY MACHINE, times are not equal: other programs took of the cores during {', '.join(busy)}"] * bool(
        busy
    )


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {"peer": row.peer}
    estimates = {"iou": row.all} | {f"iou_{name}": one for name, one in row.by_class.items()}
    if row.difference:
        estimates["minus_first"] = row.difference
    for name, estimate in estimates.items():
        flat |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return flat | {"p_adjusted": row.p_value} | {k: v for k, v in row.facts.items() if k != "iou_by_seed"}


def _markdown(
    prepared: PreparedSet, rows: Sequence[Row], comparison: Comparison | None, warnings: Sequence[str]
) -> str:
    classes = list(rows[0].by_class)
    single = len(classes) == 1
    first = rows[0].peer
    head = ["peer", "training, s", "steps", "epochs", "IoU (95 %)", *([] if single else classes)]
    head += [f"minus {first} (95 %)", "p"]
    lines = [f"**{prepared.name}**, folds {_numbers(prepared)}, split {prepared.split_hash[:12]}, "
             f"{rows[0].all.frames} frames scored", ""]  # fmt: skip
    lines += [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in rows:
        facts = row.facts
        cells = [row.peer, _number(facts["training_seconds"]), _number(facts["steps"]), _number(facts["epochs"])]
        cells += [_interval(row.all), *([] if single else [f"{row.by_class[name].value:.3f}" for name in classes])]
        cells += [_interval(row.difference, signed=True), "" if row.p_value is None else f"{row.p_value:.2g}"]
        lines.append(f"| {' | '.join(cells)} |")
    said = comparison.sentences() if comparison else []
    return "\n".join([*lines, "", *(f"- {text}" for text in (*warnings, *said))]) + "\n"


def _interval(estimate: Estimate | None, signed: bool = False) -> str:
    if estimate is None or np.isnan(estimate.value):
        return ""
    plus = "+" if signed else ""
    return f"{estimate.value:{plus}.3f} ({estimate.low:{plus}.3f} to {estimate.high:{plus}.3f})"


def _numbers(prepared: PreparedSet) -> str:
    return ", ".join(str(fold.number) for fold in prepared.folds)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
