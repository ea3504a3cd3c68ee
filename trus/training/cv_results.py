"""What a cross-validation comes to: files, figures, the parent run, the printed table and the state of the whole."""

from typing import Any

from filelock import Timeout

from trus.evaluation.cross_validation.figures import write_figures
from trus.evaluation.cross_validation.folder import CvFolder, Member, Progress
from trus.evaluation.cross_validation.result import (
    describe_state,
    finished_members,
    summarise_members,
    write_out_of_fold,
)
from trus.files import write_json
from trus.training.cv_tracking import log_results


def publish(folder: CvFolder, logger_settings: dict[str, Any] | None, quick: bool = False) -> dict[str, Any]:
    """Write summary.json, out_of_fold.csv and figures/ from what is finished, and tell the parent run.

    Whatever process ends last calls it last; one at a time. `quick` leaves the figures out while folds are missing.
    Returns the summary, empty where nothing is finished.
    """
    with folder.lock():
        members = finished_members(folder)
        summary = summarise_members(folder) if members else {}
        progress = {member: folder.progress(member) for member in folder.members()}
        at_work = any(_is_held(folder, member) for member in progress if progress[member].state == "running")
        if members:
            write_out_of_fold(folder, members)
            write_json(folder.path / "summary.json", summary)
            ended = all(reached.state in ("finished", "failed") for reached in progress.values())
            if ended or not (quick or at_work):
                write_figures(folder, members, summary, folder.path / "figures")
        state = describe_state(folder.read(), progress)
        log_results(folder, logger_settings, summary, state, None if at_work else _outcome(progress))
    return summary


def _is_held(folder: CvFolder, member: Member) -> bool:
    """Does a living process train it? The state alone would not tell: a process may have been killed."""
    lock = folder.lock(member)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _outcome(progress: dict[Member, Progress]) -> str:
    """How the whole has ended, when nobody is at work."""
    states = {reached.state for reached in progress.values()}
    if "failed" in states:
        return "failed"
    return "stopped" if states & {"stopped", "running"} else "finished"


def print_results(folder: CvFolder, summary: dict[str, Any], config: dict[str, Any]) -> None:
    """The table of folds, the headline number with its interval, and where everything is."""
    from rich.console import Console
    from rich.table import Table

    synthetic = " on SYNTHETIC data" if config["data"]["phantom"] else ""
    warning = "" if summary["grouped_by_patient"] else "  WARNING: no patient ids, this may be too good"
    table = Table(title=f"{summary['name']}: {summary['state']}{synthetic}", title_justify="left")
    for name in ("", "IoU", "95 %", "Dice", "frames", "patients"):
        table.add_column(name, justify="left" if not name else "right")
    for row in summary["by_fold"]:
        table.add_row(f"fold {row['fold']}", *_cells(row))
    if len(summary["by_seed"]) > 1:
        table.add_section()
        for row in summary["by_seed"]:
            table.add_row(f"seed {row['seed']}", *_cells(row))
    if len(summary["classes"]) > 1:
        table.add_section()
        for name, part in summary["classes"].items():
            table.add_row(name, *_cells(part))
    table.add_section()
    table.add_row("out of fold", *_cells(summary["all"]), style="bold")
    Console(soft_wrap=True).print(table)
    part = summary["all"]
    spread = summary["iou_sd_folds"]
    print(f"  pooled IoU {_number(part['pooled_iou']['value'])}, missed {part['missed']}, "
          f"false-positive frames {part['false_positive_frames']}, both empty {part['both_empty']}"
          + (f"; standard deviation of the folds' IoU {spread:.3f}" if spread is not None else ""))  # fmt: skip
    print(f"  split {summary['split_hash'][:12]}, data {summary['data_hash'][:12]}{warning}")
    print(f"  {folder.path}  (summary.json, out_of_fold.csv, figures/, members/)")
    if parent := folder.read().parent_run_id:
        print(f"  MLflow run {parent}")
    print("Research use only; not a medical device.", flush=True)


def _cells(part: dict[str, Any]) -> list[str]:
    iou = part["iou"]
    interval = "" if iou["low"] is None else f"{iou['low']:.3f} to {iou['high']:.3f}"
    return [_number(iou["value"]), interval, _number(part["dice"]["value"]), str(iou["frames"]), str(iou["patients"])]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
