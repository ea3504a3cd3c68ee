"""`trus export`: a checkpoint of any run as a model file, through the same gate as at the end of training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from trus.data.images import read_frame
from trus.data.manifest import Frame, Manifest
from trus.errors import ModelFileError, TrusError
from trus.inference.appearance import Appearance
from trus.inference.metadata import ModelMetadata, Score
from trus.inference.predictor import read_model_file
from trus.inference.pytorch import CheckpointPredictor
from trus.quantisation.frames import find_parts
from trus.training.appearance import appearance_of
from trus.training.export import Parity, export_model

PARITY_FRAMES = 4


@dataclass(frozen=True)
class Exported:
    """What was written, how near its graph is to the network, on how many frames of which manifest."""

    target: Path
    parity: Parity
    manifest: Path
    frames: int
    score: Score | None
    appearance: Appearance | None


def export_checkpoint(checkpoint: Path, target: Path, manifest: Path | None = None) -> Exported:
    """Write `target` (.onnx) from a checkpoint once it agrees with the network on real frames.

    The frames are the first four outside the test part of `manifest`, or of the manifest that the run's config.yaml
    names. The score is that of the run's model.onnx where this holds the same weights; else there is none. What the
    training frames look like is measured where manifest and split are those of the training; else it is unknown. Raises
    ModelFileError, and writes nothing, for a file that is no checkpoint, no manifest, or a graph that disagrees.
    """
    if target.suffix != ".onnx":
        raise ModelFileError(f"{target}: a model file ends in .onnx")
    if checkpoint.suffix != ".ckpt" or not checkpoint.is_file():
        raise ModelFileError(f"{checkpoint}: no such checkpoint; a run keeps its own in checkpoints/, as .ckpt")
    predictor = CheckpointPredictor(checkpoint)
    source = manifest or _manifest_of(checkpoint)
    frames = _frames(source)
    inputs = np.stack([predictor.preprocessor(read_frame(frame.image), frame.region)[0] for frame in frames])
    score, appearance = _score(checkpoint, predictor.metadata), _appearance(checkpoint, predictor, source)
    metadata = predictor.metadata.model_copy(update={"score": score, "appearance": appearance})
    parity = export_model(predictor.module, metadata, inputs, target)
    return Exported(target, parity, source, len(frames), score, appearance)


def _manifest_of(checkpoint: Path) -> Path:
    config = checkpoint.resolve().parent.parent / "config.yaml"
    try:
        named = str(OmegaConf.select(OmegaConf.load(config), "data.manifest"))
    except FileNotFoundError:
        raise ModelFileError(f"{checkpoint}: no config.yaml of its run at {config}; give --manifest") from None
    except Exception as error:  # whatever the YAML reader raises
        raise ModelFileError(f"{config}: cannot be read ({type(error).__name__}); give --manifest") from error
    if not Path(named).is_file():
        raise ModelFileError(f"{checkpoint}: its run's manifest {named} is not there; give --manifest")
    return Path(named)


def _frames(manifest: Path) -> list[Frame]:
    frames = [frame for frame in Manifest.load(manifest).frames if frame.split != "test"][:PARITY_FRAMES]
    if len(frames) < 2:
        raise ModelFileError(f"{manifest}: {len(frames)} frames outside the test part; the export is checked on 2 to 4")
    return frames


def _appearance(checkpoint: Path, predictor: CheckpointPredictor, manifest: Path) -> Appearance | None:
    try:
        parts = find_parts(checkpoint, predictor.metadata, manifest, None)
    except TrusError:
        return None
    return appearance_of(parts.training, predictor.preprocessor)


def _score(checkpoint: Path, metadata: ModelMetadata) -> Score | None:
    """The run's own, where its model file was made of these very weights and thresholds."""
    try:
        beside = read_model_file(checkpoint.resolve().parent.parent / "model.onnx")[0]
    except (TrusError, OSError):
        return None
    same = beside.training == metadata.training and beside.thresholds == metadata.thresholds
    return beside.score if same and beside.postprocessing == metadata.postprocessing else None
