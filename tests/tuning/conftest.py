"""Settings of a small study, composed as scripts/tune.py composes them, and cross-validation folders made by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict

from trus.evaluation.cross_validation.folder import CrossValidation, CvFolder
from trus.tuning.settings import TuneSettings, read_settings

ROOT = Path(__file__).parents[2]
SPACE = """
loss: {choices: [dice_bce, lovasz]}
optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
loss.bce_weight: {low: 0.0, high: 1.0, when: {loss: lovasz}}
"""


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., TuneSettings]]:
    """Overrides (and the text of a space) -> checked settings; everything is written below tmp_path/out."""
    (tmp_path / "conf/search").mkdir(parents=True)

    def make(*overrides: str, space: str = SPACE) -> TuneSettings:
        (tmp_path / "conf/search/mine.yaml").write_text(space)
        where = ["search=mine", "data.manifest=/no/manifest.csv", f"outputs={tmp_path}/out", "logger=none"]
        searchpath = f"hydra.searchpath=[file://{tmp_path}/conf]"
        composed = compose("tune", [*where, searchpath, *overrides], return_hydra_config=True)
        with open_dict(composed):
            composed.hydra.runtime.output_dir = f"{tmp_path}/out/tuning"
            composed.hydra.runtime.config_sources = []
        HydraConfig.instance().set_config(composed)
        return read_settings(composed, ROOT / "scripts/train.py")

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield make
    HydraConfig.instance().cfg = None


@pytest.fixture
def cv_folder(tmp_path: Path) -> Callable[..., CvFolder]:
    """(name, scores of folds x patients, data hash) -> a finished cross-validation folder with one frame a patient."""

    def make(name: str, scores: np.ndarray, data_hash: str = "d") -> CvFolder:
        folder = CvFolder(tmp_path / "cv" / name)
        folder.path.mkdir(parents=True)
        work = CrossValidation(name, name, {}, data_hash, "s", True, len(scores), (0,), "manifest.csv", ("lesion",))
        folder.write(work)
        for member, values in zip(folder.members(), scores, strict=True):
            rows = [f"f{member.fold}_{n},p{member.fold}_{n},lesion,{value:.6f}" for n, value in enumerate(values)]
            place = folder.run_dir(member)
            place.mkdir(parents=True)
            (place / "validation.csv").write_text("\n".join(["image_id,patient_id,class,iou", *rows]) + "\n")
            folder.note(member, state="finished", iou={"value": float(np.mean(values))}, seconds=2.0)
        return folder

    return make
