"""A model's own tensors: what its graph gives for preprocessed frames."""

from collections.abc import Callable

import numpy as np

from trus.inference.predictor import NetworkPredictor, OnnxPredictor, Predictor
from trus.serving.open_inference.bodies import Inference, ProtocolError
from trus.serving.open_inference.documents import OutputName


def run_graph(predictor: Predictor, asked: Inference, cancelled: Callable[[], bool]) -> dict[OutputName, np.ndarray]:
    """Frame by frame: outputs float32 (N, K, H, W). Raises ProtocolError where they are not finite."""
    parts: list[list[np.ndarray]] = []
    for frame in asked.image:
        if cancelled():
            return {}
        parts.append(_outputs(predictor, frame[None], list(asked.outputs)))
    tensors = {name: np.concatenate(part) for name, part in zip(asked.outputs, zip(*parts, strict=True), strict=True)}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ProtocolError("image: its values are so large that the model's answer is not finite")
    return tensors


def _outputs(predictor: Predictor, batch: np.ndarray, names: list[OutputName]) -> list[np.ndarray]:
    if isinstance(predictor, OnnxPredictor):
        return predictor.session.run(names, {"image": batch})
    assert isinstance(predictor, NetworkPredictor)  # others are not found here
    return [predictor.network(batch)]


def offered(predictor: Predictor) -> list[OutputName]:
    """The outputs that a predictor over a network has; only a model file's graph gives logits."""
    return ["probabilities", "logits"] if isinstance(predictor, OnnxPredictor) else ["probabilities"]
