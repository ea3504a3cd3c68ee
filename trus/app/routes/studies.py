"""/app/api/studies: files that the pages open."""

from typing import Any

from fastapi import APIRouter, Request, Response

from trus.app.application import There, caller_of
from trus.app.incoming import declared_size, read_file
from trus.app.studies.store import Study

router = APIRouter(prefix="/app/api", include_in_schema=False)


@router.post("/studies", status_code=201)
async def post_study(request: Request, there: There) -> dict[str, Any]:
    """Open one file, which is the body. It is held in memory until it is deleted, or nobody asks for half an hour."""
    there.service.check_ready()
    there.studies.make_room(declared_size(request))
    upload = await read_file(request, there.studies.memory)
    return _describe(await there.studies.add(upload, caller_of(request)))


@router.get("/studies/{study_id}")
async def get_study(study_id: str, request: Request, there: There) -> dict[str, Any]:
    """A file that was opened before."""
    with there.studies.using(study_id, caller_of(request)) as study:
        return _describe(study)


@router.delete("/studies/{study_id}", status_code=204)
async def delete_study(study_id: str, request: Request, there: There) -> Response:
    """Forget a file and all that was made of it."""
    there.studies.forget(study_id, caller_of(request))
    return Response(status_code=204)


def _describe(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "kind": study.kind,
        "frames": study.frames,
        "size": study.size,
        "spacing": study.spacing,
        "spacing_note": study.spacing_note,
        "regions": [
            {"box": region.box, "spacing": region.spacing, "spacing_note": region.spacing_note}
            for region in study.regions
        ],
        "sha256": study.sha256,
    }
