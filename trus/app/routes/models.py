"""POST /app/api/models: load a model file, one that was found or one that the user drops into the page."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from trus.app.application import Application, There
from trus.app.described import describe_model
from trus.app.incoming import read_file, read_small
from trus.errors import ModelFileError
from trus.inference.predictor import OnnxPredictor
from trus.serving.problems import Problem
from trus.serving.service import ServedModel

router = APIRouter(prefix="/app/api", include_in_schema=False)

MOST_MODELS = 8
_CHOICE_BYTES = 1024


class Choice(BaseModel):
    """One of the found model files."""

    id: str


@router.post("/models")
async def post_model(request: Request, there: There) -> dict[str, Any]:
    """Load and warm a model: JSON {"id"} of a found file, or the file itself. One that is loaded already is named."""
    there.check_local()
    there.service.check_ready()
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        path = await _chosen(await read_small(request, _CHOICE_BYTES), there)
        return describe_model(await _load(path, there))
    with await read_file(request, there.service.memory) as upload:
        return describe_model(await _load(Path(f"/proc/self/fd/{upload.fileno()}"), there))


async def _load(path: Path, there: Application) -> ServedModel:
    service = there.service
    try:
        predictor = await asyncio.to_thread(OnnxPredictor, path, service.settings.threads)
        digest = await asyncio.to_thread(lambda: predictor.model_hash)
        for model in service.models.values():
            if model.predictor.model_hash == digest:
                return model
        if len(service.models) >= MOST_MODELS:
            detail = f"{MOST_MODELS} models are loaded, which is as many as are held; start trus app anew for others"
            raise Problem(409, "Too many models", detail, "too-many-models")
        return await service.add(predictor)
    except ModelFileError as error:
        raise _refused(error, path) from None


async def _chosen(content: bytes, there: Application) -> Path:
    try:
        choice = Choice.model_validate_json(content)
    except ValidationError:
        raise _not_chosen() from None
    found = await asyncio.to_thread(there.found.find, choice.id)
    if found is None:
        raise Problem(404, "No such model file", "that file is not there any more; look again", "no-such-model")
    return found.path


def _refused(error: ModelFileError, path: Path) -> Problem:
    detail = str(error).replace(f"{path}: ", "the file: ").replace(str(path), "the file")
    return Problem(422, "Not a model file", detail, "model-file")


def _not_chosen() -> Problem:
    return Problem(422, "Parameters do not fit", 'send {"id": ...} of a found model, or the file itself', "parameters")
