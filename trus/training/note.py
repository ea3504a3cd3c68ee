"""The description on top of a run's page in MLflow: score with its interval, data, split, command."""

import shlex
import sys
from pathlib import Path
from typing import Any

from trus.evaluation.statistics import Estimate


def write_note(
    config: dict[str, Any], data_hash: str, split_hash: str, iou: Estimate | None, state: str, grouped: bool
) -> str:
    """Markdown. `iou` is the mean per-image IoU over validation frames, None while there is none; `state` one word or
    more, e.g. `finished` or `3 of 5 folds`.
    """
    lines = [f"**{_score(config, iou)}**", ""]
    if not grouped:
        lines += ["**WARNING: no patient ids; one patient may be on both sides, and this too good.**", ""]
    fold = config["split"]["fold"]
    rows = {
        "state": state,
        "scored": "out of fold" if fold == "all" else f"validation frames of fold {fold}",
        "data": f"{_place(config['data']['manifest'])}, hash `{data_hash[:12]}`",
        "split": f"{config['split']['kind']}, hash `{split_hash[:12]}`",
        "command": f"`{shlex.join(['python', *_short(sys.argv)])}`",
    }
    if config["reproduce"]:
        rows["reproduces"] = f"`{config['reproduce']}`"
    lines += ["| | |", "|-|-|", *(f"| {name} | {_cell(text)} |" for name, text in rows.items())]
    return "\n".join([*lines, "", "Runs are comparable where both hashes are equal. Research use only.", ""])


def _score(config: dict[str, Any], iou: Estimate | None) -> str:
    if iou is None:
        return "no score yet"
    synthetic = " on SYNTHETIC data" if config["data"]["phantom"] else ""
    return f"IoU {iou}{synthetic}, {iou.frames} frames of {iou.patients} patients"


def _place(manifest: str) -> str:
    """The last two parts tell data sets apart."""
    return "/".join(Path(manifest).absolute().parts[-2:])


def _short(arguments: list[str]) -> list[str]:
    script = Path(arguments[0])
    return ["/".join(script.parts[-2:]), *arguments[1:]]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
