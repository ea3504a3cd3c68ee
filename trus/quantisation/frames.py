"""Which frames may calibrate and judge a quantised network: those that its model file was trained and validated on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame
from trus.data.manifest import Frame, Manifest
from trus.data.splits import Split
from trus.errors import ModelFileError, SplitError
from trus.files import hash_json
from trus.inference.metadata import ModelMetadata
from trus.preprocessing import Preprocessor


@dataclass(frozen=True)
class Parts:
    """`training` and `validation` frames of the network's fold; `image` are the hashes of the images by image_id."""

    classes: Classes
    training: list[Frame]
    validation: list[Frame]
    image: dict[str, str]

    def calibration(self, count: int) -> list[Frame]:
        """`count` training frames, or all, spread evenly over the manifest."""
        places = np.linspace(0, len(self.training) - 1, min(count, len(self.training))).round().astype(int)
        return [self.training[i] for i in places]

    def hash(self, frames: list[Frame]) -> str:
        """SHA-256 over which images, in which order."""
        return hash_json([[frame.image_id, self.image[frame.image_id]] for frame in frames])


def find_parts(model_file: Path, metadata: ModelMetadata, manifest: Path, split_file: Path | None) -> Parts:
    """The parts of the split that the model file names; the test part is in neither.

    split.json is looked for beside the model file and above it unless it is given. Raises ManifestError, SplitError,
    or ModelFileError where manifest or split are not those that the network was trained with.
    """
    loaded = Manifest.load(manifest)
    path = split_file or _split_of(model_file)
    try:
        split = Split.load(path, loaded.frames)
    except SplitError as error:
        raise SplitError(
            f"{manifest} and {path} do not go together; give the manifest that {model_file} was trained with, and its "
            f"run's split.json by --split\n  {error}"
        ) from error
    _same(model_file, "split", split.hash, metadata.training.split_hash, f"{path}", "give the run's own by --split")
    contents = loaded.verify()
    remedy = "give the manifest, unchanged, that it was trained with"
    _same(model_file, "data", contents.data_hash, metadata.training.data_hash, f"{manifest}", remedy)
    training, validation = split.part(metadata.training.fold)
    return Parts(
        loaded.classes,
        [frame for frame in loaded.frames if frame.image_id in training],
        [frame for frame in loaded.frames if frame.image_id in validation],
        contents.image,
    )


def preprocess(frames: list[Frame], preprocessor: Preprocessor) -> list[np.ndarray]:
    """What the network is given of each frame: float32 (1, C, h, w)."""
    return [preprocessor(read_frame(frame.image), frame.region)[0][None] for frame in frames]


def _split_of(model_file: Path) -> Path:
    folders = list(model_file.resolve().parents)[:4]
    found = next((folder / "split.json" for folder in folders if (folder / "split.json").is_file()), None)
    if found is None:
        raise SplitError(
            f"{model_file}: no split.json beside it or above, so it is not known which frames it was trained on; "
            "give the one of its run by --split"
        )
    return found


def _same(model_file: Path, what: str, found: str, expected: str, origin: str, remedy: str) -> None:
    if found != expected:
        raise ModelFileError(f"{model_file}: was trained on {what} {expected[:12]}, {origin} is {found[:12]}; {remedy}")
