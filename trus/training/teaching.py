"""Distillation: a network learns from the masks and from what trained networks, its teacher, say of the same frames.

Hinton et al. 2015, "Distilling the knowledge in a neural network", for pixels: cross-entropy with the teacher's
probabilities, without a temperature.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from trus.data.datamodule import LEVELS, FrameDataModule
from trus.data.images import read_frame
from trus.data.manifest import Frame
from trus.errors import ConfigError
from trus.files import hash_json, write_array
from trus.inference.ensemble import open_models
from trus.inference.predictor import Predictor


def teach(config: dict[str, Any], data: FrameDataModule) -> None:
    """Give the training frames of `data`, which has been told its fold, the teacher's probabilities as `taught`.

    Does nothing without `teacher.models`. They are computed once and kept in the cache. Raises ModelFileError for files
    that cannot be used, ConfigError for a teacher of other classes or one that has learnt from frames that validate.
    """
    settings = config["teacher"]
    if not settings["models"]:
        return
    teacher = open_models([Path(path) for path in settings["models"]], tta=settings["tta"], threshold=0.5)
    _check(teacher, data)
    folder = Path(config["data"]["cache_dir"]) / "taught"
    data.taught = {
        frame.image_id: _probabilities(teacher, data, frame, folder)
        for frame in track(data.training_frames, "asking the teacher", transient=True)
    }


def _check(teacher: Predictor, data: FrameDataModule) -> None:
    """Every file must have learnt on these training frames: then none has seen a frame that validates."""
    if teacher.classes.to_dict() != data.classes.to_dict():
        raise ConfigError(
            f"teacher.models: {teacher.path} segments {list(teacher.classes.targets)} as {teacher.classes.to_dict()}, "
            f"the data hold {data.classes.to_dict()}; choose another teacher or data.classes"
        )
    here = data.split.hash, data.split_settings["fold"]
    for member in getattr(teacher, "members", [teacher]):
        training = member.metadata.training
        if (training.split_hash, training.fold) != here:
            raise ConfigError(
                f"teacher.models: {member.path} was trained on split {training.split_hash}, fold {training.fold}, this "
                f"network is on split {here[0]}, fold {here[1]}: it may have learnt from frames that validate here, "
                "and the score would be too good; take a teacher of the same split and fold"
            )


def _probabilities(teacher: Predictor, data: FrameDataModule, frame: Frame, folder: Path) -> Path:
    """The .npy file of uint8 (K, h, w) in the network's input, made unless it is there."""
    image = data.contents.image[frame.image_id]
    key = hash_json([teacher.model_hash, teacher.settings, data.preprocessor.to_dict(), frame.region, image])
    path = folder / key[:2] / f"{key}.npy"
    if not path.is_file():
        picture = read_frame(frame.image)
        geometry = data.preprocessor.geometry(picture.shape[:2], frame.region)
        planes = geometry.forward_probabilities(teacher.probabilities(picture, frame.region))
        write_array(path, np.rint(LEVELS * planes.clip(0, 1)).astype(np.uint8))
    return path
