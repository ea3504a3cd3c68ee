"""Routes that fail in the protocol's own form, and how OpenAPI describes them."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from trus.errors import TrusError
from trus.serving.open_inference.documents import InferError
from trus.serving.problems import Problem, explain, problem_responses


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
                return _refusal(request, 400, explain(error.errors()), "protocol")

        return turned


def _refusal(
    request: Request, status: int, detail: str, kind: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer; notes for the counters why it was refused, as Problem.response does."""
    request.scope["problem"] = kind or "other"
    return JSONResponse({"error": detail}, status, headers)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These in the protocol's form, and what is answered before a route is reached as everywhere else."""
    described = problem_responses(*statuses)
    return described | {status: described[status] | {"model": InferError} for status in (*statuses, 503)}
