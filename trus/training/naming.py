"""What a run is called and tagged, so that MLflow's page tells runs apart at a glance."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

_NAMED = ("model", "loss", "split.fold", "seed", "seeds", "experiment", "data", "logger", "trainer", "callbacks")
_SILENT = (
    *("data.manifest", "data.workers", "data.cache_dir", "model.encoder_weights", "split.allow_ungrouped"),
    *("trainer.accelerator", "trainer.devices", "logger.", "callbacks.", "hydra"),
    *("weights_licence", "ckpt_path", "outputs"),
)


def run_name(config: dict[str, Any], choices: dict[str, str]) -> str:
    """`model loss fold0`, then what else the command line set: `segformer_b0 lovasz fold0 optimizer.lr=1e-3`."""
    name = [choices.get("model", "model"), choices.get("loss", "loss"), f"fold{config['split']['fold']}"]
    if config["seed"]:
        name.append(f"seed{config['seed']}")
    return " ".join(name + _overrides())


def cv_name(config: dict[str, Any], choices: dict[str, str], folds: int) -> str:
    """`model loss 5 folds`, then what else the command line set."""
    name = [choices.get("model", "model"), choices.get("loss", "loss"), f"{folds} folds"]
    if config["seeds"] > 1:
        name.append(f"{config['seeds']} seeds")
    if config["seed"]:
        name.append(f"seed{config['seed']}")
    return " ".join(name + _overrides())


def _overrides() -> list[str]:
    hydra = HydraConfig.get()
    given = [text.lstrip("+") for text in hydra.overrides.task]
    overrides = [*{text.split("=")[0]: text for text in given}.values()]  # of a key given twice the last one counts
    shown = [o for o in overrides if o.split("=")[0] not in _NAMED and not o.startswith(_SILENT)]
    again = [o.split("=", 1)[1] for o in overrides if o.startswith("reproduce=")]
    if not again or again[-1] == "null":
        return shown
    # the choices of groups come from the stored run, not from a person
    settings = [o for o in shown if o.split("=")[0] not in {*hydra.runtime.choices, "reproduce"}]
    return [*settings, f"again of {Path(again[-1]).name[:20]}"]


def run_tags(config: dict[str, Any], choices: dict[str, str], data_hash: str, split_hash: str) -> dict[str, str]:
    """Tags to filter and group runs by: the choices of each config group, fold, data, sweep and the hashes."""
    groups = ("experiment", "model", "loss", "optimizer", "scheduler", "preprocessing", "augmentation", "split")
    tags = {f"trus.{group}": str(choices[group]) for group in groups if group in choices}
    tags |= {"trus.fold": str(config["split"]["fold"]), "trus.data_hash": data_hash, "trus.split_hash": split_hash}
    tags["trus.data"] = "/".join(Path(config["data"]["manifest"]).absolute().parts[-2:])
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        tags["trus.sweep"] = "/".join(Path(HydraConfig.get().runtime.output_dir).parent.parts[-2:])
    if config["reproduce"]:
        tags["trus.reproduces"] = config["reproduce"]
    if config["ckpt_path"]:
        tags["trus.resumed_from"] = config["ckpt_path"]
    return tags | {"trus.statement": "research use only"}
