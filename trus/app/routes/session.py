"""GET /app/api/session: what the pages need to know at their start."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from trus import __version__
from trus.app.application import There
from trus.app.described import describe_found, describe_model
from trus.inference.metadata import STATEMENT

router = APIRouter(prefix="/app/api", include_in_schema=False)


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


@router.post("/leave")
async def leave() -> Response:
    """A page says that it is being closed. Its studies stay for other tabs, and until they are idle for too long."""
    return Response(status_code=204)
