"""What every run keeps of itself, in its folder and in MLflow: config, split, environment and a description."""

from pathlib import Path
from typing import Any

from trus.data.datamodule import FrameDataModule
from trus.evaluation.statistics import Estimate
from trus.training.document import write_config
from trus.training.environment import describe_environment, write_environment
from trus.training.note import write_note
from trus.training.run_logger import RunLogger
from trus.training.tracking import log_config, log_file, log_note


def record_start(
    logger: RunLogger | None, config: dict[str, Any], data: FrameDataModule, choices: dict[str, str]
) -> None:
    """Write config.yaml and environment.json into the run's folder, and log them with split.json, which is there."""
    run_dir = Path(config["run_dir"])
    log_config(logger, config, write_config(config, run_dir))
    log_file(logger, run_dir / "split.json")
    environment = describe_environment(config, choices, data.contents.data_hash, data.split.hash)
    log_file(logger, write_environment(run_dir, environment))
    record_score(logger, config, data, None, "running")


def record_score(
    logger: RunLogger | None, config: dict[str, Any], data: FrameDataModule, iou: Estimate | None, state: str
) -> None:
    """Describe the run on its page in MLflow; `iou` is None while there is no score."""
    log_note(logger, write_note(config, data.contents.data_hash, data.split.hash, iou, state, data.split.grouped))
