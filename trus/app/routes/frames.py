"""/app/api/studies/ID/frames/N: a frame's picture, what the network sees of it, and its result."""

import asyncio
import gzip
import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from trus.app.application import Application, There, caller_of
from trus.app.confidence import confidence_of, frame_warnings
from trus.app.pictures import frame_png, preprocessed_png
from trus.app.regions import within_sector
from trus.app.results import MEDIA_TYPE, pack_result
from trus.app.studies.reading import ReadFrame
from trus.app.studies.store import Study
from trus.inference.predictor import Predictor
from trus.serving.answers.document import milliseconds
from trus.serving.problems import timed_out
from trus.serving.requests.options import Options, decide_how, read_options
from trus.serving.segmentation import Segmented, choose_boxes, segment_frame
from trus.serving.service import ServedModel, held_of

router = APIRouter(prefix="/app/api/studies/{study_id}/frames/{number}", include_in_schema=False)

PNG = "image/png"


@router.get("")
async def get_frame(study_id: str, number: int, request: Request, there: There) -> Response:
    """The picture as it was decoded, 8 bits."""
    with there.studies.using(study_id, caller_of(request)) as study:
        read = await _in_time(study.frame(number), there)
        content, (low, high) = await asyncio.to_thread(frame_png, read.frame.image)
    held_of(request).take(len(content))
    return Response(content, media_type=PNG, headers={"Trus-Range": f"{low},{high}"})


@router.get("/preprocessed")
async def get_preprocessed(
    study_id: str, number: int, request: Request, there: There, model: str | None = None, region: str = "auto"
) -> Response:
    """What the network of that model sees, in the frame's own size; 0 outside the region."""
    served, options = there.service.model(model), read_options({"region": region})
    with there.studies.using(study_id, caller_of(request)) as study:
        read = await _in_time(study.frame(number), there)
        options, _ = within_sector(study, served.predictor, options)
        boxes, _ = choose_boxes(served.predictor, read.frame, options)
        content = await asyncio.to_thread(preprocessed_png, served.predictor, read.frame, boxes)
    held_of(request).take(len(content))
    return Response(content, media_type=PNG)


@router.get("/result")
async def get_result(
    study_id: str, number: int, request: Request, there: There, model: str | None = None, region: str = "auto"
) -> Response:
    """Probabilities and the model's own mask, as `results.pack_result` writes them."""
    there.service.check_ready()
    served, options = there.service.model(model), read_options({"region": region})
    with there.studies.using(study_id, caller_of(request)) as study:
        key = (number, served.predictor.model_hash, region)
        packed = there.studies.results.get(study.id, key)
        if packed is None:
            packed = await _in_time(_segment(study, number, served, options), there)
            there.service.metrics.frames.labels(served.name).inc()
            if study.is_held:
                there.studies.results.put(study.id, key, packed, len(packed))
    held_of(request).take(len(packed))
    if there.local or "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=MEDIA_TYPE)
    small = await asyncio.to_thread(gzip.compress, packed, 1)  # over loopback that takes longer than it saves
    return Response(small, media_type=MEDIA_TYPE, headers={"content-encoding": "gzip", "vary": "accept-encoding"})


async def _segment(study: Study, number: int, served: ServedModel, options: Options) -> bytes:
    with served.engine.place():
        read = await study.frame(number)
        decision = decide_how(served.predictor, options)
        options, notes = within_sector(study, served.predictor, options)

        def work(predictor: Predictor, _cancelled: object) -> tuple[Segmented, float]:
            started = time.perf_counter()
            return segment_frame(predictor, read.frame, decision, options), milliseconds(time.perf_counter() - started)

        found, segment_ms = await served.engine.run(work)
    found = replace(found, notes=(*found.notes, *notes))
    return await asyncio.to_thread(_pack, served, read, found, segment_ms)


def _pack(served: ServedModel, read: ReadFrame, found: Segmented, segment_ms: float) -> bytes:
    decision, classes = found.decision, found.decision.classes
    confidences = confidence_of(classes.planes(found.labels), found.probabilities)
    targets = [
        {
            "name": name,
            "value": classes.values[name],
            "threshold": threshold,
            "mean_probability": confidence.mean_probability,
            "uncertain_share": confidence.uncertain_share,
        }
        for name, threshold, confidence in zip(classes.targets, decision.thresholds, confidences, strict=True)
    ]
    document: dict[str, Any] = {
        "model": served.name,
        "sha256": served.predictor.model_hash,
        "size": found.labels.shape,
        "targets": targets,
        "contains": {outer: sorted(classes.inside(outer)) for outer in classes.contains},
        "boxes": found.boxes,
        "notes": found.notes,
        "warnings": frame_warnings(read.frame.image, found.boxes, served.predictor.metadata),
        "timings_ms": {"decode": read.decode_ms, "segment": segment_ms},
    }
    return pack_result(document, found)


async def _in_time(work: Any, there: Application) -> Any:
    """Raises Problem 504 beyond the service's time-out."""
    limit = there.service.settings.timeout_s
    try:
        async with asyncio.timeout(limit):
            return await work
    except TimeoutError:
        raise timed_out(limit) from None
