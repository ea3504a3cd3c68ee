"""Errors of the web API as RFC 9457 problem documents."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the RFC's word
    """What is answered instead of a result.

    `kind` is a short word for programs (type urn:trus:problem:KIND; empty: about:blank), `title` says what is wrong in
    general, `detail` what of this request and the way out. Neither may hold anything of the request's content: no file
    name, tag or pixel.
    """

    def __init__(self, status: int, title: str, detail: str, kind: str, headers: Mapping[str, str] | None = None):
        super().__init__(f"{status} {title}")
        self.status, self.title, self.detail, self.kind = status, title, detail, kind
        self.headers = dict(headers or {})

    def response(self, scope: Scope) -> JSONResponse:
        """The answer to that request; notes in its scope, for the counters, why it was refused."""
        scope["problem"] = self.kind or "other"
        return JSONResponse(self.document(scope["request_id"]), self.status, self.headers, MEDIA_TYPE)

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem document of the request with this id."""
        return {
            "type": f"urn:trus:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:trus:request:{request_id}",
        }


def shutting_down() -> Problem:
    """Problem 503 of a service that drains."""
    detail = "the service is shutting down; ask again in 5 s"
    return Problem(503, "Shutting down", detail, "draining", {"Retry-After": "5"})


def timed_out(limit: float) -> Problem:
    """Problem 504 of a request that took longer than `limit` seconds."""
    detail = f"no result within {limit:g} s; send fewer frames, or a job (/v1/jobs)"
    return Problem(504, "Timed out", detail, "timeout")


def explain(errors: Sequence[Any]) -> str:
    """What pydantic found wrong: where, never what was given there."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the request'}: {each['msg']}" for each in errors[:5])


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="urn:trus:problem:KIND, or about:blank where the status says it all")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request, and the way out")
    instance: str = Field(description="The request's id, as in the header X-Request-Id and in the service's log")


_MEANINGS = {
    400: "The request is malformed.",
    401: "A token is missing or wrong.",
    403: "Asked by a page of another site.",
    404: "There is no such thing here.",
    405: "Not with this method.",
    406: "No offered media type is among those accepted.",
    408: "The request arrived too slowly.",
    409: "Not in this state.",
    410: "It was here, and is gone.",
    413: "The body, a frame or the number of frames is over a limit of this service.",
    415: "The upload is of no kind that this service reads.",
    421: "Asked under a name that this service does not answer to.",
    422: "The request is well-formed but cannot be done.",
    429: "Too much to do; the header Retry-After says when to ask again.",
    431: "The request's header is too long.",
    500: "A fault of the service.",
    503: "Loading, or shutting down.",
    504: "It took longer than this service's time-out.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: these statuses, and those that every route can answer."""
    return {status: _described(status) for status in sorted({*statuses, 400, 401, 403, 408, 421, 429, 431, 500, 503})}


def _described(status: int) -> dict[str, Any]:
    example = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _MEANINGS[status],
        "instance": "urn:trus:request:5f0c6b1d2a3e4f50",
    }
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}
