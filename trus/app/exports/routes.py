"""POST /app/api/exports/{format}."""

import asyncio
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from trus.app.application import Application, There, caller_of
from trus.app.exports.annotation import annotations
from trus.app.exports.dicom import segmentations
from trus.app.exports.download import Download
from trus.app.exports.going import Going, gather
from trus.app.exports.names import disposition
from trus.app.exports.pictures import masks, overlays
from trus.app.exports.request import MOST_BYTES, ExportOptions, read_request
from trus.app.exports.table import table
from trus.app.exports.training_set import download, save_into
from trus.serving.memory import Share
from trus.serving.problems import Problem
from trus.serving.service import held_of

router = APIRouter(prefix="/app/api/exports", include_in_schema=False)

Format = Literal["mask", "overlay", "coco", "labelme", "csv", "dicom-seg", "manifest"]


@router.post("/{form}")
async def post_export(form: Format, request: Request, there: There) -> Response:
    """The frames of the JSON body (`request.ExportRequest`) as one file, or into the folder of this computer."""
    held = held_of(request)
    asked = await asyncio.to_thread(read_request, await _body(request, held))
    into_folder = form == "manifest" and asked.options.folder
    if into_folder:
        there.check_local()
    with ExitStack() as files:
        pictures = _takes_pictures(form, asked.options)
        going = gather(asked.frames, there.service, there.studies, caller_of(request), files, pictures)
        if into_folder:
            assert there.save_folder is not None, "the application on this computer has one"
            return JSONResponse(asdict(await asyncio.to_thread(save_into, going, asked.options, there.save_folder)))
        made = await _made(form, going, asked.options, there)
    there.studies.drop_remakeable(len(made.content))
    held.take(len(made.content))
    return Response(made.content, media_type=made.media_type, headers={"Content-Disposition": disposition(made.name)})


async def _body(request: Request, held: Share) -> bytes:
    """The body, counted as it comes in. Raises Problem 413 and 429."""
    body = bytearray()
    async for piece in request.stream():
        if len(body) + len(piece) > MOST_BYTES:
            raise Problem(413, "Body too large", f"at most {MOST_BYTES} bytes; export fewer frames at a time", "body")
        held.take(len(piece))
        body += piece
    return bytes(body)


def _takes_pictures(form: Format, options: ExportOptions) -> bool:
    return form in ("overlay", "dicom-seg", "manifest") or (form in ("coco", "labelme") and options.pictures)


async def _made(form: Format, going: list[Going], options: ExportOptions, there: Application) -> Download:
    if form == "dicom-seg":
        return await segmentations(going, there.service.decoder)
    makers: dict[str, Any] = {
        "mask": lambda: masks(going),
        "overlay": lambda: overlays(going),
        "csv": lambda: table(going),
        "coco": lambda: annotations(going, options, "coco"),
        "labelme": lambda: annotations(going, options, "labelme"),
        "manifest": lambda: download(going, options),
    }
    return await asyncio.to_thread(makers[form])
