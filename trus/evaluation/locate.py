"""From what a person types for a run, a folder or an MLflow id, to its folder on this machine."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trus.errors import ConfigError
from trus.evaluation.mlflow_store import connect


@dataclass(frozen=True)
class Located:
    """A run folder or a cross-validation's folder, and where it is tracked."""

    path: Path
    is_cv: bool
    run_id: str | None
    tracking_uri: str | None


def locate(run: str, tracking_uri: str | None) -> Located:
    """Find the folder of `run`: a folder, or the id of an MLflow run in the store at `tracking_uri`.

    Raises ConfigError when there is no such folder and no such run, or the run's folder is not on this machine.
    """
    path = Path(run)
    if path.is_dir():
        return _of_folder(follow_job(path), tracking_uri)
    if tracking_uri is None:
        raise ConfigError(f"{run}: no such folder; run ids are looked up in MLflow, which logger=none leaves out")
    record = read_run(run, tracking_uri)
    folder = record.data.tags.get("trus.folder") or record.data.params.get("run_dir")
    if not folder or not Path(folder).is_dir():
        raise ConfigError(
            f"{run}: its folder {folder or '(not logged)'} is not on this machine; copy it here and give its path"
        )
    return Located(Path(folder), (Path(folder) / "cv.json").is_file(), run, tracking_uri)


def _of_folder(path: Path, tracking_uri: str | None) -> Located:
    if (path / "cv.json").is_file():
        content = read_document(path / "cv.json")
        return Located(path, True, content.get("parent_run_id"), content.get("tracking_uri") or tracking_uri)
    if (path / "config.yaml").is_file():
        return Located(path, False, _run_id(path), tracking_uri)
    raise ConfigError(f"{path}: neither a run folder (config.yaml) nor a cross-validation (cv.json)")


def _run_id(path: Path) -> str | None:
    """A member of a cross-validation notes its run; a single run's is in its model file."""
    if member := read_document(path / "member.json"):
        return member.get("run_id")
    if not (path / "model.onnx").is_file():
        return None
    from trus.inference.predictor import open_predictor

    return open_predictor(path / "model.onnx").metadata.training.run_id


def follow_job(folder: Path, whole: bool = False) -> Path:
    """Where the job that wrote to `folder` left its results; a folder that is no job's stands for itself.

    That is the run folder of the one network that it trained, or the cross-validation's where it trained several or
    the `whole` is asked for. Raises ConfigError for a damaged job.json.
    """
    job = read_document(folder / "job.json")
    if not job.get("cv_folder"):
        return folder
    cv_folder = Path(job["cv_folder"])
    return cv_folder if whole or not job.get("member") else cv_folder / "members" / job["member"]


def read_document(path: Path) -> dict[str, Any]:
    """A JSON document, empty where there is no such file. Raises ConfigError for a damaged one."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    return content


def read_run(run: str, tracking_uri: str) -> Any:
    """MLflow's record of a run. Raises ConfigError when there is no such store or no such run in it."""
    store = Path(tracking_uri.removeprefix("sqlite:///"))
    if tracking_uri.startswith("sqlite:///") and not store.is_file():
        raise ConfigError(f"{run}: no such folder, and {store}, where run ids are looked up, is not there")
    try:
        return connect(tracking_uri).get_run(run)
    except Exception as error:  # MLflow, SQLAlchemy and the network each raise their own
        raise ConfigError(
            f"{run}: no such folder, and no such run could be read from {tracking_uri} (another store: "
            f"logger.tracking_uri=..., or --tracking-uri of trus compare): {error}"
        ) from error
