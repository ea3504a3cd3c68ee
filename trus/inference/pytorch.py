"""The PyTorch backend: a predictor over a training checkpoint. The one module of `trus.inference` that needs torch."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from trus.errors import ModelFileError, TrusError
from trus.inference.checkpoint_file import check_checkpoint
from trus.inference.metadata import ModelMetadata, parse_metadata
from trus.inference.predictor import NetworkPredictor
from trus.models.build import build_network

_FACTORIES = re.compile(r"trus\.models\.[a-z0-9_]+\.build")
"""Nothing else of those modules: some of what they import calls whatever it is told."""
CHECKPOINT_KEY = "trus_metadata"
"""Key in a checkpoint's hyper-parameters: the model file's JSON document as text, score left out."""


class CheckpointPredictor(NetworkPredictor):
    """A checkpoint's network in float32 on the CPU.

    The network is rebuilt from the checkpoint unless one is given, into which the weights are then loaded.
    """

    backend = "pytorch"

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        network: nn.Module | None = None,
    ):
        checkpoint = load_checkpoint(path)
        metadata = checkpoint_metadata(checkpoint, path)
        super().__init__(path, metadata)
        if threads:
            torch.set_num_threads(threads)
        self.module = network or _rebuild(metadata, path)
        _load_weights(self.module, checkpoint["state_dict"], path)
        self.module.eval().float().cpu()

    def network(self, batch: np.ndarray) -> np.ndarray:
        """Run the network."""
        with torch.inference_mode():
            return self.module(torch.from_numpy(batch)).sigmoid().numpy()


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of trus with weights_only=True. Raises ModelFileError."""
    check_checkpoint(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: no such checkpoint") from error
    except Exception as error:  # the unpickler raises whatever a damaged file makes it stumble over
        text = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise ModelFileError(f"{path}: is damaged, or no checkpoint of trus ({text})") from error
    hyper_parameters = (checkpoint.get("hyper_parameters") or {}) if isinstance(checkpoint, dict) else {}
    if CHECKPOINT_KEY not in hyper_parameters or not {"state_dict", "epoch"} <= {*checkpoint}:
        raise ModelFileError(f"{path}: a checkpoint, but not one that trus wrote (it holds no {CHECKPOINT_KEY})")
    return checkpoint


def checkpoint_metadata(checkpoint: dict[str, Any], path: Path) -> ModelMetadata:
    """The checkpoint's document with the epoch that its weights are of. Raises ModelFileError."""
    metadata = parse_metadata(checkpoint["hyper_parameters"][CHECKPOINT_KEY], str(path))
    training = metadata.training.model_copy(update={"epoch": checkpoint["epoch"]})
    return metadata.model_copy(update={"training": training})


def _rebuild(metadata: ModelMetadata, path: Path) -> nn.Module:
    config = metadata.training.config
    if not _FACTORIES.fullmatch(str(config.get("_target_", ""))):
        raise ModelFileError(f"{path}: its network {config.get('_target_')} is not part of trus; use its .onnx file")
    try:
        return build_network({**config, "encoder_weights": None}, metadata.input_shape[0], len(metadata.thresholds))
    except TrusError as error:
        raise ModelFileError(f"{path}: its network cannot be rebuilt ({error})") from error


def _load_weights(network: nn.Module, state: dict[str, Any], path: Path) -> None:
    weights = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelFileError(f"{path}: its weights do not fit its network ({str(error).splitlines()[0]})") from error
