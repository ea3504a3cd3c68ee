"""The Open Inference Protocol v2 (KServe, Triton): a model's own tensors, for tools that speak it.

What goes in is already preprocessed and what comes out is not mapped back to a frame; `/v1/segment` does both.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from trus import __version__
from trus.inference.predictor import NetworkPredictor, OnnxPredictor
from trus.serving.open_inference.bodies import ProtocolError, encode_response, largest_body, parse_request
from trus.serving.open_inference.documents import (
    InferRequest,
    InferResponse,
    Live,
    ModelReady,
    ModelTensors,
    Ready,
    ServerMetadata,
    TensorMetadata,
    inlined_schema,
)
from trus.serving.open_inference.errors import ProtocolRoute, error_responses
from trus.serving.open_inference.graph import offered, run_graph
from trus.serving.problems import Problem
from trus.serving.service import Here, ServedModel, Service, held_of

HEADER = "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
PARSED = 10
"""Times its bytes that JSON of numbers takes while it is read: an object of 24 and a reference of 8 for `1.5,`."""

router = APIRouter(prefix="/v2", tags=["open inference"], route_class=ProtocolRoute)


@router.get("", summary="Server metadata", responses=error_responses())
async def server_metadata() -> ServerMetadata:
    """Name, version and extensions of the server."""
    return ServerMetadata(name="trus", version=__version__, extensions=["binary_tensor_data"])


@router.get("/health/live", summary="Server live", responses=error_responses())
async def server_live() -> Live:
    """200 as long as the server answers."""
    return Live(live=True)


@router.get("/health/ready", summary="Server ready", responses=error_responses())
async def server_ready(service: Here) -> Ready:
    """200 once all models are loaded and warm, 503 before and while the server stops."""
    service.check_ready()
    return Ready(live=True, ready=True)


@router.get("/models/{model}", summary="Model metadata", responses=error_responses(404))
async def model_metadata(service: Here, model: str) -> ModelTensors:
    """Names, types and shapes of a model's tensors."""
    return _describe(_served(service, model))


@router.get("/models/{model}/versions/{version}", summary="Version metadata", responses=error_responses(404))
async def version_metadata(service: Here, model: str, version: str) -> ModelTensors:
    """The same of a version."""
    return _describe(_served(service, model, version))


@router.get("/models/{model}/ready", summary="Model ready", responses=error_responses(404))
async def model_ready(service: Here, model: str) -> ModelReady:
    """200 when the model takes requests, 503 when it does not."""
    service.check_ready()
    return ModelReady(name=_served(service, model).name, ready=True)


@router.get("/models/{model}/versions/{version}/ready", summary="Version ready", responses=error_responses(404))
async def version_ready(service: Here, model: str, version: str) -> ModelReady:
    """The same of a version."""
    service.check_ready()
    return ModelReady(name=_served(service, model, version).name, ready=True)


_BODY = {
    "application/json": {"schema": inlined_schema(InferRequest)},
    BINARY: {"schema": {"type": "string", "format": "binary", "description": f"JSON of {HEADER} bytes, then tensors"}},
}
_LENGTH = {"schema": {"type": "integer", "minimum": 0}, "description": "Bytes of the JSON, where tensors follow it"}
_IN_REQUEST = {"name": HEADER, "in": "header", "required": False}
_INFER: dict[str, Any] = {
    "response_class": Response,
    "openapi_extra": {"requestBody": {"required": True, "content": _BODY}, "parameters": [_LENGTH | _IN_REQUEST]},
    "responses": {
        200: {
            "description": "The tensors asked for",
            "headers": {HEADER: _LENGTH},
            "content": {
                "application/json": {"schema": inlined_schema(InferResponse)},
                BINARY: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **error_responses(400, 404, 413, 415, 429, 504),
    },
}


@router.post("/models/{model}/infer", summary="Inference", **_INFER)
async def infer(service: Here, request: Request, model: str) -> Response:
    """Run the graph on preprocessed frames, at most 8, one by one."""
    return await _infer(service, _served(service, model), request)


@router.post("/models/{model}/versions/{version}/infer", summary="Inference with a version", **_INFER)
async def infer_version(service: Here, request: Request, model: str, version: str) -> Response:
    """The same with a version."""
    return await _infer(service, _served(service, model, version), request)


async def _infer(service: Service, served: ServedModel, request: Request) -> Response:
    shape, length = served.predictor.metadata.input_shape, _header_length(request)
    _check_form(request)
    served.engine.check_room()
    largest = min(largest_body(shape, length is not None), service.settings.max_bytes)
    body = await _read(request, largest, 1 if length is not None else PARSED)
    asked = await run_in_threadpool(parse_request, body, length, shape, offered(served.predictor))
    tensors = await served.engine.run(lambda predictor, cancelled: run_graph(predictor, asked, cancelled))
    answer, length = await run_in_threadpool(encode_response, served.name, _version(served), asked, tensors)
    held_of(request).take(len(answer))
    if length is None:
        return Response(answer, media_type="application/json")
    return Response(answer, media_type=BINARY, headers={HEADER: str(length)})


def _describe(served: ServedModel) -> ModelTensors:
    metadata = served.predictor.metadata
    _, height, width = metadata.input_shape
    planes = [-1, len(metadata.thresholds), height, width]
    return ModelTensors(
        name=served.name,
        versions=[_version(served)],
        platform="onnx_onnxruntime" if isinstance(served.predictor, OnnxPredictor) else "trus",
        inputs=[TensorMetadata(name="image", datatype="FP32", shape=[-1, *metadata.input_shape])],
        outputs=[TensorMetadata(name=name, datatype="FP32", shape=planes) for name in offered(served.predictor)],
    )


def _served(service: Service, model: str, version: str | None = None) -> ServedModel:
    served = service.model(model)
    if not isinstance(served.predictor, NetworkPredictor):
        raise Problem(404, "No tensors", "this model is an ensemble without tensors of its own", "no-tensors")
    if version not in (None, _version(served)):
        raise Problem(404, "No such version", f"the model's one version is {_version(served)}", "no-such-version")
    return served


def _version(served: ServedModel) -> str:
    return served.predictor.model_hash[:12]


def _header_length(request: Request) -> int | None:
    given = request.headers.get(HEADER)
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 12):
        raise ProtocolError(f"{HEADER}: must be a number of bytes")
    return None if given is None else int(given)


def _check_form(request: Request) -> None:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in _BODY:
        raise Problem(415, "Unsupported media type", f"use {' or '.join(_BODY)}", "media-type")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "Unsupported encoding", "the body must not be compressed", "content-encoding")


async def _read(request: Request, limit: int, weight: int) -> bytearray:
    """The body, each byte of which takes `weight` bytes of memory until it is answered."""
    body, held = bytearray(), held_of(request)
    async for piece in request.stream():
        held.take(weight * len(piece))
        body += piece
        if len(body) > limit:
            raise Problem(413, "Too large", f"at most {limit} bytes; send tensors as binary", "too-large")
    return body
