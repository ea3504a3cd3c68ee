"""A reproduced run beside its original: what differs before it starts, and whether it came out the same."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pandas as pd

from trus.evaluation.locate import follow_job
from trus.inference.pytorch import load_checkpoint
from trus.nested import flatten
from trus.training.environment import differences
from trus.training.reproduce import Origin, load_origin

_NO_RESULT = ("outputs", "run_dir", "reproduce", "ckpt_path", "logger.", "data.cache_dir", "callbacks.")
_KEYS = ["fold", "seed", "image_id", "class"]


def announce(config: dict[str, Any], environment: dict[str, Any]) -> None:
    """Print what differs now from the run that `config` reproduces; nothing without one."""
    if not config["reproduce"]:
        return
    origin = _origin(config)
    lines = [*_changed_settings(origin, config), *_changed_data(origin, environment["data"])]
    if origin.environment is None:
        lines.append("code, packages and machine: not stored with the run, which an earlier version of trus made")
    else:
        lines += differences(origin.environment, environment)
    print(f"reproducing {origin.run}: " + ("what differs now:" if lines else "nothing differs now"))
    for line in lines:
        print(f"  {line}")


def conclude(config: dict[str, Any], output_dir: Path) -> None:
    """Print whether the run whose job wrote into `output_dir` came out as the one that it reproduces, if it does one.

    Scores are compared frame by frame with their pixel counts, and the weights where both checkpoints are here.
    """
    if config["reproduce"]:
        origin = _origin(config)
        print(f"reproduced {origin.run}: {_verdict(origin, config, output_dir)}", flush=True)


def same_weights(before: Path | None, now: Path) -> bool | None:
    """Are the best checkpoints of two folders, a run's or a cross-validation's, equal? None where one has none."""
    first, second = _checkpoints(before), _checkpoints(now)
    if not first or first.keys() != second.keys():
        return None
    return all(hash_weights(first[name]) == hash_weights(second[name]) for name in first)


def hash_weights(checkpoint: Path) -> str:
    """SHA-256 over names, types, shapes and values of a checkpoint's tensors, 64 hex digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(load_checkpoint(checkpoint)["state_dict"].items()):
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def result_folder(config: dict[str, Any], output_dir: Path) -> Path:
    """Where the job's results are: its run folder, or the cross-validation's or member's that job.json names."""
    folder = follow_job(output_dir)
    return Path(config["run_dir"]) if folder == output_dir else folder


def _verdict(origin: Origin, config: dict[str, Any], output_dir: Path) -> str:
    folder = result_folder(config, output_dir)
    scores = folder / ("out_of_fold.csv" if origin.is_cv and (folder / "cv.json").is_file() else "validation.csv")
    if origin.scores is None or not scores.is_file():
        return f"not comparable, {'it' if origin.scores is None else 'this run'} has no scores"
    now = scores.read_text(encoding="utf-8")
    same = now == origin.scores
    weights = same_weights(origin.folder, folder)
    said = {True: ", weights the same to the bit", False: ", but the weights differ", None: ""}[weights]
    if same:
        return f"the same to the bit in every frame's score{said}"
    return f"NOT the same{said}; {_compare(origin.scores, now)}"


def _origin(config: dict[str, Any]) -> Origin:
    return load_origin(config["reproduce"], (config["logger"] or {}).get("tracking_uri"))


def _changed_settings(origin: Origin, config: dict[str, Any]) -> list[str]:
    before, now = flatten(origin.config), flatten(config)
    keys = [key for key in sorted({*before, *now}) if not key.startswith(_NO_RESULT)]
    return [
        f"{key}: {before.get(key, 'not set')} then, {now.get(key, 'not set')} now"
        for key in keys
        if key in before and before[key] != now.get(key)
    ]


def _changed_data(origin: Origin, data: dict[str, str]) -> list[str]:
    pairs = {"data hash": (origin.data_hash, data["data_hash"]), "split hash": (origin.split_hash, data["split_hash"])}
    differing = {name: pair for name, pair in pairs.items() if pair[0] and pair[0] != pair[1]}
    return [f"{name}: {str(before)[:12]} then, {now[:12]} now" for name, (before, now) in differing.items()]


def _checkpoints(folder: Path | None) -> dict[str, Path]:
    found = sorted(folder.rglob("checkpoints/best.ckpt")) if folder else []
    return {str(path.relative_to(folder)): path for path in found} if folder else {}


def _compare(before: str, now: str) -> str:
    """How far two tables are from each other, in a few words."""
    tables = [pd.read_csv(io.StringIO(text), dtype={"image_id": str, "class": str}) for text in (before, now)]
    keys = [key for key in _KEYS if all(key in table for table in tables)]
    both = tables[0].merge(tables[1], on=keys, suffixes=("_then", "_now"))
    if both.empty:
        return "no frame is in both"
    difference = (both["iou_now"] - both["iou_then"]).abs()
    means = [table.groupby(["image_id", "class"])["iou"].mean().groupby("class").mean().mean() for table in tables]
    changed = int((difference > 0).sum() + (both["iou_now"].isna() != both["iou_then"].isna()).sum())
    return (
        f"{changed} of {len(both)} rows differ, by up to {difference.max():.6f} IoU; mean IoU {means[0]:.6f} then, "
        f"{means[1]:.6f} now"
    )
