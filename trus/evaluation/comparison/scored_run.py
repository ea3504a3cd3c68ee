"""Scores of a run frame by frame, read from its folder or from MLflow, for comparison with others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trus.errors import ConfigError
from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.locate import follow_job, read_document
from trus.evaluation.statistics import resampled_unit
from trus.evaluation.tracked_run import fetched_run
from trus.files import write_text

METRICS = ("iou", "dice")
_COLUMNS = ("image_id", "patient_id", "class", *METRICS, "reference_px")
_TRACKED = ("out_of_fold.csv", "validation.csv", "config.yaml", "cv.json")
_TEXT = {"image_id": str, "patient_id": str, "class": str}


@dataclass(frozen=True)
class ScoredRun:
    """What a run scored. `rows` has a row a frame, class and network: image_id, patient, class, fold, seed, iou, dice,
    reference_px; scores in 0..1, NaN where the reference is empty. `part` is what the frames are to the networks:
    validation, test, train or all. `warnings` are what a reader must know of this run, `config` is what it was trained
    with (empty where that is not known), `synthetic` says that frames were computed.
    """

    origin: str
    name: str
    data_hash: str | None
    split_hash: str | None
    part: str
    rows: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def grouped(self) -> bool:
        """Does every frame have a patient?"""
        return bool(self.rows["patient"].str.startswith("patient ").all())

    @property
    def frames(self) -> set[str]:
        """image_ids."""
        return set(self.rows["image_id"])

    @property
    def classes(self) -> list[str]:
        """Classes in the order of the file."""
        return list(dict.fromkeys(self.rows["class"]))

    @property
    def seeds(self) -> list[int]:
        """Seeds of the networks; empty where they are not known."""
        return sorted({int(seed) for seed in self.rows["seed"].dropna()})

    @property
    def patients(self) -> dict[str, str]:
        """image_id -> patient; a frame without one counts as a patient of its own."""
        return dict(zip(self.rows["image_id"], self.rows["patient"], strict=True))

    def scores(self, metric: str, seed: int | None = None) -> pd.DataFrame:
        """A row a frame (by image_id), a column a class: the mean over repeats and seeds, or over those of one seed."""
        rows = self.rows if seed is None else self.rows[self.rows["seed"] == seed]
        return rows.groupby(["image_id", "class"])[metric].mean().unstack("class")

    def reference(self) -> pd.DataFrame:
        """Pixels of the reference, a row a frame, a column a class."""
        return self.rows.groupby(["image_id", "class"])["reference_px"].first().unstack("class")


def load_run(run: str, tracking_uri: str) -> ScoredRun:
    """Read `run`: a folder (cross-validation, run, evaluation, job of a sweep) or a run's id in MLflow.

    Raises ConfigError where it is neither, or nothing is scored yet.
    """
    path = Path(run)
    if path.is_dir():
        return read_folder(path)
    with fetched_run(run, tracking_uri, _TRACKED) as (folder, tags, name):
        return _read_tracked(run, folder, tags, name)


def expand_sweeps(runs: list[str]) -> list[str]:
    """A sweep's folder stands for the runs of its jobs; several jobs of one cross-validation are one run."""
    found: list[str] = []
    for run in runs:
        jobs = sorted(Path(run).glob("*/job.json")) if Path(run).is_dir() else []
        found += dict.fromkeys(str(follow_job(job.parent, whole=True)) for job in jobs) or [run]
    return found


def read_folder(path: Path) -> ScoredRun:
    """Read a folder of trus. Raises ConfigError that says what such a folder would hold."""
    path = follow_job(path, whole=True)
    if (path / "cv.json").is_file():
        return read_cv(CvFolder(path))
    if (path / "frames.csv").is_file():
        return _read_evaluation(path)
    if (path / "validation.csv").is_file():
        return _read_run(path)
    raise ConfigError(
        f"{path}: nothing scored here; a cross-validation has cv.json, a run validation.csv (written at its end), an "
        "evaluation frames.csv"
    )


