"""Bodies of the Open Inference Protocol v2 (REST): JSON, and the binary tensor data extension.

https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md. Tensors are the graph's own:
the preprocessed `image` in, `probabilities` and, where the model file's graph gives them, `logits` out.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from trus.errors import TrusError
from trus.serving.open_inference.documents import InferRequest, OutputName, RequestInput
from trus.serving.problems import explain

MAX_BATCH = 8
"""Frames of one request. They go through the network one by one, so that memory does not grow with them."""
HEADER_BYTES = 64 * 1024
"""The JSON beside binary tensors."""
JSON_BYTES = 16 * 1024 * 1024
"""Numbers as JSON: one frame in any case, more of them up to this."""
_PIECE = 10_000
_JSON_NUMBER = 32
"""Bytes that a number of JSON may take, its comma included."""


class ProtocolError(TrusError):
    """A request that does not follow the protocol or does not fit the model."""


@dataclass(frozen=True)
class Inference:
    """A request that fits the model: float32 (N, C, H, W), and the outputs asked for with whether as bytes."""

    id: str | None
    image: np.ndarray
    outputs: dict[OutputName, bool]


def largest_body(input_shape: tuple[int, int, int], binary: bool) -> int:
    """Bytes that a request may have for a model of `input_shape` (C, H, W)."""
    numbers = int(np.prod(input_shape))
    if binary:
        return HEADER_BYTES + MAX_BATCH * 4 * numbers
    return HEADER_BYTES + max(_JSON_NUMBER * numbers, min(MAX_BATCH * _JSON_NUMBER * numbers, JSON_BYTES))


def parse_request(
    body: bytes | bytearray, header_length: int | None, input_shape: tuple[int, int, int], offered: list[OutputName]
) -> Inference:
    """Body -> request; `header_length` is Inference-Header-Content-Length, None where the body is all JSON.

    `input_shape` is the model's (C, H, W), `offered` the outputs that it has. Raises ProtocolError.
    """
    if header_length is not None and not 0 <= header_length <= len(body):
        raise ProtocolError(f"Inference-Header-Content-Length {header_length}: the body has {len(body)} bytes")
    view = memoryview(body)
    request = _parse_json(bytes(view[:header_length]))
    tensor = request.inputs[0]
    _check_shape(tensor.shape, input_shape)
    rest = view[len(body) if header_length is None else header_length :]
    outputs = _outputs(request, offered)
    return Inference(request.id, _tensor(tensor, rest), outputs)


def _parse_json(text: bytes) -> InferRequest:
    try:
        return InferRequest.model_validate(json.loads(text))
    except ValidationError as error:
        raise ProtocolError(explain(error.errors())) from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the request is no JSON object, or is nested too deeply") from error


def _check_shape(shape: list[int], expected: tuple[int, int, int]) -> None:
    if tuple(shape[1:]) != tuple(expected):
        raise ProtocolError(f"image: shape {shape}; this model takes [N, {', '.join(map(str, expected))}]")
    if shape[0] > MAX_BATCH:
        raise ProtocolError(f"image: a batch of {shape[0]}; at most {MAX_BATCH} frames a request")


def _outputs(request: InferRequest, offered: list[OutputName]) -> dict[OutputName, bool]:
    default = request.parameters.binary_data_output
    if request.outputs is None:
        return dict.fromkeys(offered, default)
    chosen: dict[OutputName, bool] = {}
    for output in request.outputs:
        if output.name not in offered:
            raise ProtocolError(f"outputs: this model has no {output.name}; it has {', '.join(offered)}")
        if output.name in chosen:
            raise ProtocolError(f"outputs: {output.name} is asked for twice")
        binary = output.parameters.binary_data
        chosen[output.name] = default if binary is None else binary
    return chosen


def _tensor(tensor: RequestInput, rest: memoryview) -> np.ndarray:
    """The tensor's values, float32 of its shape, from its data or from the bytes after the JSON."""
    size = tensor.parameters.binary_data_size
    if (size is None) == (tensor.data is None):
        raise ProtocolError("image: needs either data, or parameters.binary_data_size with the bytes after the JSON")
    if (size or 0) != len(rest):
        raise ProtocolError(f"image: binary_data_size {size or 0}, but {len(rest)} bytes follow the JSON")
    values = _from_json(tensor.data) if tensor.data is not None else _from_bytes(rest)
    wanted = int(np.prod(tensor.shape))
    if values.size != wanted or values.shape not in ((wanted,), tuple(tensor.shape)):
        raise ProtocolError(f"image: data of shape {list(values.shape)} for shape {tensor.shape} ({wanted} numbers)")
    if not np.isfinite(values).all():
        raise ProtocolError("image: holds values that are not finite as FP32 (NaN, infinite or too large)")
    return values.reshape(tensor.shape)


def _from_bytes(data: memoryview) -> np.ndarray:
    if len(data) % 4:
        raise ProtocolError(f"image: {len(data)} bytes; FP32 takes 4 a number")
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def _from_json(data: list[Any]) -> np.ndarray:
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise ProtocolError("image: data is nested unevenly") from error
    if values.size and values.dtype.kind not in "iuf":
        raise ProtocolError("image: data holds something that is no number")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the caller refuses
        return values.astype(np.float32)


def encode_response(
    model_name: str, model_version: str, request: Inference, tensors: dict[OutputName, np.ndarray]
) -> tuple[bytes, int | None]:
    """Float32 tensors by name -> body, and the length of its JSON where bytes follow it."""
    outputs: list[bytes] = []
    blobs: list[bytes] = []
    for name, binary in request.outputs.items():
        tensor = tensors[name]
        said: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "datatype": "FP32"}
        if binary:
            blobs.append(np.ascontiguousarray(tensor, "<f4").tobytes())
            said["parameters"] = {"binary_data_size": len(blobs[-1])}
        outputs.append(json.dumps(said).encode() if binary else _with_list(said, b"data", _numbers(tensor)))
    head = {"model_name": model_name, "model_version": model_version}
    if request.id is not None:
        head["id"] = request.id
    text = _with_list(head, b"outputs", outputs)
    return b"".join((text, *blobs)), len(text) if blobs else None


def _with_list(fields: dict[str, Any], name: bytes, parts: list[bytes]) -> bytes:
    """A JSON object with a further field, a list that is JSON already."""
    return json.dumps(fields).encode()[:-1] + b', "' + name + b'": [' + b", ".join(parts) + b"]}"


def _numbers(tensor: np.ndarray) -> list[bytes]:
    """Numbers as JSON in pieces, between which other requests get a turn: the encoder never lets go by itself."""
    flat = tensor.ravel()
    pieces = (flat[start : start + _PIECE].tolist() for start in range(0, flat.size, _PIECE))
    return [json.dumps(piece)[1:-1].encode() for piece in pieces]
