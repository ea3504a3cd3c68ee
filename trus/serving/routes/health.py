"""/healthz, /readyz, /metrics and /openapi.json."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from trus.serving.metrics import MEDIA_TYPE
from trus.serving.problems import problem_responses
from trus.serving.service import Here

router = APIRouter(tags=["health"])


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Every model is loaded and warmed, and the service takes work."""

    status: Literal["ready"] = "ready"


@router.get("/healthz", summary="Alive", responses=problem_responses())
async def healthz() -> Liveness:
    """Whether the process answers; says nothing of the models. Needs no token."""
    return Liveness()


@router.get("/readyz", summary="Ready", responses=problem_responses(503))
async def readyz(service: Here) -> Readiness:
    """Whether work is taken: 503 while models load and while the service shuts down. Needs no token."""
    service.check_ready()
    return Readiness()


_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}


@router.get("/metrics", summary="Metrics", response_class=Response, responses=_TEXT | problem_responses())
async def metrics(service: Here) -> Response:
    """Counters in Prometheus' text format."""
    return Response(service.metrics.text(), media_type=MEDIA_TYPE)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())
