"""Routes that fail in the protocol's own form, and how OpenAPI describes them."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from trus.errors import TrusError
from trus.serving.open_inference.documents import InferError
from trus.serving.problems import Problem, problem_responses


class ProtocolRoute(APIRoute):
    """A route whose errors have the protocol's form, {"error": text}."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors turned."""
        handler = super().get_route_handler()

        async def turned(request: Request) -> Response:
            try:
                return await handler(request)
            except Problem as problem:
                return _refusal(request, problem.status, problem.detail, problem.kind, problem.headers)
            except TrusError as error:
                return _refusal(request, 400, str(error), "protocol")
            except RequestValidationError as error:
                return _refusal(request, 400, "; ".join(_explain(each) for each in error.errors()), "protocol")

        return turned


def _refusal(
    request: Request, status: int, detail: str, kind: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer; notes for the counters why it was refused, as Problem.response does."""
    request.scope["problem"] = kind or "other"
    return JSONResponse({"error": detail}, status, headers)


def _explain(problem: dict[str, Any]) -> str:
    return f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}"


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These in the protocol's form, and what is answered before a route is reached as everywhere else."""
    described = problem_responses(*statuses)
    return described | {status: described[status] | {"model": InferError} for status in (*statuses, 503)}


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
