"""DICOM SEG, of frames of DICOM files."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from trus import __version__
from trus.app.exports.download import Download, zipped
from trus.app.exports.going import Going
from trus.app.exports.request import wrong
from trus.inference.metadata import STATEMENT
from trus.serving.decoding.decoder import Decoder
from trus.serving.segmentation import check_seg_size

DICOM = "application/dicom"


async def segmentations(going: Sequence[Going], decoder: Decoder) -> Download:
    """One SEG a file and model, of the frames that were asked for; an archive where they are several.

    Patient, study and names are those of the DICOM file. Raises Problem 422 for other files and frames given twice, 413
    for too many frames.
    """
    groups: dict[tuple[str, str, str], list[Going]] = {}
    for frame in going:
        groups.setdefault(_group(frame), []).append(frame)
    files = [(f"{frames[0].stem}_seg.dcm", await _segmentation(frames, decoder)) for frames in groups.values()]
    if len(files) == 1:
        return Download(files[0][0], DICOM, files[0][1])
    return await asyncio.to_thread(zipped, "trus-dicom-seg.zip", files)


def _group(frame: Going) -> tuple[str, str, str]:
    if frame.study is None or frame.study.kind != "dicom":
        raise wrong(f"{frame.where}: a DICOM SEG refers to a DICOM file, and this is none", "dicom-only")
    return frame.study.id, frame.model.name, frame.asked.model_sha256


async def _segmentation(frames: list[Going], decoder: Decoder) -> bytes:
    frames = sorted(frames, key=lambda frame: frame.asked.frame)
    numbers = [frame.asked.frame for frame in frames]
    study = frames[0].study
    assert study is not None, "_group sees to it"
    if len({*numbers}) < len(numbers) or numbers[-1] >= study.frames:
        raise wrong(f"{frames[-1].where}: a frame is given twice, or its file has no such frame", "no-such-frame")
    check_seg_size(len(numbers), study.size)
    labels = await asyncio.to_thread(lambda: np.stack([frame.labels() for frame in frames]))
    with await decoder.open(study.upload) as opened:
        return await opened.segmentation(numbers, labels, _about(frames))


def _about(frames: list[Going]) -> dict[str, Any]:
    """What `build_segmentation` is told of the masks' origin."""
    first = frames[0]
    stated = [frame.asked.thresholds for frame in frames]
    own = dict(zip(first.classes.targets, first.model.predictor.thresholds, strict=True))
    annotators = {frame.asked.annotator for frame in frames} - {""}
    return {
        "classes": first.classes.to_dict(),
        "thresholds": [_same([each.get(name, own[name]) for each in stated]) for name in first.classes.targets],
        "model": first.model.name,
        "sha256": first.asked.model_sha256,
        "version": __version__,
        "statement": STATEMENT,
        "corrected": any(frame.asked.corrected for frame in frames),
        "annotator": annotators.pop() if len(annotators) == 1 else "",
    }


def _same(thresholds: list[float]) -> float | None:
    """None where the frames differ in it."""
    return thresholds[0] if len({*thresholds}) == 1 else None
