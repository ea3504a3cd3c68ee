"""From a decoded frame to its mask, as the options ask: regions, thresholds, classes, spacing."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trus import __version__
from trus.data.intake.side_files import agree
from trus.data.intake.source import Box, Region
from trus.data.intake.spacing import Spacing
from trus.inference.metadata import STATEMENT
from trus.inference.postprocessing import decide
from trus.inference.predictor import Prediction, Predictor
from trus.serving.decoding.decoder import DecodedFrame
from trus.serving.problems import Problem
from trus.serving.requests.options import Decision, Options

SEG_PIXELS = 128 * 1024 * 1024
"""Of all frames of a DICOM SEG: its masks lie in memory at once."""


@dataclass(frozen=True)
class Scale:
    """mm a pixel: `whole`, (row, column), where one pair holds for all of the frame, else by region.

    `note` says why there is none, or where it holds.
    """

    whole: Spacing | None
    regions: tuple[Region, ...]
    note: str

    def area_mm2(self, plane: np.ndarray) -> float | None:
        """Area of a mask, bool or 0/1 (H, W); None where a pixel of it lies where no spacing is certain."""
        if self.whole is not None:
            return float(plane.sum() * self.whole[0] * self.whole[1])
        area, left = 0.0, int(plane.sum())
        for region in self.regions:
            x0, y0, x1, y1 = region.box
            inside = int(plane[y0:y1, x0:x1].sum())
            if region.spacing is not None:
                area += inside * region.spacing[0] * region.spacing[1]
                left -= inside
        return area if self.regions and not left else None

    def cut(self, box: Box) -> "Scale":
        """The same for the part of the frame within `box`."""
        left, top = box[:2]
        regions = [
            replace(region, box=(max(x0 - left, 0), max(y0 - top, 0), max(x1 - left, 0), max(y1 - top, 0)))
            for region in self.regions
            for x0, y0, x1, y1 in [region.box]
        ]
        return replace(self, regions=tuple(regions))

    def within(self, box: Box | None) -> Spacing | None:
        """mm a pixel in a box that lies in one of the regions, or (None) in the whole frame."""
        around = (region.spacing for region in self.regions if box is not None and _inside(box, region.box))
        return next(around, self.whole)


@dataclass(frozen=True)
class Segmented:
    """A frame's result: `labels` uint8 (H, W), `probabilities` float32 (K, H, W) of the classes of `decision`.

    `boxes`: the regions that were segmented, none: the whole frame. `notes` say what the user should know.
    """

    number: int
    labels: np.ndarray
    probabilities: np.ndarray
    decision: Decision
    boxes: tuple[Box, ...]
    scale: Scale
    notes: tuple[str, ...]


def segment_frame(predictor: Predictor, frame: DecodedFrame, decision: Decision, options: Options) -> Segmented:
    """Segment a frame; each of several regions by itself. Raises Problem 422 where a region lies outside the frame."""
    boxes, notes = choose_boxes(predictor, frame, options)
    scale = _scale(frame, options)
    parts = [_predict(predictor, frame, decision, scale, box) for box in boxes or (None,)]
    labels, probabilities = parts[0].labels, parts[0].probabilities
    for part in parts[1:]:  # the regions of a file do not overlap
        labels, probabilities = np.maximum(labels, part.labels), np.maximum(probabilities, part.probabilities)
    return Segmented(frame.number, labels, probabilities, decision, boxes, scale, notes)


def check_seg_size(frames: int, size: tuple[int, int]) -> None:
    """Raises Problem 413 where a DICOM SEG of so many frames of `size` (H, W) is more than its decoder can make."""
    height, width = size
    if frames * height * width > SEG_PIXELS:
        detail = f"a DICOM SEG of {frames} frames of {width}x{height} pixels: choose fewer (frames=0-9), or PNG masks"
        raise Problem(413, "Too large", detail, "too-large")


def origin_of(model: str, predictor: Predictor, decision: Decision) -> dict[str, Any]:
    """What `answers.dicom_seg.build_segmentation` is told about the model and what was decided."""
    return {
        "classes": decision.classes.to_dict(),
        "thresholds": decision.thresholds,
        "model": model,
        "sha256": predictor.model_hash,
        "version": __version__,
        "statement": STATEMENT,
    }


def _predict(
    predictor: Predictor, frame: DecodedFrame, decision: Decision, scale: Scale, box: Box | None
) -> Prediction:
    probabilities = predictor.probabilities(frame.image, box)[decision.planes]
    spacing = scale.within(box)
    return Prediction(
        decide(probabilities, decision.classes, decision.thresholds, decision.rules, spacing), probabilities
    )


def choose_boxes(
    predictor: Predictor, frame: DecodedFrame, options: Options
) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """The regions to segment and what to say of that; none: the whole frame."""
    if isinstance(options.region, tuple):
        _check_inside(options.region, frame)
        return (options.region,), ()
    named, cropped = tuple(region.box for region in frame.regions), predictor.metadata.data.cropped > 0
    if options.region == "file" or (options.region == "auto" and cropped and named):
        if not named:
            raise Problem(422, "No region", "the file names no tissue region: send region=x0,y0,x1,y1", "no-region")
        return named, ("segmented within the tissue region that the file names",)
    if cropped:
        return (), ("the model was trained on frames cropped to a region; this one was taken whole (option region)",)
    if named:
        return (), ("the file names a tissue region; the frame was taken whole, as the model was trained",)
    return (), ()


def _check_inside(box: Box, frame: DecodedFrame) -> None:
    height, width = frame.image.shape[:2]
    if box[2] > width or box[3] > height:
        detail = f"region reaches beyond the frame, which has {width}x{height} pixels"
        raise Problem(422, "Parameters do not fit", detail, "parameters")


def _scale(frame: DecodedFrame, options: Options) -> Scale:
    """The request's own spacing, unless the file contradicts it; else the file's."""
    stated = [frame.spacing, *(region.spacing for region in frame.regions)]
    known = [spacing for spacing in stated if spacing is not None]
    if options.spacing is None:
        note = "" if known else frame.spacing_note
        if frame.regions and not frame.spacing:
            note = "; ".join({region.spacing_note for region in frame.regions if region.spacing_note})
            note = note or "areas in mm2 are known within the file's regions only"
        return Scale(frame.spacing, frame.regions, note)
    if all(agree(options.spacing, spacing) for spacing in known):
        return Scale(options.spacing, (), "")
    return Scale(None, (), "the option spacing and the file disagree by more than 1 %, so that none is certain")


def _inside(inner: Box, outer: Box) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]
