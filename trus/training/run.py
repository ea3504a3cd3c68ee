"""One training job, from a composed config to a verified model file."""

import logging
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf
from pytorch_lightning.loggers import MLFlowLogger

import trus
from trus.data.datamodule import FrameDataModule
from trus.data.phantom import write_phantom
from trus.data.state import NAME as STATE
from trus.data.state import save_state
from trus.errors import TrainingError
from trus.files import write_text
from trus.inference.metadata import ModelMetadata, Provenance, Training
from trus.training.callbacks import AtomicCheckpointIO, ExportBest, GracefulStop
from trus.training.module import SegmentationTask
from trus.training.naming import run_name, run_tags
from trus.training.outcome import Outcome
from trus.training.precision import resolve_precision
from trus.training.resume import check_resumable, read_earlier
from trus.training.summary import print_summary
from trus.training.tracking import create_logger, end_run, git_state, log_config, log_file


def train(config: dict[str, Any]) -> float | None:
    """Train as the checked `config` of conf/train.yaml says; returns the best network's mean validation IoU.

    Everything but the MLflow store is written below `run_dir`. Raises TrusError for what a user can mend.
    """
    _quieten()
    earlier = read_earlier(config["ckpt_path"])  # a wrong file is told before the data are read
    run_dir = Path(config["run_dir"])
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    data = _prepare_data(config)
    data.split.save(run_dir / "split.json")
    save_state(run_dir / STATE, data.manifest.frames, data.contents)
    if earlier:
        check_resumable(earlier, config, data)
    choices = dict(HydraConfig.get().runtime.choices)
    tags = run_tags(config, choices, data.contents.data_hash, data.split.hash) | _git_tags()
    logger = create_logger(config["logger"], run_name(config, choices), tags)
    outcome_word = "failed"
    try:
        log_config(logger, config, _write_config(config, run_dir))
        log_file(logger, run_dir / "split.json")
        trainer, stopped, outcome = _fit(config, data, logger, choices)
        outcome_word = "stopped" if stopped else "finished"
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the second Ctrl-C into SystemExit
        outcome_word = "stopped"
        raise
    finally:
        end_run(logger, outcome_word)
    print_summary(config, data, outcome, logger, trainer.current_epoch, stopped)
    if stopped and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise KeyboardInterrupt  # the person meant the sweep, not this job of it
    return outcome.iou.value if outcome else None


def _prepare_data(config: dict[str, Any]) -> FrameDataModule:
    settings = config["data"]
    if settings["phantom"]:
        if not Path(settings["manifest"]).exists():
            print("making the synthetic phantom, the first time only", flush=True)
        write_phantom(Path(settings["manifest"]).parent, **settings["phantom"])
    data = FrameDataModule(settings, config["preprocessing"], config["augmentation"], config["split"], config["seed"])
    data.prepare()
    return data


def _fit(
    config: dict[str, Any], data: FrameDataModule, logger: MLFlowLogger | None, choices: dict[str, str]
) -> tuple[pl.Trainer, bool, Outcome | None]:
    task = SegmentationTask(build_metadata(config, data, logger, choices), config)
    callbacks = [hydra.utils.instantiate(node) for node in config["callbacks"].values() if node]
    trainer = _trainer(config, callbacks, logger)
    where = f"{choices.get('model')} on {trainer.strategy.root_device}, precision {trainer.precision}"
    counts = f"{len(data.training_frames)} training and {len(data.validation_frames)} validation frames"
    print(f"{where}, {counts}", flush=True)
    try:
        trainer.fit(task, datamodule=data, ckpt_path=config["ckpt_path"], weights_only=True)
    except RuntimeError as error:
        if any(words in str(error).lower() for words in ("out of memory", "can't allocate memory")):
            raise TrainingError(
                f"out of memory: lower data.batch_size (now {config['data']['batch_size']}; "
                "trainer.accumulate_grad_batches makes up for it) or preprocessing.size"
            ) from error
        raise
    stopped = any(c.stopped for c in callbacks if isinstance(c, GracefulStop))
    outcomes = [c.outcome for c in callbacks if isinstance(c, ExportBest)]
    return trainer, stopped, outcomes[0] if outcomes else None


def _trainer(config: dict[str, Any], callbacks: list[Any], logger: MLFlowLogger | None) -> pl.Trainer:
    settings = dict(config["trainer"])
    settings["precision"] = resolve_precision(settings["precision"], settings["accelerator"])
    settings.setdefault("enable_progress_bar", sys.stderr.isatty())
    return hydra.utils.instantiate(
        settings,
        callbacks=callbacks,
        logger=logger or False,
        default_root_dir=config["run_dir"],
        plugins=[AtomicCheckpointIO()],
        enable_model_summary=False,
        _convert_="all",
    )


def build_metadata(
    config: dict[str, Any], data: FrameDataModule, logger: MLFlowLogger | None, choices: dict[str, str]
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


def _write_config(config: dict[str, Any], run_dir: Path) -> Path:
    path = run_dir / "config.yaml"
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(config)))
    return path


def _quieten() -> None:
    """What libraries say of themselves on every run would hide what this run says."""
    for name in ("pytorch_lightning", "mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="pytorch_lightning.utilities._pytree")


def _git_tags() -> dict[str, str]:
    commit, dirty = git_state(Path(trus.__file__).parent)
    return {"mlflow.source.git.commit": commit, "trus.git_dirty": str(dirty)} if commit else {}
