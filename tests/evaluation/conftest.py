"""A cross-validation's folder and an evaluation's settings, on the shared small data set."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from trus.data.images import read_frame
from trus.data.manifest import Manifest
from trus.data.splits import make_split
from trus.data.state import NAME, save_state
from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder
from trus.evaluation.predictions import write_predictions
from trus.files import write_text
from trus.inference.predictor import open_predictor

CONF = Path(__file__).parents[2] / "conf"
SPLIT = {
    **{"kind": "kfold", "folds": 2, "repeats": 1, "val_fraction": 0.5, "seed": 0},
    **{"stratify": False, "allow_ungrouped": False},
}


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Overrides of conf/evaluate.yaml -> the resolved config; everything is written below tmp_path, nothing logged."""

    def make(*overrides: str) -> dict[str, Any]:
        places = [f"outputs={tmp_path}", f"run_dir={tmp_path}/evaluation", "resamples=200"]
        logger = [] if any("logger" in override for override in overrides) else ["logger=none"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            composed = compose("evaluate", [*places, *logger, *overrides])
        return OmegaConf.to_container(composed, resolve=True)

    return make


def fill_run(run_dir: Path, manifest: Manifest, image_ids: set[str], model: Path) -> None:
    """A run folder: what the tiny model predicts on some frames, its file, its config and the state of the data."""
    predictor = open_predictor(model, threads=1)
    frames = [frame for frame in manifest.frames if frame.image_id in image_ids]
    answers = [(f.image_id, predictor.predict(read_frame(f.image), f.region).probabilities) for f in frames]
    write_predictions(run_dir / "predictions.zip", predictor.classes.targets, answers)
    config = {
        "data": {"manifest": str(manifest.path)},
        "threshold": 0.5,
        "model": {"_target_": "trus.models.unet_small.build"},
        "loss": {"_target_": "trus.training.losses.DiceBCE"},
    }
    write_text(run_dir / "config.yaml", json.dumps(config))
    (run_dir / "model.onnx").write_bytes(model.read_bytes())


@pytest.fixture
def cv_folder(dataset_copy: Path, tiny_model: Any, tmp_path: Path) -> CvFolder:
    """Two folds and two seeds on `dataset_copy`, all finished; every network is the tiny model."""
    manifest = Manifest.load(dataset_copy / "manifest.csv")
    contents = manifest.verify()
    split = make_split(manifest.frames, manifest.classes, contents, SPLIT)
    folder = CvFolder(tmp_path / "cv/tiny_dice_12345678")
    config = {"threshold": 0.5, "data": {"manifest": str(manifest.path), "phantom": None}}
    folder.write(
        CrossValidation("12345678", "tiny dice", config, contents.data_hash, split.hash, True, 2, (0, 1),
                        str(manifest.path), ("gland", "lesion"))
    )  # fmt: skip
    split.save(folder.path / "split.json")
    for member in folder.members():
        run_dir = folder.run_dir(member)
        fill_run(run_dir, manifest, split.part(member.fold)[1], tiny_model.onnx)
        split.save(run_dir / "split.json")
        save_state(run_dir / NAME, manifest.frames, contents)
        folder.note(member, state="finished", iou={"value": 0.5})
    return folder


@pytest.fixture
def summary(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """What the evaluation of `evaluation` wrote as summary.json."""
    return lambda: json.loads((tmp_path / "evaluation/summary.json").read_text())
