"""What a run leaves behind: the best network's score, pictures, model file and masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from trus.data.datamodule import FrameDataModule
from trus.data.images import read_frame
from trus.errors import TrainingError
from trus.evaluation.evaluate import Evaluation, evaluate
from trus.evaluation.panels import write_panels
from trus.evaluation.statistics import Estimate
from trus.files import write_json
from trus.inference.batch import predict_batch
from trus.inference.inputs import Input
from trus.inference.metadata import ModelMetadata, Score
from trus.inference.predictor import open_predictor
from trus.inference.pytorch import CheckpointPredictor
from trus.training.export import Parity, export_model
from trus.training.tracking import log_file, log_metrics

PARITY_FRAMES = 4


@dataclass(frozen=True)
class Outcome:
    """Where everything is, and the headline number."""

    iou: Estimate
    checkpoint: Path
    model_file: Path
    predictions: Path | None
    parity: Parity


def deliver(checkpoint: Path, trainer: pl.Trainer, task: Any, panels: bool, predict: bool) -> Outcome:
    """Evaluate the checkpoint on the validation frames in their own size, draw panels, export, predict.

    Raises ModelFileError when the export does not pass its parity gate, TrainingError when the model file fails on a
    frame; what was written before stays.
    """
    data: FrameDataModule = trainer.datamodule  # type: ignore[attr-defined]
    run_dir, logger = checkpoint.parent.parent, trainer.logger
    predictor = CheckpointPredictor(checkpoint, network=task.network)
    evaluation = evaluate(predictor, data.validation_frames, data.classes)
    _record(evaluation, run_dir, logger)
    if panels:
        for path in write_panels(evaluation, predictor, data.classes, run_dir / "panels"):
            log_file(logger, path, "panels")
    model_file = run_dir / "model.onnx"
    iou = evaluation.iou()
    metadata = _scored(predictor.metadata, iou, evaluation.grouped)
    parity = export_model(predictor.module, metadata, _real_frames(data), model_file)
    log_file(logger, model_file)
    folder = _predict(model_file, data, run_dir / "predictions") if predict else None
    return Outcome(iou, checkpoint, model_file, folder, parity)


def _record(evaluation: Evaluation, run_dir: Path, logger: Any) -> None:
    summary = evaluation.summary()
    evaluation.write_csv(run_dir / "validation.csv")
    write_json(run_dir / "validation.json", summary)
    for name in ("validation.csv", "validation.json"):
        log_file(logger, run_dir / name)
    best = {f"best/{key}": summary["all"][key]["value"] for key in ("iou", "dice")}
    best |= {"best/iou_low": summary["all"]["iou"]["low"], "best/iou_high": summary["all"]["iou"]["high"]}
    best["best/pooled_iou"] = summary["all"]["pooled_iou"]
    log_metrics(logger, {name: value for name, value in best.items() if value is not None})


def _scored(metadata: ModelMetadata, iou: Estimate, grouped: bool) -> ModelMetadata:
    score = Score(part="validation", grouped=grouped, **iou.to_dict())
    return metadata.model_copy(update={"score": score})


def _real_frames(data: FrameDataModule) -> np.ndarray:
    frames = (data.validation_frames + data.training_frames)[:PARITY_FRAMES]
    return np.stack([data.preprocessor(read_frame(frame.image), frame.region)[0] for frame in frames])


def _predict(model_file: Path, data: FrameDataModule, folder: Path) -> Path:
    inputs = [Input(f.image, f.image_id, f.region, f.spacing) for f in data.validation_frames]
    result = predict_batch(open_predictor(model_file), inputs, folder)
    if result.failed:
        reasons = "\n  ".join(reason for _, reason in result.failed)
        raise TrainingError(f"{model_file} is written, but {len(result.failed)} frame(s) got no mask\n  {reasons}")
    return folder
