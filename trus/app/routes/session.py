"""GET /app/api/session: what the pages need to know at their start."""

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from trus import __version__
from trus.app.application import There, caller_of
from trus.app.described import describe_found, describe_model
from trus.app.incoming import read_small
from trus.inference.metadata import STATEMENT
from trus.serving.problems import Problem

router = APIRouter(prefix="/app/api", include_in_schema=False)

_LEAVING_BYTES = 64 * 1024


@router.get("/session")
async def get_session(there: There) -> dict[str, Any]:
    """Version, limits, models that are loaded, and model files that can be."""
    service = there.service
    service.check_ready()
    limits = service.settings
    found = await asyncio.to_thread(there.found.look) if there.local else []
    return {
        "version": __version__,
        "statement": STATEMENT,
        "local": there.local,
        "limits": {
            "max_bytes": limits.max_bytes,
            "max_pixels": limits.max_pixels,
            "max_frames": limits.max_frames,
        },
        "models": [describe_model(model) for model in service.models.values()],
        "default_model": next(iter(service.models), None),
        "found": [describe_found(model) for model in found],
        "save_folder": str(there.save_folder) if there.local and there.save_folder else None,
    }


@router.delete("/session")
async def end_session(request: Request, there: There) -> Response:
    """Log this browser out: what it had open is forgotten."""
    there.studies.forget_all(caller_of(request))
    there.login.leave(caller_of(request))
    return Response(status_code=204)


class Leaving(BaseModel):
    """What a page that is being closed had open."""

    studies: list[str] = []


@router.post("/leave")
async def leave(request: Request, there: There) -> Response:
    """A page says that it is being closed: its studies, and only its own, are forgotten."""
    try:
        leaving = Leaving.model_validate_json(await read_small(request, _LEAVING_BYTES) or b"{}")
    except ValidationError:
        raise Problem(422, "Parameters do not fit", 'send {"studies": [...]}', "parameters") from None
    for study_id in leaving.studies:
        with suppress(Problem):  # it is gone already
            there.studies.forget(study_id, caller_of(request))
    return Response(status_code=204)
