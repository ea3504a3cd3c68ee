"""A cross-validation on disk: one folder for one configuration, data and split, and in it a run folder a network."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from trus.errors import TrainingError
from trus.files import write_json

State = Literal["waiting", "running", "finished", "stopped", "failed"]


@dataclass(frozen=True, order=True)
class Member:
    """One network of a cross-validation: which fold validates it, and its seed."""

    fold: int
    seed: int

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"fold{self.fold}_seed{self.seed}"


@dataclass(frozen=True)
class Progress:
    """What a member has reached. `iou` is an Estimate's dictionary; seconds are of the last start.

    `trained`: training came to its own end; evaluation or export may still be missing.
    """

    state: State = "waiting"
    run_id: str | None = None
    iou: dict[str, Any] | None = None
    epochs: int = 0
    seconds: float = 0.0
    seconds_fitting: float = 0.0
    error: str | None = None
    trained: bool = False


@dataclass(frozen=True)
class CrossValidation:
    """What cv.json says: the identity of the work and where it is tracked."""

    key: str
    name: str
    config: dict[str, Any]
    data_hash: str
    split_hash: str
    grouped: bool
    folds: int
    seeds: tuple[int, ...]
    manifest: str
    targets: tuple[str, ...]
    tracking_uri: str | None = None
    parent_run_id: str | None = None
    choices: dict[str, str] | None = None


class CvFolder:
    """Below `path`: cv.json, split.json, members/foldF_seedS/ (run folders with member.json), and the summary.

    A member's run folder holds what every run folder holds (config.yaml, checkpoints/, validation.csv,
    predictions.zip, model.onnx). Several processes may use the folder at once: whoever trains a member holds its lock.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    def read(self) -> CrossValidation:
        """cv.json. Raises TrainingError where there is none."""
        try:
            content = json.loads((self.path / "cv.json").read_text(encoding="utf-8"))
            return CrossValidation(**content | {"seeds": tuple(content["seeds"]), "targets": tuple(content["targets"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{self.path}: no cross-validation of trus ({error!r})") from error

    def write(self, content: CrossValidation) -> None:
        """Write cv.json, atomically."""
        write_json(self.path / "cv.json", asdict(content))

    def members(self) -> list[Member]:
        """Every member that belongs here, trained or not."""
        content = self.read()
        return [Member(fold, seed) for fold in range(content.folds) for seed in content.seeds]

    def run_dir(self, member: Member) -> Path:
        """The member's run folder."""
        return self.path / "members" / member.name

    def progress(self, member: Member) -> Progress:
        """What the member has reached; waiting where nothing was started. Raises TrainingError for a damaged file."""
        try:
            return Progress(**json.loads((self.run_dir(member) / "member.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Progress()
        except (ValueError, TypeError) as error:
            path = self.run_dir(member) / "member.json"
            raise TrainingError(
                f"{path}: damaged, or of another version of trus ({error}); remove its folder, then "
                "this network is trained anew"
            ) from error

    def note(self, member: Member, **changes: Any) -> Progress:
        """Change fields of the member's progress, atomically."""
        progress = replace(self.progress(member), **changes)
        write_json(self.run_dir(member) / "member.json", asdict(progress))
        return progress

    def lock(self, member: Member | None = None) -> FileLock:
        """Held by who trains the member; without one, by who changes cv.json or writes the summary."""
        name = member.name if member else "cv"
        (self.path / "locks").mkdir(parents=True, exist_ok=True)
        return FileLock(self.path / "locks" / f"{name}.lock")
