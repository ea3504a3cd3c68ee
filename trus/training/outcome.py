"""What a run leaves behind: the best network's score, pictures, model file and masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from trus.data.datamodule import FrameDataModule
from trus.data.images import read_frame, read_mask
from trus.errors import TrainingError
from trus.evaluation.evaluate import Evaluation
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.panels import write_panels
from trus.evaluation.predictions import write_predictions
from trus.evaluation.statistics import Estimate
from trus.files import write_json
from trus.inference.batch import predict_batch
from trus.inference.inputs import Input
from trus.inference.metadata import ModelMetadata, Score
from trus.inference.predictor import open_predictor
from trus.inference.pytorch import CheckpointPredictor
from trus.training.appearance import appearance_of_fold
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


@dataclass(frozen=True)
class Wanted:
    """What to make beside score and model file.

    `keep`: predictions.zip; `panels`: worst, median and best frames as pictures; `predict`: masks by the model file.
    """

    keep: bool = True
    panels: bool = False
    predict: bool = False


def deliver(checkpoint: Path, network: nn.Module | None, data: FrameDataModule, logger: Any, wanted: Wanted) -> Outcome:
    """Evaluate the checkpoint on the validation frames in their own size, draw panels, export, predict.

    The checkpoint's weights are loaded into `network`; None: into a new one. Raises ModelFileError when the export does
    not pass its parity gate, TrainingError when the model file fails on a frame; what was written before stays.
    """
    run_dir = checkpoint.parent.parent
    predictor = CheckpointPredictor(checkpoint, network=network)
    evaluation = _evaluate(predictor, data, run_dir / "predictions.zip" if wanted.keep else None)
    _record(evaluation, run_dir, logger)
    if wanted.panels:
        for path in write_panels(evaluation, predictor, data.classes, run_dir / "panels"):
            log_file(logger, path, "panels")
    model_file = run_dir / "model.onnx"
    iou = evaluation.iou()
    metadata = _measured(predictor.metadata, iou, evaluation.grouped, data)
    parity = export_model(predictor.module, metadata, _real_frames(data), model_file)
    log_file(logger, model_file)
    folder = _predict(model_file, data, run_dir / "predictions") if wanted.predict else None
    return Outcome(iou, checkpoint, model_file, folder, parity)


def _evaluate(predictor: CheckpointPredictor, data: FrameDataModule, kept: Path | None) -> Evaluation:
    """Predict every validation frame once, to score it and, where `kept` is given, to keep its probabilities there."""
    counts: list[Overlap] = []

    def answers() -> Iterator[tuple[str, np.ndarray]]:
        for frame in data.validation_frames:
            assert frame.mask is not None, "validation frames are annotated"
            prediction = predictor.predict(read_frame(frame.image), frame.region, frame.spacing)
            predicted = data.classes.planes(prediction.labels)
            counts.append(Overlap.of(predicted, data.classes.planes(read_mask(frame.mask))))
            yield frame.image_id, prediction.probabilities

    if kept:
        write_predictions(kept, data.classes.targets, answers())
    else:
        for _ in answers():
            pass
    return Evaluation(data.validation_frames, data.classes.targets, Overlap.stack(counts))


def _record(evaluation: Evaluation, run_dir: Path, logger: Any) -> None:
    summary = evaluation.summary()
    evaluation.write_csv(run_dir / "validation.csv")
    write_json(run_dir / "validation.json", summary)
    for name in ("validation.csv", "validation.json"):
        log_file(logger, run_dir / name)
    log_metrics(logger, best_metrics(summary))


def best_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """The headline numbers of a validation.json as MLflow holds them; without those that are undefined."""
    best = {f"best/{key}": summary["all"][key]["value"] for key in ("iou", "dice")}
    best |= {"best/iou_low": summary["all"]["iou"]["low"], "best/iou_high": summary["all"]["iou"]["high"]}
    best["best/pooled_iou"] = summary["all"]["pooled_iou"]
    return {name: value for name, value in best.items() if value is not None}


def _measured(metadata: ModelMetadata, iou: Estimate, grouped: bool, data: FrameDataModule) -> ModelMetadata:
    score = Score(part="validation", grouped=grouped, **iou.to_dict())
    return metadata.model_copy(update={"score": score, "appearance": appearance_of_fold(data)})


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
