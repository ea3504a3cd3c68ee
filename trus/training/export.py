"""From a trained network to a verified model file: no file is written that does not give the network's own masks."""

import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from trus.errors import ModelFileError
from trus.files import write_bytes
from trus.inference.graph_file import check_graph, check_ports
from trus.inference.metadata import ModelMetadata
from trus.inference.predictor import METADATA_KEY, open_session

MAX_LOGIT_DIFFERENCE = 1e-3
MAX_PIXELS_CHANGED = 1e-4
OPSET = 18
_INPUTS, _OUTPUTS = ["image"], ["probabilities", "logits"]


@dataclass(frozen=True)
class Parity:
    """How far the exported graph is from the network: largest |logit difference|, share of pixels that change side."""

    logits: float
    pixels: float

    @property
    def passed(self) -> bool:
        """Within the bounds of the design (NaN is not)."""
        return self.logits <= MAX_LOGIT_DIFFERENCE and self.pixels <= MAX_PIXELS_CHANGED

    def __str__(self) -> str:
        """For logs and errors."""
        return f"largest logit difference {self.logits:.1e}, pixels that change side {self.pixels:.1e}"


class _WithProbabilities(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.network(image)
        return logits.sigmoid(), logits


def export_model(network: nn.Module, metadata: ModelMetadata, frames: np.ndarray, target: Path) -> Parity:
    """Write `target` (.onnx), self-contained, batch dynamic, once it agrees with the network on `frames`.

    `frames` are at least two preprocessed real frames, float32 (N, C, h, w). The dynamo exporter is tried first,
    then the TorchScript one. Raises ModelFileError, and writes nothing, when neither passes the parity gate.
    """
    module = _WithProbabilities(network).eval().float().cpu().to(memory_format=torch.contiguous_format)
    failures = []
    for name, exporter in (("dynamo", _dynamo), ("torchscript", _torchscript)):
        try:
            graph = _quietly(exporter, module, torch.from_numpy(frames[:2]))
            parity = check_parity(module, graph, frames, metadata.thresholds)
            content = _with_metadata(graph, metadata)
            check_ports(check_graph(content, target), metadata.input_shape, len(metadata.thresholds), target)
        except Exception as error:  # noqa: BLE001 - exporters raise whatever their passes raise
            failures.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        if parity.passed:
            write_bytes(target, content)
            return parity
        failures.append(f"{name}: {parity}")
    bounds = f"bounds: {MAX_LOGIT_DIFFERENCE:g} and {MAX_PIXELS_CHANGED:g}"
    raise ModelFileError(
        f"{target}: not written, no exported graph agrees with the network ({bounds}). " + "; ".join(failures)
    )


def check_parity(module: nn.Module, graph: bytes, frames: np.ndarray, thresholds: list[float]) -> Parity:
    """Compare `module` (image -> probabilities, logits) and a graph on frames (N, C, h, w), batches of 1 and 2."""
    session = open_session(graph)
    worst_logit, changed, pixels = 0.0, 0, 0
    limits = np.asarray(thresholds, np.float32)[None, :, None, None]
    for batch in [frames[i : i + 1] for i in range(len(frames))] + [frames[i : i + 2] for i in range(len(frames) - 1)]:
        with torch.inference_mode():
            reference = [output.numpy() for output in module(torch.from_numpy(batch))]
        probabilities, logits = session.run(["probabilities", "logits"], {"image": batch})
        worst_logit = max(worst_logit, float(np.abs(logits - reference[1]).max()))
        changed += int(((probabilities >= limits) != (reference[0] >= limits)).sum())
        pixels += probabilities.size
    return Parity(worst_logit, changed / pixels)


def _dynamo(module: nn.Module, example: torch.Tensor) -> bytes:
    program = torch.onnx.export(
        module,
        (example,),
        dynamo=True,
        dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=64)}},
        input_names=_INPUTS,
        output_names=_OUTPUTS,
        opset_version=OPSET,
        verbose=False,
    )
    assert program is not None
    return program.model_proto.SerializeToString()


def _torchscript(module: nn.Module, example: torch.Tensor) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module,
            (example,),
            file,
            dynamo=False,
            dynamic_axes={name: {0: "batch"} for name in _INPUTS + _OUTPUTS},
            input_names=_INPUTS,
            output_names=_OUTPUTS,
            opset_version=OPSET,
        )
        return file.read_bytes()


def _with_metadata(graph: bytes, metadata: ModelMetadata) -> bytes:
    model = onnx.load_model_from_string(graph)
    model.doc_string = metadata.statement
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.model_dump_json()})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _quietly(exporter: Callable[[nn.Module, torch.Tensor], bytes], module: nn.Module, example: torch.Tensor) -> bytes:
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporters; the gate judges the result
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            return exporter(module, example)
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
