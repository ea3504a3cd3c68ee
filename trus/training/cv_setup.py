"""Where a cross-validation lives: one folder for one configuration, data and split, found again by its key."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from trus.data.datamodule import FrameDataModule
from trus.data.state import NAME as STATE
from trus.data.state import save_state
from trus.errors import ConfigError
from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder, Member
from trus.files import hash_file, hash_json
from trus.nested import move_paths
from trus.training.document import write_config

_SILENT = {
    "": ("split", "outputs", "run_dir", "ckpt_path", "logger"),
    "data": ("manifest", "workers", "cache_dir", "phantom"),
    "callbacks": ("epoch_lines", "stop"),
    "trainer": ("enable_progress_bar",),
}
"""Settings that do not change results, or stand in the key by the hashes of data and split."""


def has_folder(config: dict[str, Any]) -> bool:
    """Does this job live in a cross-validation's folder: a cross-validation, or any job of a multirun?"""
    return is_cross_validation(config) or (_multirun() and not config["ckpt_path"])


def is_cross_validation(config: dict[str, Any]) -> bool:
    """Is this job a cross-validation or a part of one, so that its runs belong below a parent?"""
    if config["ckpt_path"]:
        return False
    sets_fold = any(text.lstrip("+").split("=")[0] == "split.fold" for text in HydraConfig.get().overrides.task)
    return config["split"]["fold"] == "all" or config["seeds"] > 1 or (_multirun() and sets_fold)


def open_folder(config: dict[str, Any], data: FrameDataModule, choices: dict[str, str]) -> CvFolder:
    """The folder of this configuration, data and split below outputs/cv, made where it is not there yet.

    Raises ConfigError where the settings leave nothing that could be summarised.
    """
    for name in ("checkpoint", "export"):
        if not config["callbacks"].get(name):
            raise ConfigError(f"callbacks.{name}=null: a cross-validation is made of what it leaves; leave it on")
    key = make_key(config, data)
    name = f"{choices.get('model', 'model')}_{choices.get('loss', 'loss')}_{key[:8]}"
    folder = CvFolder(Path(config["outputs"]).absolute() / "cv" / name)
    with folder.lock():
        if not (folder.path / "cv.json").is_file():
            data.split.save(folder.path / "split.json")
            save_state(folder.path / STATE, data.manifest.frames, data.contents)
            content = _describe(key, config, data, choices)
            write_config(content.config, folder.path)
            folder.write(content)
    if (found := folder.read().key) != key:
        raise ConfigError(f"{folder.path}: is of other settings or data (key {found}, not {key}); move it away")
    return folder


def _describe(key: str, config: dict[str, Any], data: FrameDataModule, choices: dict[str, str]) -> CrossValidation:
    return CrossValidation(
        key=key,
        name=f"{choices.get('model', 'model')} {choices.get('loss', 'loss')}",
        config=config | {"split": config["split"] | {"fold": "all"}},
        data_hash=data.contents.data_hash,
        split_hash=data.split.hash,
        grouped=data.split.grouped,
        folds=len(data.split.validation),
        seeds=tuple(range(config["seed"], config["seed"] + config["seeds"])),
        manifest=str(Path(config["data"]["manifest"]).absolute()),
        targets=data.classes.targets,
        choices={group: str(choice) for group, choice in choices.items()},
    )


def make_key(config: dict[str, Any], data: FrameDataModule) -> str:
    """64 hex digits over all that decides the results; a local file of weights counts by its content."""
    settings = _without(config, _SILENT[""])
    for group in ("data", "callbacks", "trainer"):
        settings[group] = _without(settings[group], _SILENT[group])
    if export := settings["callbacks"].get("export"):
        settings["callbacks"]["export"] = _without(export, ("panels", "predict", "keep"))
    settings["callbacks"] = move_paths(settings["callbacks"], config["run_dir"], "")
    weights = _hash_weights(settings["model"]["encoder_weights"])
    return hash_json([settings, data.contents.data_hash, data.split.hash, *weights])


def _hash_weights(path: str | None) -> list[str]:
    """Hashes of a local checkpoint, or of a model folder's files; nothing for weights by name and random ones."""
    place = Path(path or "").expanduser()
    if not path or not place.exists():
        return []
    files = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else [place]
    return [hash_file(file) for file in files]


def members_of_job(config: dict[str, Any], folder: CvFolder) -> list[Member]:
    """Those that this job trains."""
    fold = config["split"]["fold"]
    return [member for member in folder.members() if fold in ("all", member.fold)]


def member_config(config: dict[str, Any], folder: CvFolder, member: Member, lean: bool) -> dict[str, Any]:
    """The config of one network as if it were trained alone; `lean`: without pictures and masks."""
    run_dir = str(folder.run_dir(member))
    callbacks = move_paths(config["callbacks"], config["run_dir"], run_dir)
    if lean:
        callbacks["export"] |= {"panels": False, "predict": False}
    own = {"seed": member.seed, "seeds": 1, "run_dir": run_dir, "callbacks": callbacks, "ckpt_path": None}
    return config | own | {"split": config["split"] | {"fold": member.fold}}


def _multirun() -> bool:
    return HydraConfig.get().mode == RunMode.MULTIRUN


def _without(settings: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in names}
