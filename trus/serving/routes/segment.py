"""POST /v1/segment: one upload, answered at once."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, Request, Response

from trus.data.intake.settings import progressions
from trus.serving.answers.document import (
    AnsweringModel,
    Frame,
    FrameTimings,
    Segmentation,
    describe_frame,
    milliseconds,
)
from trus.serving.answers.mask import encode_mask
from trus.serving.decoding.decoder import DecodedFrame, Opened
from trus.serving.engine import Work
from trus.serving.problems import Problem, problem_responses, timed_out
from trus.serving.requests.accept import DICOM, JSON, PNG, preferred
from trus.serving.requests.multipart import read_form
from trus.serving.requests.options import Decision, Options, decide_how, no_such_frame, read_options, too_many_frames
from trus.serving.routes.segment_openapi import REQUEST_BODY, RESPONSES
from trus.serving.segmentation import Segmented, check_seg_size, origin_of, segment_frame
from trus.serving.service import Here, ServedModel, Service, held_of

router = APIRouter(prefix="/v1", tags=["segmentation"])
T = TypeVar("T")

FRAMES_AT_ONCE = 32
"""More frames of one file than this are a job."""


@router.post(
    "/segment",
    response_class=Response,
    responses=RESPONSES | problem_responses(404, 406, 413, 415, 422, 504),
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def segment(request: Request, service: Here) -> Response:
    """Segment one file and answer as the header Accept prefers: a JSON document, a PNG mask or a DICOM SEG.

    Send it as the part `file` of a form, with options as further parts; or as the body itself, with options in the
    query string. Research use only.
    """
    accept = request.headers.get("accept")
    preferred(accept, (JSON, PNG, DICOM))
    with await read_form(request, service.memory) as form:
        options = read_options(form.fields)
        model = service.model(options.model)
        decision = decide_how(model.predictor, options)
        started = time.perf_counter()
        with model.engine.place(), await service.decoder.open(form.one_file()) as opened:
            task = _Task(request, service, model, options, decision, opened, started)
            try:
                async with asyncio.timeout(service.settings.timeout_s):
                    return await task.answer(accept)
            except TimeoutError:
                raise timed_out(service.settings.timeout_s) from None


@dataclass
class _Task:
    """One request on its way to its answer."""

    request: Request
    service: Service
    model: ServedModel
    options: Options
    decision: Decision
    opened: Opened
    started: float
    decode_ms: float = 0.0
    segment_ms: float = 0.0
    encode_ms: float = 0.0

    async def answer(self, accept: str | None) -> Response:
        offered, why_not = ((JSON, PNG, DICOM), "") if self.opened.kind == "dicom" else ((JSON, PNG), _ONLY_DICOM)
        wanted = preferred(accept, offered, why_not)
        if wanted == JSON:
            return await self._document()
        return await (self._mask() if wanted == PNG else self._dicom())

    async def _document(self) -> Response:
        frames: list[Frame] = []
        async with aclosing(self._each(self._numbers(FRAMES_AT_ONCE))) as found:
            async for one in found:
                timings = FrameTimings(decode=self.decode_ms, segment=self.segment_ms, encode=0)
                frames.append(await self._encoded(describe_frame, one, timings))
                timings.encode = self.encode_ms
        document = Segmentation(
            model=AnsweringModel(name=self.model.name, sha256=self.model.predictor.model_hash),
            kind=self.opened.kind,
            frames_held=self.opened.frames_held,
            frames=frames,
        )
        return self._response(await asyncio.to_thread(lambda: document.model_dump_json().encode()), JSON)

    async def _mask(self) -> Response:
        numbers = self.options.numbers(FRAMES_AT_ONCE, self.opened.frames_held) or [0]
        if len(numbers) > 1:
            detail = "a PNG holds one frame: choose it (frames=0), or ask for application/json"
            raise Problem(422, "One frame only", detail, "one-frame-only")
        async with aclosing(self._each(numbers)) as found:
            content = [await self._encoded(encode_mask, one.labels) async for one in found]
        return self._response(content[0], PNG)

    async def _dicom(self) -> Response:
        numbers = self._numbers(FRAMES_AT_ONCE)
        check_seg_size(len(numbers), self.opened.size)
        labels = np.empty((len(numbers), *self.opened.size), np.uint8)
        held_of(self.request).take(labels.nbytes)
        async with aclosing(self._each(numbers)) as found:
            done = 0
            async for one in found:
                labels[done], done = one.labels, done + 1
        about = origin_of(self.model.name, self.model.predictor, self.decision)
        return self._response(await self.opened.segmentation(numbers[:done], labels[:done], about), DICOM)

    def _numbers(self, most: int) -> list[int]:
        """The frames asked for, else all. Raises Problem 422 where they are more than `most` or are not there."""
        held = self.opened.frames_held
        numbers = self.options.numbers(most, held)
        if numbers is not None:
            return numbers
        if held is None or held > most:
            raise too_many_frames(f"the file holds {held or 'an unknown number of'} frames", most)
        return [*range(held)]

    async def _each(self, numbers: list[int]) -> AsyncGenerator[Segmented, None]:
        """The frames' results in order. Raises Problem 422 where a clip ends before the last that was asked for."""
        missing = {*numbers}
        for wanted in progressions(numbers):
            async with aclosing(self.opened.frames(wanted)) as frames:
                async for frame in frames:
                    missing.discard(frame.number)
                    yield await self._one(frame)
                    self.started = time.perf_counter()
        if missing and self.options.frames is not None:
            raise no_such_frame()

    async def _one(self, frame: DecodedFrame) -> Segmented:
        decoded = time.perf_counter()
        found, self.segment_ms = await self._in_turn(
            lambda predictor, _: _timed(lambda: segment_frame(predictor, frame, self.decision, self.options))
        )
        self.decode_ms = milliseconds(decoded - self.started)
        self.service.metrics.frames.labels(self.model.name).inc()
        return found

    async def _in_turn(self, work: Work[T]) -> T:
        """Further frames of a file wait where the queue is full: what is half done is not refused."""
        engine = self.model.engine
        while True:
            try:
                return await engine.run(work)
            except Problem as problem:
                if problem.status != 429 or not self.segment_ms:
                    raise
            await asyncio.sleep(max(0.02, engine.mean_seconds))

    async def _encoded(self, encode: Any, *arguments: Any) -> Any:
        found, self.encode_ms = await asyncio.to_thread(_timed, lambda: encode(*arguments))
        return found

    def _response(self, content: bytes, media_type: str) -> Response:
        held_of(self.request).take(len(content))
        headers = {
            "Trus-Model": self.model.name,
            "Trus-Model-Sha256": self.model.predictor.model_hash,
            "Server-Timing": f"decode;dur={self.decode_ms}, segment;dur={self.segment_ms}, encode;dur={self.encode_ms}",
            "Vary": "Accept",
        }
        return Response(content, media_type=media_type, headers=headers)


_ONLY_DICOM = "application/dicom answers DICOM uploads only"


def _timed(work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), milliseconds(time.perf_counter() - started)
