"""What is told of a job: its progress, and its results as JSON, as a ZIP of masks, as DICOM SEG."""

from datetime import datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from trus import __version__
from trus.inference.metadata import STATEMENT
from trus.serving.answers.document import AnsweringModel, Frame
from trus.serving.jobs.job import Job, JobFile, State
from trus.serving.problems import Problem
from trus.serving.requests.accept import DICOM, JSON, ZIP

_EXAMPLE: JsonDict = {
    "id": "mJ0n1r8c5y2Vb7Qe4tXwZk3a",
    "state": "running",
    "model": "tiny",
    "frames_done": 26,
    "frames_total": 65,
    "eta_s": 9.4,
    "created": "2026-11-23T14:05:09Z",
    "finished": None,
    "expires": None,
    "error": None,
    "files": [{"file": 0, "state": "running", "frames_done": 26, "frames_total": 65, "error": None}],
}


class JobError(BaseModel):
    """Why a job or one of its files has no result."""

    status: int = Field(description="As /v1/segment would have answered")
    title: str
    detail: str


class JobFileDocument(BaseModel):
    """How far one file is."""

    file: int = Field(description="Number in the request, from 0")
    state: State
    frames_done: int
    frames_total: int | None = Field(description="Frames to segment; null until that is known")
    error: JobError | None


class JobDocument(BaseModel):
    """How far a job is. `finished`: at least one file has a result; `failed`: none has."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: str
    state: State
    model: str
    frames_done: int
    frames_total: int | None = Field(description="null until it is known of all files")
    eta_s: float | None = Field(description="Seconds to the end at the pace so far")
    created: datetime
    finished: datetime | None
    expires: datetime | None = Field(description="When the result is dropped")
    error: JobError | None
    files: list[JobFileDocument]


class JobList(BaseModel):
    """The caller's jobs, oldest first."""

    jobs: list[JobDocument]


class JobFileResult(BaseModel):
    """What came of one file. `frames` are those that were done, of a failed file too."""

    file: int = Field(description="Number in the request, from 0")
    kind: str | None = Field(description="null where the file could not be opened")
    frames_held: int | None = Field(description="Frames of the file; null where a clip does not say")
    error: JobError | None
    frames: list[Frame]


class JobResult(BaseModel):
    """All frames of a job."""

    statement: str = STATEMENT
    trus_version: str = __version__
    id: str
    model: AnsweringModel
    files: list[JobFileResult]


def describe_job(job: Job) -> JobDocument:
    """The job's document."""
    files = [
        JobFileDocument(
            file=number,
            state=file.state,
            frames_done=len(file.numbers),
            frames_total=file.frames_total,
            error=_error(file.problem),
        )
        for number, file in enumerate(job.files)
    ]
    return JobDocument(
        id=job.id,
        state=job.state,
        model=job.model.name,
        frames_done=job.frames_done,
        frames_total=job.frames_total,
        eta_s=job.eta_s,
        created=job.created,
        finished=job.finished,
        expires=job.expires,
        error=_error(job.problem),
        files=files,
    )


def offered(job: Job) -> tuple[list[str], str]:
    """Media types of a job's result, and why there is no DICOM SEG."""
    if len(job.files) != 1:
        return [JSON, ZIP], "application/dicom is for jobs with one DICOM file"
    file = job.files[0]
    if file.segmentation is not None:
        return [JSON, ZIP, DICOM], ""
    if file.segmentation_problem is not None:
        return [JSON, ZIP], file.segmentation_problem.detail
    return [JSON, ZIP], "application/dicom needs a DICOM file that was segmented"


def render(job: Job, media_type: str) -> bytes:
    """The result of a job that ended, as one of the types offered."""
    if media_type == JSON:
        return _as_json(job)
    if media_type == ZIP:
        return _as_zip(job)
    content = job.files[0].segmentation
    assert content is not None  # or it would not be offered
    return content


def _as_json(job: Job) -> bytes:
    """The frames' documents are JSON already, so that only what is around them is made."""
    predictor = job.model.predictor
    model = AnsweringModel(name=job.model.name, sha256=predictor.model_hash)
    head = JobResult(id=job.id, model=model, files=[]).model_dump_json().encode()
    files = b",".join(_file_as_json(number, file) for number, file in enumerate(job.files))
    return head.removesuffix(b"[]}") + b"[" + files + b"]}"


def _file_as_json(number: int, file: JobFile) -> bytes:
    result = JobFileResult(
        file=number, kind=file.kind, frames_held=file.frames_held, error=_error(file.problem), frames=[]
    )
    head = result.model_dump_json().encode()
    return head.removesuffix(b"[]}") + b"[" + b",".join(file.documents) + b"]}"


def _as_zip(job: Job) -> bytes:
    """result.json and masks/fileFFF_frameNNNN.png; numbers as in the JSON."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        archive.writestr("result.json", _as_json(job), ZIP_DEFLATED)
        for place, file in enumerate(job.files):
            for number, mask in zip(file.numbers, file.masks, strict=True):
                archive.writestr(f"masks/file{place:03}_frame{number:04}.png", mask)
    return buffer.getvalue()


def _error(problem: Problem | None) -> JobError | None:
    return None if problem is None else JobError(status=problem.status, title=problem.title, detail=problem.detail)
