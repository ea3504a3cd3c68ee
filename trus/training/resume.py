"""Going on from a checkpoint: only with the work that it was made by."""

from pathlib import Path
from typing import Any

from trus.data.datamodule import FrameDataModule
from trus.errors import ConfigError, ModelFileError
from trus.inference.metadata import ModelMetadata
from trus.inference.pytorch import checkpoint_metadata, load_checkpoint


def read_earlier(ckpt_path: str | None) -> ModelMetadata | None:
    """The document of the checkpoint to go on from, None where there is none. Raises ModelFileError."""
    if not ckpt_path:
        return None
    return checkpoint_metadata(load_checkpoint(Path(ckpt_path)), Path(ckpt_path))


def check_resumable(before: ModelMetadata, config: dict[str, Any], data: FrameDataModule) -> None:
    """Raise ConfigError when `ckpt_path` belongs to other data, another fold or network, or has nothing left to do.

    With another split the checkpoint has been trained on frames that would now validate.
    """
    path = config["ckpt_path"]
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
    done, wanted = before.training.epoch + 1, config["trainer"]["max_epochs"]
    if 0 <= wanted <= done:
        raise ConfigError(f"ckpt_path={path}: has {done} epochs already; raise trainer.max_epochs (now {wanted})")


def _network(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "encoder_weights"}


def find_last(run_dir: Path) -> Path | None:
    """last.ckpt of a run folder that can be gone on with; a damaged one is put aside and said, None then."""
    folder = run_dir / "checkpoints"
    last, best = folder / "last.ckpt", folder / "best.ckpt"
    if not last.is_file():
        return None
    try:
        checkpoint = load_checkpoint(last)
        checkpoint_metadata(checkpoint, last)
        if any(state.get("best_model_path") for state in checkpoint["callbacks"].values()):  # else none was validated
            checkpoint_metadata(load_checkpoint(best), best)
    except ModelFileError as error:
        print(f"{error}; this network is trained anew", flush=True)
        last.replace(last.with_suffix(".damaged"))
        return None
    return last
