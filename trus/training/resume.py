"""Going on from a checkpoint: only with the work that it was made by."""

from pathlib import Path
from typing import Any

from trus.data.datamodule import FrameDataModule
from trus.errors import ConfigError
from trus.inference.pytorch import checkpoint_metadata, load_checkpoint


def check_resumable(config: dict[str, Any], data: FrameDataModule) -> None:
    """Raise ConfigError when `ckpt_path` belongs to other data, another fold or network, or has nothing left to do.

    With another split the checkpoint has been trained on frames that would now validate.
    """
    path = Path(config["ckpt_path"])
    checkpoint = load_checkpoint(path)
    before = checkpoint_metadata(checkpoint, path)
    pairs = {
        "data (hash)": (before.training.data_hash, data.contents.data_hash),
        "split (hash)": (before.training.split_hash, data.split.hash),
        "split.fold": (before.training.fold, config["split"]["fold"]),
        "classes": (before.classes, data.classes.to_dict()),
        "preprocessing": (before.preprocessing, data.preprocessor.to_dict()),
        "model": (_network(before.training.config), _network(config["model"])),
    }
    differing = [f"{name}: {old} then, {new} now" for name, (old, new) in pairs.items() if old != new]
    if differing:
        lines = "\n  ".join(differing)
        raise ConfigError(f"ckpt_path={path}: comes from other work; go on with its own settings\n  {lines}")
    done, wanted = checkpoint["epoch"] + 1, config["trainer"]["max_epochs"]
    if 0 <= wanted <= done:
        raise ConfigError(f"ckpt_path={path}: has {done} epochs already; raise trainer.max_epochs (now {wanted})")


def _network(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "encoder_weights"}
