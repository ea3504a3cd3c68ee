"""Runs and cross-validations as the subject of an evaluation: by the predictions that they kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from trus.data.manifest import Contents, Manifest
from trus.data.state import NAME, read_changes
from trus.errors import ConfigError, ManifestError, ModelFileError
from trus.evaluation.cross_validation.folder import CvFolder
from trus.evaluation.locate import Located, locate
from trus.evaluation.predictions import Predictions
from trus.evaluation.subjects.networks import open_networks
from trus.evaluation.subjects.sources import Decision, Kept, KeptSource
from trus.evaluation.subjects.subject import Subject, as_reference, with_options
from trus.files import hash_file


def open_subject(config: dict[str, Any]) -> Subject:
    """Open what the checked `config` of conf/evaluate.yaml names. Raises TrusError for what a user can mend."""
    if config["model_file"]:
        paths = [Path(config["model_file"]), *map(Path, config["ensemble"])]
        return open_networks(config, Path(config["data"]["manifest"]), paths, None)
    tracking_uri = config["logger"]["tracking_uri"] if config["logger"] else None
    located = locate(config["cv_run"] or config["run"], tracking_uri)
    if located.is_cv and config["run"]:
        raise ConfigError(f"{located.path}: is a cross-validation; give it as cv_run=")
    if not located.is_cv and config["cv_run"]:
        raise ConfigError(f"{located.path}: is a single run; give it as run=")
    return _open_cv(config, located) if located.is_cv else _open_run(config, located)


def _open_run(config: dict[str, Any], located: Located) -> Subject:
    """A single run: its validation frames, or its network on a part."""
    from omegaconf import OmegaConf

    settings: Any = OmegaConf.to_container(OmegaConf.load(located.path / "config.yaml"))
    manifest = Path(config["data"]["manifest"] or settings["data"]["manifest"])
    if config["split"]["part"]:
        return open_networks(config, manifest, [_model_file(located.path)], located)
    subject = _open_kept(config, located, manifest, [_kept(located.path)], settings["threshold"])
    model_file = located.path / "model.onnx"
    model = {"model_sha256": hash_file(model_file)} if model_file.is_file() else {}
    return replace(subject, kind="Run", part="validation", name=_name(settings), origin=subject.origin | model)


def _open_cv(config: dict[str, Any], located: Located) -> Subject:
    """A cross-validation: its out-of-fold predictions, or its networks as an ensemble on a part."""
    folder = CvFolder(located.path)
    content = folder.read()
    ended = [member for member in folder.members() if folder.progress(member).state == "finished"]
    if not ended:
        raise ConfigError(f"{located.path}: no fold is finished; start the training again, it goes on where it stopped")
    missing = [member.name for member in folder.members() if member not in ended]
    warnings = [f"incomplete: {', '.join(missing)} not finished, so their frames are not here"] * bool(missing)
    manifest = Path(config["data"]["manifest"] or content.manifest)
    if config["split"]["part"]:
        paths = [_model_file(folder.run_dir(member)) for member in ended]
        subject = open_networks(config, manifest, paths, located)
        kind = "Ensemble of a cross-validation"
    else:
        kept = [_kept(folder.run_dir(member), member.fold, member.seed) for member in ended]
        subject = _open_kept(config, located, manifest, kept, content.config["threshold"], content.data_hash)
        kind = "Cross-validation"
    cv = None if config["split"]["part"] else folder
    origin = subject.origin | {"cv_key": content.key, "folder": str(located.path), "run_id": located.run_id}
    return replace(subject, kind=kind, name=content.name, warnings=warnings + subject.warnings, cv=cv, origin=origin)


def _open_kept(
    config: dict[str, Any],
    located: Located,
    manifest_path: Path,
    kept: list[Kept],
    threshold: float,
    data_hash: str = "",
) -> Subject:
    manifest = Manifest.load(manifest_path)
    contents = manifest.verify()
    targets = kept[0].predictions.targets
    classes = as_reference(manifest.classes, targets, located.path)
    warnings = _check_data(located, manifest, contents, data_hash)
    plain = Decision("as trained", [threshold] * len(targets))
    decisions = [plain, *with_options(plain, config, classes)]
    split_hash = json.loads((located.path / "split.json").read_text(encoding="utf-8"))["hash"]
    return Subject(
        kind="",
        name="",
        part="out-of-fold",
        source=KeptSource(kept, decisions, manifest.frames, classes),
        manifest=manifest,
        data_hash=contents.data_hash,
        reference=classes,
        thresholds=decisions[-1].thresholds,
        origin={"folder": str(located.path), "run_id": located.run_id, "split_hash": split_hash},
        warnings=warnings,
        located=located,
    )


def _check_data(located: Located, manifest: Manifest, contents: Contents, data_hash: str) -> list[str]:
    """Kept predictions belong to images and to a split of patients: other ones are refused, new masks are said."""
    states = [located.path / NAME, *sorted(located.path.glob(f"members/*/{NAME}"))]
    state = next((path for path in states if path.is_file()), None)
    if state is None:
        if data_hash in ("", contents.data_hash):
            return []
        raise ManifestError(
            f"{manifest.path}: has changed since {located.path} was trained (data hash {contents.data_hash[:12]}, then "
            f"{data_hash[:12]}); its predictions are of other frames. Train again, or give the manifest of then"
        )
    changes = read_changes(state, manifest.frames, contents)
    if not changes.harmless:
        raise ManifestError(
            f"{manifest.path}: has changed since {located.path} was trained, so its predictions are of other frames or "
            f"of another split; train again, or give the manifest of then by data.manifest=\n{changes}"
        )
    if changes.masks:
        return [f"scored against masks that were changed after training\n{changes}"]
    return []


def _kept(run_dir: Path, fold: int | None = None, seed: int | None = None) -> Kept:
    return Kept(Predictions(run_dir / "predictions.zip"), fold, seed)


def _model_file(run_dir: Path) -> Path:
    path = run_dir / "model.onnx"
    if not path.is_file():
        raise ModelFileError(f"{path}: this run exported no model file; give a checkpoint of it as model_file=")
    return path


def _name(settings: dict[str, Any]) -> str:
    """Network and loss by the names of their factories."""
    parts = (settings["model"]["_target_"].split(".")[-2], settings["loss"]["_target_"].split(".")[-1])
    return " ".join(parts)
