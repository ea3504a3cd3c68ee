"""ONNX Runtime's static quantiser, set as trus uses it. The one module here that needs onnx.

Activations are uint8 with a scale a tensor, weights int8 with a scale an output channel, QDQ. Weights keep to 7 bits
(-64..64): processors without VNNI add two products in 16 bits, which 8-bit weights overflow without a word, so that
one file would give other masks on an old computer. With 7 bits 2 x 255 x 64 = 32,640 fits.
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from trus.errors import ModelFileError

MATRIX = ("Conv", "Gemm", "MatMul")
"""The operators whose time quantisation saves; called layers here."""
OPERATORS: dict[str, tuple[str, ...]] = {"layers": (*MATRIX, "Clip", "Relu"), "all": ()}
"""What is quantised: layers and the activations that melt into them, or every operator that ONNX Runtime can."""


class Quantiser:
    """Makes INT8 variants of one model file below `folder`; ranges are measured once, on `frames` (1, C, h, w).

    `layers` are the names of those that can be quantised, in the graph's order. The last one and all that follows it
    stay in float, so that probabilities keep their resolution. Raises ModelFileError for a file without layers.
    """

    def __init__(self, model_file: Path, folder: Path, frames: Sequence[np.ndarray]):
        self._folder, self._frames = folder, frames
        self._prepared, self._ranges = folder / "prepared.onnx", folder / "ranges.json"
        with _quietly(model_file):
            quant_pre_process(str(model_file), str(self._prepared), skip_symbolic_shape=True)
        self._model_file = model_file
        nodes = _named(self._prepared)
        places = [i for i, node in enumerate(nodes) if node.op_type in MATRIX]
        if len(places) < 2:
            raise ModelFileError(f"{model_file}: has no convolutions or matrix products to quantise")
        self.layers = [nodes[i].name for i in places[:-1]]
        self._head = [node.name for node in nodes[places[-1] :]]

    def write(self, operators: str, left_out: Sequence[str]) -> Path:
        """A variant of OPERATORS[operators] without the layers `left_out`; the next one overwrites it."""
        target = self._folder / "variant.onnx"
        with _quietly(self._model_file):
            quantize_static(
                str(self._prepared),
                str(target),
                _Frames(self._frames),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=[*OPERATORS[operators]] if self._ranges.exists() else None,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[*left_out, *self._head],
                calibration_cache_path=self._ranges,
            )
        return target

    def measure_ranges(self) -> None:
        """Run the calibration frames through the float network; the first variant is thrown away."""
        self.write("all", ()).unlink()


class _Frames(CalibrationDataReader):
    def __init__(self, frames: Sequence[np.ndarray]):
        self._left = iter(frames)

    def get_next(self) -> dict[str, np.ndarray] | None:
        frame = next(self._left, None)
        return None if frame is None else {"image": frame}


def _named(prepared: Path) -> list[onnx.NodeProto]:
    """The nodes of a graph, those without a name given one in the file: layers are left out by name."""
    model = onnx.load(prepared)
    nameless = [(i, node) for i, node in enumerate(model.graph.node) if not node.name]
    for i, node in nameless:
        node.name = f"trus_{i}"
    if nameless:
        onnx.save(model, prepared)
    return list(model.graph.node)


@contextmanager
def _quietly(model_file: Path) -> Iterator[None]:
    """ONNX Runtime's quantiser speaks through the root logger, warns of what is meant here, and raises anything."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, RuntimeError, TypeError, KeyError, AssertionError, NotImplementedError) as error:
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelFileError(f"{model_file}: ONNX Runtime's quantiser does not take it ({text})") from error
    finally:
        logging.disable(before)


def with_document(variant: Path, entries: dict[str, str], statement: str) -> bytes:
    """The variant's bytes with these metadata entries and none of the quantiser's own. Raises ModelFileError."""
    model = onnx.load(variant)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, entries)
    model.doc_string = statement
    plain = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(plain)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"the quantised graph is not valid ({str(error).splitlines()[0]})") from error
    return model.SerializeToString()
