"""JSON of the Open Inference Protocol v2 and of its binary tensor data extension."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

OutputName = Literal["probabilities", "logits"]
Dimension = Annotated[int, Field(ge=1, le=2**31)]


class TensorParameters(BaseModel):
    """What the binary tensor data extension says of a tensor."""

    binary_data_size: int | None = Field(default=None, ge=0, description="Bytes of this tensor after the JSON")


class RequestInput(BaseModel):
    """The input tensor: a batch of preprocessed frames."""

    name: Literal["image"]
    shape: list[Dimension] = Field(min_length=4, max_length=4, description="N, C, H, W")
    datatype: Literal["FP32"]
    parameters: TensorParameters = TensorParameters()
    data: list[Any] | None = Field(default=None, description="Numbers, nested or flat in row-major order")


class OutputParameters(BaseModel):
    """What the binary tensor data extension asks of an output."""

    binary_data: bool | None = Field(default=None, description="As bytes after the JSON in place of numbers in it")


class RequestOutput(BaseModel):
    """An output that is asked for."""

    name: OutputName
    parameters: OutputParameters = OutputParameters()


class RequestParameters(BaseModel):
    """What the binary tensor data extension asks of all outputs."""

    binary_data_output: bool = False


class InferRequest(BaseModel):
    """An inference request's JSON."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "42",
                "inputs": [{"name": "image", "shape": [1, 1, 2, 2], "datatype": "FP32", "data": [0.0, 0.5, 1.0, 0.25]}],
                "outputs": [{"name": "probabilities"}],
            }
        }
    )

    id: str | None = Field(default=None, max_length=256)
    parameters: RequestParameters = RequestParameters()
    inputs: list[RequestInput] = Field(min_length=1, max_length=1)
    outputs: list[RequestOutput] | None = Field(
        default=None, min_length=1, max_length=2, description="All that the model has, where left out"
    )


class ResponseOutput(BaseModel):
    """An output tensor; without `data` where it follows the JSON as bytes."""

    name: OutputName
    shape: list[int] = Field(description="N, K, H, W")
    datatype: Literal["FP32"] = "FP32"
    parameters: TensorParameters | None = None
    data: list[float] | None = Field(default=None, description="Flat, in row-major order")


class InferResponse(BaseModel):
    """An inference response's JSON."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResponseOutput]


class InferError(BaseModel):
    """The protocol's form of an error."""

    error: str


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """Whether the server runs."""

    live: bool


class Ready(BaseModel):
    """Whether the server takes requests."""

    live: bool
    ready: bool


class ModelReady(BaseModel):
    """Whether a model takes requests."""

    name: str
    ready: bool


class TensorMetadata(BaseModel):
    """A tensor of the graph."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1: any size")


class ModelTensors(BaseModel):
    """A model's tensors. Its one version is the first 12 hex digits of the model file's SHA-256."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema without $defs: a part of an OpenAPI document cannot refer to its own."""
    schema = model.model_json_schema()
    return _inlined(schema, schema.get("$defs", {}))


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(part, definitions) for key, part in schema.items() if key != "$defs"}
