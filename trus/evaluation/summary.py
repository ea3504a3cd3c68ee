"""What an evaluation prints when it is done."""

from pathlib import Path
from typing import Any

from trus.evaluation.report.words import estimate, number, signed
from trus.evaluation.result import Result


def print_summary(result: Result, run_dir: Path, logged: str | None) -> None:
    """Print counts, warnings, a line a class, gains, hashes and where the files are."""
    summary, subject = result.summary, result.subject
    patients = summary["all"]["counts"]["patients"]
    of_patients = (
        f"of {patients} patients" if summary["grouped_by_patient"] else "(no patient ids: interval over frames)"
    )
    frames = f"{len(result.frames)} frames {of_patients}"
    print(f"{subject.kind} {subject.name}, {subject.part} part of {subject.manifest.path}: {frames}")
    for text in [*["SYNTHETIC frames: computed, of no patient"] * bool(summary["synthetic_frames"]), *subject.warnings]:
        print(f"  WARNING: {text}")
    several = {"all classes": summary["all"]} if len(summary["classes"]) > 1 else {}
    for name, part in (several | summary["classes"]).items():
        _print_class(name, part)
    for row in summary["stages"][1:]:
        print(f"  {row['name']}: IoU {estimate(row['iou'])}, gain {signed(row['gain'])}")
    for line in result.choice:
        print(f"  {line}")
    print(f"  data {summary['data_hash'][:12]}, split {summary['split_hash'][:12]}")
    print(f"  report: {run_dir / 'report.html'}\n  a row a frame: {run_dir / 'frames.csv'}")
    if logged:
        print(f"  {logged}")
    print(summary["statement"])


def _print_class(name: str, part: dict[str, Any]) -> None:
    counts = part["counts"]
    pooled = number(part["pooled_iou"]["value"])
    print(f"  {name:14} IoU {estimate(part['iou'])}  Dice {estimate(part['dice'])}  pooled IoU {pooled}")
    outcomes = f"missed {counts['missed']:g}, false-positive frames {counts['false_positive_frames']:g}"
    print(f"  {'':14} {outcomes}, both empty {counts['both_empty']:g} of {counts['frames']:g}")