def read_cv(folder: CvFolder, members: Sequence[Member] | None = None) -> ScoredRun:
    """A cross-validation: the rows of those of its members (or of `members`) that are finished, and who is not."""
    content = folder.read()
    parts, waiting = [], []
    for member in folder.members() if members is None else members:
        file = folder.run_dir(member) / "validation.csv"
        if folder.progress(member).state == "finished" and file.is_file():
            parts.append(read_rows(file).assign(fold=member.fold, seed=member.seed))
        else:
            waiting.append(member.name)
    if not parts:
        raise ConfigError(f"{folder.path}: no fold is finished; start the same command again")
    warnings = [f"{content.name}: {', '.join(waiting)} not finished"] * bool(waiting)
    rows = pd.concat(parts, ignore_index=True)
    hashes = content.data_hash, content.split_hash
    return _of_config(str(folder.path), content.name, *hashes, rows, warnings, content.config)


def read_rows(file: Path) -> pd.DataFrame:
    """A validation.csv, frames.csv or out_of_fold.csv as ScoredRun.rows. Raises ConfigError."""
    try:
        rows = pd.read_csv(
            file, dtype=_TEXT, keep_default_na=False, na_values={m: [""] for m in (*METRICS, "fold", "seed")}
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read ({error})") from error
    if missing := [column for column in _COLUMNS if column not in rows]:
        raise ConfigError(f"{file}: no table of scores, columns missing: {', '.join(missing)}")
    rows["patient"] = [resampled_unit(*ids) for ids in zip(rows["patient_id"], rows["image_id"], strict=True)]
    for column in {"fold", "seed"} - {*rows}:
        rows[column] = np.nan
    kept = ["image_id", "patient", "class", "fold", "seed", *METRICS, "reference_px"]
    return rows[kept].astype(dict.fromkeys(METRICS, float))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a CSV, atomically; six digits, NaN and None are empty."""
    write_text(path, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _of_config(
    origin: str, name: str, data_hash: str | None, split_hash: str | None, rows: pd.DataFrame, warnings: list[str],
    config: dict[str, Any],
) -> ScoredRun:  # fmt: skip
    synthetic = bool(config.get("data", {}).get("phantom"))
    return ScoredRun(origin, name, data_hash, split_hash, "validation", rows, warnings, config, synthetic)


def _read_run(path: Path) -> ScoredRun:
    rows = read_rows(path / "validation.csv")
    hashes = read_document(path / "data.json").get("data_hash"), read_document(path / "split.json").get("hash")
    return _of_config(str(path), path.name, *hashes, rows, [], _read_config(path))


def _read_evaluation(path: Path) -> ScoredRun:
    summary = read_document(path / "summary.json")
    name, part = summary.get("name") or path.name, summary.get("part", "unknown")
    if summary.get("includes_training_frames"):
        part = f"{part}, training frames among them"
    return ScoredRun(
        str(path),
        name,
        summary.get("data_hash"),
        summary.get("split_hash"),
        {"out-of-fold": "validation"}.get(part, part),
        read_rows(path / "frames.csv"),
        [f"{name}: {text}" for text in summary.get("warnings", [])],
        synthetic=bool(summary.get("synthetic_frames")),
    )


def _read_tracked(run: str, folder: Path, tags: dict[str, str], name: str) -> ScoredRun:
    file = next((folder / n for n in ("out_of_fold.csv", "validation.csv") if (folder / n).is_file()), None)
    if file is None:
        raise ConfigError(f"{run}: the run {name!r} holds no scores (out_of_fold.csv or validation.csv); has it ended?")
    name = read_document(folder / "cv.json").get("name") or name  # the same as its folder is called by
    state = tags.get("trus.state") or "1 of 1 "
    warnings = [f"{name}: {state}"] * (re.match(r"(\d+) of \1 ", state) is None)
    hashes = tags.get("trus.data_hash"), tags.get("trus.split_hash")
    return _of_config(run, name, *hashes, read_rows(file), warnings, _read_config(folder))


def _read_config(folder: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        return yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{folder / 'config.yaml'}: cannot be read ({error})") from error
