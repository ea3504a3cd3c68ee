"""/v1/jobs: clips and batches, segmented a frame at a time while single requests go on."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from trus.serving.decoding.decoder import READABLE
from trus.serving.jobs.documents import (
    JobDocument,
    JobList,
    JobResult,
    describe_job,
    offered,
    render,
)
from trus.serving.jobs.job import Job, JobFile
from trus.serving.jobs.store import JobLimits
from trus.serving.memory import Share
from trus.serving.problems import Problem, problem_responses
from trus.serving.requests.accept import DICOM, ZIP, preferred
from trus.serving.requests.multipart import RAW, read_form
from trus.serving.requests.options import decide_how, read_options
from trus.serving.routes.segment_openapi import OPTIONS
from trus.serving.service import Here, held_of

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


def get_caller(request: Request) -> str:
    """Digest of the caller's token, empty where none is asked for."""
    return request.scope.get("caller", "")


def get_job(job_id: str, service: Here, caller: Annotated[str, Depends(get_caller)]) -> Job:
    """The job of the path. Raises Problem 404 and 410."""
    return service.jobs.find(job_id, caller)


Caller = Annotated[str, Depends(get_caller)]
Found = Annotated[Job, Depends(get_job)]
_BY_ID = {
    name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}}
    for name in ("get_job", "get_job_result", "delete_job")
}


_FILE = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": JobLimits.files, "description": READABLE}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": _FILES, **OPTIONS}}
_BODY = {"multipart/form-data": {"schema": _FORM}, **{kind: {"schema": _FILE} for kind in RAW}}


@router.post(
    "",
    status_code=202,
    operation_id="create_job",
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    responses=problem_responses(404, 413, 415, 422)
    | {202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Of the job"}}, "links": _BY_ID}},
)
async def create_job(request: Request, response: Response, service: Here, caller: Caller) -> JobDocument:
    """Take files to be segmented, with all their frames or those that `frames` names; returns before they are done.

    A file that cannot be read fails alone. Results are kept in memory for 15 minutes after the job's end. A server that
    stops cancels its jobs.
    """
    with service.jobs.incoming():
        form = await read_form(request, service.jobs.memory, service.jobs.limits.files)
    try:
        form.one_file()
        options = read_options(form.fields)
        model = service.model(options.model)
        files = [JobFile(upload, Share(service.jobs.memory)) for upload in form.files]
        job = Job(caller, model, options, decide_how(model.predictor, options), files)
        options.numbers(service.settings.max_frames)
        service.jobs.add(job)
    except BaseException:
        form.close()
        raise
    response.headers["Location"] = request.url_for("get_job_progress", job_id=job.id).path
    return describe_job(job)


@router.get("", operation_id="list_jobs", responses=problem_responses())
async def list_jobs(service: Here, caller: Caller) -> JobList:
    """The jobs of this token."""
    return JobList(jobs=[describe_job(job) for job in service.jobs.of(caller)])


@router.get("/{job_id}", operation_id="get_job", responses=problem_responses(404, 410))
async def get_job_progress(job: Found) -> JobDocument:
    """How far it is."""
    return describe_job(job)


_RESULT: dict[str, Any] = {
    "description": "All frames; as ZIP, PNG masks and the same JSON; as DICOM SEG for one DICOM file",
    "model": JobResult,
    "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in (ZIP, DICOM)},
}


@router.get(
    "/{job_id}/result",
    operation_id="get_job_result",
    response_class=Response,
    responses=problem_responses(404, 406, 409, 410) | {200: _RESULT},
)
async def get_result(request: Request, job: Found) -> Response:
    """What came out, in the form that the header Accept asks for: JSON, ZIP or DICOM."""
    if not job.state.ended:
        detail = f"the job is {job.state}; ask for its progress, and again for the result when it has ended"
        raise Problem(409, "Not done yet", detail, "not-done", {"Retry-After": "1"})
    if job.problem is not None:
        raise Problem(409, f"The job is {job.state}", job.problem.detail, str(job.state))
    media_type = preferred(request.headers.get("accept"), *offered(job))
    held_of(request).take(job.result_bytes)
    return Response(await run_in_threadpool(render, job, media_type), media_type=media_type)


@router.delete("/{job_id}", operation_id="delete_job", status_code=204, responses=problem_responses(404, 410))
async def delete_job(service: Here, job: Found) -> None:
    """Cancel it, where it has not ended, and forget all of it."""
    service.jobs.forget(job)
