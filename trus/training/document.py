"""What a run writes down before training: its config, and the model file's document of what the network is made of."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import trus
from trus.data.datamodule import FrameDataModule
from trus.files import write_text
from trus.inference.metadata import ModelMetadata, Provenance, Training
from trus.training.run_logger import RunLogger
from trus.training.tracking import git_state


def build_metadata(
    config: dict[str, Any], data: FrameDataModule, logger: RunLogger | None, choices: dict[str, str]
) -> ModelMetadata:
    """The model file's document before training: epoch 0, no score."""
    commit, dirty = git_state(Path(trus.__file__).parent)
    height, width = data.preprocessor.size
    weights = config["model"]["encoder_weights"]
    frames = data.training_frames
    return ModelMetadata(
        name=choices.get("model", "network"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        trus_version=trus.__version__,
        classes=data.classes.to_dict(),
        thresholds=[config["threshold"]] * len(data.classes.targets),
        preprocessing=data.preprocessor.to_dict(),
        input_shape=(data.preprocessor.in_channels, height, width),
        training=Training(
            run_id=logger.run_id if logger else None,
            git_commit=commit,
            git_dirty=dirty,
            data_hash=data.contents.data_hash,
            split_hash=data.split.hash,
            fold=config["split"]["fold"],
            seed=config["seed"],
            epoch=0,
            initial_weights=str(weights) if weights else "random",
            initial_weights_licence=config["weights_licence"] or ("not stated" if weights else "none needed"),
            config=config["model"],
        ),
        data=Provenance(
            sources=sorted({frame.source or "not stated" for frame in frames}),
            licences=sorted({frame.licence or "not stated" for frame in frames}),
            frames=len(frames),
            patients=len({frame.patient_id for frame in frames} - {None}),
            cropped=sum(frame.region is not None for frame in frames) if data.preprocessor.region == "manifest" else 0,
        ),
    )


def write_config(config: dict[str, Any], run_dir: Path) -> Path:
    """Write the resolved config as config.yaml; returns its path."""
    path = run_dir / "config.yaml"
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(config)))
    return path


def git_tags() -> dict[str, str]:
    """MLflow's tags for the state of the source tree; none outside git."""
    commit, dirty = git_state(Path(trus.__file__).parent)
    return {"mlflow.source.git.commit": commit, "trus.git_dirty": str(dirty)} if commit else {}
