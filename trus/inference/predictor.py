"""From a frame to its masks: one interface over a model file (ONNX Runtime, OpenVINO) or a checkpoint (PyTorch)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnxruntime as ort

from trus.cores import available_cores
from trus.data.classes import Classes
from trus.errors import ModelFileError
from trus.files import hash_file
from trus.inference.graph_file import GraphFile, check_ports, read_graph_file
from trus.inference.metadata import ModelMetadata, parse_metadata
from trus.inference.postprocessing import Rule, decide
from trus.preprocessing import Geometry, Preprocessor

Box = tuple[int, int, int, int]
Backend = Literal["onnxruntime", "openvino", "openvino-bf16"]
"""What can run an .onnx file; the last computes in bfloat16, outside the parity bounds."""

METADATA_KEY = "trus"
"""The key of the JSON document in the model file's metadata."""


@dataclass(frozen=True)
class Prediction:
    """One frame's result in the frame's own size.

    `labels` uint8 (H, W) of label values; `probabilities` float32 (K, H, W) in 0..1, zero outside the region.
    """

    labels: np.ndarray
    probabilities: np.ndarray


class Predictor(ABC):
    """Frames in, masks out.

    `thresholds` (K,) and `postprocessing` (rules by class) start as the model file's own and can be replaced.
    """

    backend: str
    """What runs the network: a Backend, or pytorch."""
    tta: str | None = None

    def __init__(self, path: Path, metadata: ModelMetadata):
        self.path = path
        self.metadata = metadata
        self.thresholds = list(metadata.thresholds)
        self.postprocessing: dict[str, Rule] = dict(metadata.postprocessing)

    @cached_property
    def classes(self) -> Classes:
        """The model's classes; one probability plane a target."""
        return self.metadata.class_set

    @cached_property
    def model_hash(self) -> str:
        """SHA-256 of the model file."""
        return hash_file(self.path)

    @property
    def members(self) -> Sequence["Predictor"]:
        """The predictors whose mean this is; itself where it is no ensemble."""
        return [self]

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the masks beside the frame, in JSON types: with equal settings they are equal."""
        rules = {name: rule.model_dump(exclude_defaults=True) for name, rule in self.postprocessing.items()}
        return {
            "model_sha256": self.model_hash,
            "thresholds": dict(zip(self.classes.targets, self.thresholds, strict=True)),
            "postprocessing": {name: rule for name, rule in rules.items() if rule} or None,
            "tta": self.tta,
            # backends agree within bounds, not to the bit; None keeps what earlier versions wrote
            "backend": self.backend if self.backend.startswith("openvino") else None,
        }

    @abstractmethod
    def prepare(self, image: np.ndarray, region: Box | None = None) -> Any:
        """Everything before the network, for `infer`: a frame as `probabilities` takes it -> its input and geometry."""

    @abstractmethod
    def infer(self, prepared: Any) -> np.ndarray:
        """The network, and the way back to the frame: what `prepare` returned -> float32 (K, H, W) in 0..1."""

    def probabilities(self, image: np.ndarray, region: Box | None = None) -> np.ndarray:
        """Frame (H, W) or (H, W, 3), 8 or 16 bit -> float32 (K, H, W) in 0..1, zero outside the region."""
        return self.infer(self.prepare(image, region))

    def predict(
        self, image: np.ndarray, region: Box | None = None, spacing: tuple[float, float] | None = None
    ) -> Prediction:
        """Segment one frame: (H, W) or (H, W, 3), 8 or 16 bit; `region` is the box that the manifest knows.

        `spacing`, (row, column) in mm, is what rules in mm2 need.
        """
        return self.decide(self.probabilities(image, region), spacing)

    def decide(self, probabilities: np.ndarray, spacing: tuple[float, float] | None = None) -> Prediction:
        """Probabilities (K, H, W) of a frame -> its mask, by this predictor's thresholds and post-processing."""
        labels = decide(probabilities, self.classes, self.thresholds, self.postprocessing, spacing)
        return Prediction(labels, probabilities)


