"""Starting again from a run's stored configuration: what is taken over, what differs now, whether it came out the same.

Before Hydra composes, `with_stored_choices` adds the run's choices of config groups to the command line, so that
further settings are understood as they were then. `restore` puts the stored values in place of the composed ones and
the command line's own settings on top. All of this runs before the slow imports.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trus.config import check_train_config, resolve_train_config
from trus.errors import ConfigError
from trus.evaluation.locate import follow_job, read_document
from trus.evaluation.tracked_run import fetched_run
from trus.nested import move_paths

if TYPE_CHECKING:
    from omegaconf import DictConfig

_INJECTED = "TRUS_STORED_CHOICES"
_FILES = (
    *("config.yaml", "environment.json", "cv.json", "split.json", "data.json"),
    *("validation.csv", "out_of_fold.csv"),
)
_NEVER_STORED = ("outputs", "run_dir", "reproduce", "ckpt_path", "logger")
"""Where this start writes and tracks is its own matter."""
_GROUPS = (
    *("model", "loss", "optimizer", "scheduler", "preprocessing", "augmentation", "split", "trainer", "callbacks"),
    "data",
)


@dataclass(frozen=True)
class Origin:
    """The run that is reproduced. `folder` is None where it is not on this machine; `scores` is the text of its
    validation.csv or out_of_fold.csv, None where it never came to an end.
    """

    run: str
    config: dict[str, Any]
    is_cv: bool
    environment: dict[str, Any] | None
    data_hash: str | None
    split_hash: str | None
    scores: str | None
    folder: Path | None


def load_origin(run: str, tracking_uri: str | None) -> Origin:
    """Read what is stored of `run`: a run folder, a cross-validation's or a job's folder, or a run's id in MLflow.

    Raises ConfigError when there is none, or it has no configuration.
    """
    folder = Path(run)
    if folder.is_dir():
        return _read_folder(run, follow_job(folder), {})
    if tracking_uri is None:
        raise ConfigError(
            f"reproduce={run}: no such folder; run ids are looked up in MLflow, which logger=none leaves out"
        )
    with fetched_run(run, tracking_uri, _FILES) as (files, tags, _):
        return _read_folder(run, files, tags)


def with_stored_choices(arguments: list[str]) -> list[str]:
    """The command line, with the run's choices of config groups added when it says `reproduce=RUN`.

    Raises ConfigError for a run without configuration, and for `-m`.
    """
    given = [word for word in arguments if word.lstrip("+").startswith("reproduce=")]
    run = _unquote(given[-1].split("=", 1)[1]) if given else "null"
    if run == "null" or os.environ.get(_INJECTED) is not None:
        return arguments
    if {"-m", "--multirun"} & {*arguments}:
        raise ConfigError(f"reproduce={run}: goes without -m; start runs again one by one")
    if wrong := [word for word in arguments if word.lstrip("+~").startswith("experiment=")]:
        raise ConfigError(f"{wrong[0]} reproduce={run}: an experiment would change what is reproduced; leave one out")
    origin = load_origin(run, _tracking_uri(arguments))
    keys = {word.lstrip("+~").split("=")[0] for word in arguments}
    stored = (origin.environment or {}).get("choices", {})
    added = {key: stored[key] for key in _GROUPS if key in stored and key not in keys}
    os.environ[_INJECTED] = ",".join(added)
    return [*(f"{key}={choice}" for key, choice in added.items() if choice != "None"), *arguments]


def resolve_or_restore(composed: "DictConfig") -> dict[str, Any]:
    """The composed config, or with `reproduce=RUN` that run's own, as plain checked values. Raises ConfigError."""
    return restore(composed) if composed.reproduce else resolve_train_config(composed)


def restore(composed: "DictConfig") -> dict[str, Any]:
    """The stored config with what the command line sets on top. Raises ConfigError."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    def value(key: str) -> Any:
        node = OmegaConf.select(composed, key)
        return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node

    logger = value("logger")
    origin = load_origin(composed.reproduce, logger and logger["tracking_uri"])
    config: dict[str, Any] = json.loads(json.dumps(origin.config))
    for key in _NEVER_STORED:
        config[key] = value(key)
    config["data"]["cache_dir"] = value("data.cache_dir")
    if config["data"]["phantom"]:
        config["data"]["manifest"] = f"{config['outputs']}/phantom/manifest.csv"
    for key in ("seeds", "threshold", "weights_licence"):
        config.setdefault(key, value(key))
    config["split"].setdefault("repeats", 1)
    config["callbacks"] = move_paths(config["callbacks"], origin.config["run_dir"], config["run_dir"])
    injected = os.environ.get(_INJECTED, "").split(",")
    for override in HydraConfig.get().overrides.task:
        key = override.lstrip("+~").split("=")[0]
        if key not in injected and key.split(".")[0] not in _NEVER_STORED:
            _put(config, key, None if override.startswith("~") else value(key))
    check_train_config(config)
    if not config["data"]["phantom"] and not Path(config["data"]["manifest"]).is_file():
        raise ConfigError(
            f"reproduce={origin.run}: its data.manifest={config['data']['manifest']} is not there (from {Path.cwd()}); "
            "say where the data are now: data.manifest=PATH"
        )
    return config


def _read_folder(run: str, folder: Path, tags: dict[str, str]) -> Origin:
    """Read a run's files; `tags` are those of MLflow where it was found there."""
    from omegaconf import OmegaConf

    try:
        config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"reproduce={run}: has no config.yaml; a run or a cross-validation of scripts/train.py stores one"
        ) from error
    except Exception as error:
        raise ConfigError(f"reproduce={run}: its config.yaml is damaged: {error}") from error
    if not isinstance(config, dict) or not {"data", "split", "run_dir"} <= {*config}:
        raise ConfigError(f"reproduce={run}: its config.yaml is none of scripts/train.py")
    environment = read_document(folder / "environment.json") or None
    is_cv = (folder / "cv.json").is_file()
    scores = folder / ("out_of_fold.csv" if is_cv else "validation.csv")
    known = read_document(folder / "cv.json") or read_document(folder / "data.json")
    return Origin(
        run=run,
        config=config,
        is_cv=is_cv,
        environment=environment,
        data_hash=known.get("data_hash") or tags.get("trus.data_hash"),
        split_hash=read_document(folder / "split.json").get("hash") or tags.get("trus.split_hash"),
        scores=scores.read_text(encoding="utf-8") if scores.is_file() else None,
        folder=_on_this_machine(tags) if tags else folder,
    )


def _on_this_machine(tags: dict[str, str]) -> Path | None:
    folder = tags.get("trus.folder")
    return Path(folder) if folder and Path(folder).is_dir() else None


def _tracking_uri(arguments: list[str]) -> str | None:
    """What the command line and conf/ say of logger.tracking_uri, before Hydra has composed anything."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    words = [word for word in arguments if word.lstrip("+").split("=")[0].split(".")[0] in ("logger", "outputs")]
    conf = Path(__file__).parents[2] / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        config = compose("train", words)
    uri = OmegaConf.select(config, "logger.tracking_uri")
    return None if uri is None else str(uri)


def _put(config: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        config = config.setdefault(part, {})
    config[last] = value


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