class NetworkPredictor(Predictor):
    """A predictor over one network."""

    @cached_property
    def preprocessor(self) -> Preprocessor:
        """The model's preprocessing."""
        return self.metadata.preprocessor

    @abstractmethod
    def network(self, batch: np.ndarray) -> np.ndarray:
        """Preprocessed float32 (N, C, h, w) -> probabilities float32 (N, K, h, w)."""

    def prepare(self, image: np.ndarray, region: Box | None = None) -> tuple[np.ndarray, Geometry]:
        """Preprocess: the network's input (C, h, w) and the way back."""
        return self.preprocessor(image, region)

    def infer(self, prepared: tuple[np.ndarray, Geometry]) -> np.ndarray:
        """Run the network, map back to the frame."""
        array, geometry = prepared
        return geometry.inverse_probabilities(self.network(array[None])[0])


class OnnxPredictor(NetworkPredictor):
    """A model file in an ONNX Runtime session on the CPU."""

    backend = "onnxruntime"

    def __init__(self, path: Path, threads: int | None = None):
        super().__init__(path, read_model_file(path)[0])
        self.session = open_session(path, threads)

    def network(self, batch: np.ndarray) -> np.ndarray:
        """Run the graph. Raises ModelFileError where it fails, or gives something else than it announces."""
        try:
            found = self.session.run(["probabilities"], {"image": batch})[0]
        except Exception as error:
            raise ModelFileError(f"{self.path}: its graph cannot be run ({_first_line(error)})") from error
        if found.shape != (len(batch), len(self.metadata.thresholds), *batch.shape[2:]):
            raise ModelFileError(
                f"{self.path}: its graph gives {found.shape}, which it does not announce; export again"
            )
        return found


def open_predictor(path: Path, threads: int | None = None, backend: Backend | None = None) -> NetworkPredictor:
    """Open an .onnx model file, which `backend` runs (ONNX Runtime), or a .ckpt checkpoint, which PyTorch runs.

    `threads` is how many cores the network uses; by default all that this process may use. Raises ModelFileError.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file")
    if backend not in (None, *get_args(Backend)):
        raise ModelFileError(f"backend {backend!r}: what runs an .onnx file is {', '.join(get_args(Backend))}")
    if path.suffix == ".onnx":
        if backend in ("openvino", "openvino-bf16"):
            return _open_openvino(path, threads, bfloat16=backend == "openvino-bf16")
        return OnnxPredictor(path, threads)
    if path.suffix == ".ckpt" and backend:
        raise ModelFileError(f"{path}: a checkpoint runs on PyTorch, not on {backend}; give its .onnx file")
    if path.suffix == ".ckpt":
        return _open_checkpoint(path, threads)
    raise ModelFileError(f"{path}: a model is an .onnx file or a .ckpt checkpoint, not {path.suffix or 'this'}")


def read_model_file(path: Path) -> tuple[ModelMetadata, GraphFile]:
    """What an .onnx model file says of itself and what it holds, without running it. Raises ModelFileError."""
    graph = read_graph_file(path)
    if METADATA_KEY not in graph.entries:
        raise ModelFileError(f"{path}: holds no trus metadata; only files that trus exported can be used")
    metadata = parse_metadata(graph.entries[METADATA_KEY], str(path))
    check_ports(graph, metadata.input_shape, len(metadata.thresholds), path)
    return metadata, graph


def open_session(model: Path | bytes, threads: int | None = None) -> ort.InferenceSession:
    """An ONNX Runtime session on `threads` cores (all that this process may use). Raises ModelFileError."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.log_severity_level = 3
    # by default a core is kept busy for 20 ms after every run, which decoding and encoding need
    options.add_session_config_entry("session.intra_op.spin_duration_us", "100")
    source = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        name = "the exported graph" if isinstance(model, bytes) else model
        raise ModelFileError(f"{name}: is no readable ONNX file, or was cut short ({_first_line(error)})") from error


def _open_openvino(path: Path, threads: int | None, bfloat16: bool) -> NetworkPredictor:
    try:
        from trus.inference.openvino import OpenVinoPredictor
    except ModuleNotFoundError as error:
        raise ModelFileError(
            f"{path}: OpenVINO is not installed ({error.name} is missing): pip install 'trus[openvino]', "
            "or leave the backend out"
        ) from error
    return OpenVinoPredictor(path, threads, bfloat16)


def _open_checkpoint(path: Path, threads: int | None) -> NetworkPredictor:
    try:
        from trus.inference.pytorch import CheckpointPredictor
    except ModuleNotFoundError as error:
        raise ModelFileError(
            f"{path}: a checkpoint needs PyTorch ({error.name} is missing): install trus[train], or use the .onnx"
        ) from error
    return CheckpointPredictor(path, threads)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
