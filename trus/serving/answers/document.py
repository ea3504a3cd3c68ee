"""A segmentation as a JSON document: masks, outlines and numbers, in pixels of the frame as uploaded."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, Field

from trus import __version__
from trus.data.annotations.polygons import area, trace
from trus.data.annotations.rle import compress, encode
from trus.data.classes import Classes
from trus.inference.metadata import STATEMENT
from trus.inference.predictor import Prediction
from trus.inference.record import describe
from trus.serving.segmentation import Scale, Segmented

Ring = list[tuple[int, int]]
BoxList = tuple[int, int, int, int]


class Rle(BaseModel):
    """A mask as COCO's compressed run-length code; pycocotools.mask.decode reads it."""

    size: tuple[int, int] = Field(description="Height, width")
    counts: str


class Component(BaseModel):
    """A connected part of a mask (8-connected)."""

    area_px: int
    area_mm2: float | None
    bounding_box: BoxList = Field(description="x0, y0, x1, y1 in pixels; the last two exclusive")
    mean_probability: float
    outer: list[Ring] = Field(
        description="Closed outlines in pixel corners (x, y), clockwise on the screen; several where the part hangs "
        "together by corners only"
    )
    holes: list[Ring] = Field(description="Outlines of what is left out of it, the other way round")


class FrameClass(BaseModel):
    """What was found of one class. An outer class includes what lies in it of the classes that it contains."""

    name: str
    value: int = Field(description="The label's value in PNG masks")
    threshold: float
    area_px: int
    area_mm2: float | None = Field(description="null where the spacing is not certain: see spacing_note")
    bounding_box: BoxList | None
    mean_probability: float | None = Field(description="Inside the mask")
    rle: Rle
    components: list[Component] = Field(description="Largest first")


class FrameTimings(BaseModel):
    """Milliseconds of one frame."""

    decode: float
    segment: float = Field(description="Preprocessing, network, thresholds")
    encode: float = Field(description="Run lengths, outlines, numbers")


class Frame(BaseModel):
    """One frame."""

    frame: int = Field(description="Number in the file, from 0")
    width: int
    height: int
    regions: list[BoxList] = Field(description="What was segmented: x0, y0, x1, y1; empty: the whole frame")
    spacing_mm: tuple[float, float] | None = Field(description="mm a pixel (row, column), where certain")
    spacing_note: str = Field(description="Why there is none, or where it holds")
    notes: list[str]
    classes: list[FrameClass]
    timings_ms: FrameTimings


class AnsweringModel(BaseModel):
    """Which model answered."""

    name: str
    sha256: str = Field(description="Of the model file")


class Segmentation(BaseModel):
    """A segmented upload."""

    statement: str = STATEMENT
    trus_version: str = __version__
    model: AnsweringModel
    kind: Literal["png", "jpeg", "bmp", "tiff", "dicom", "avi", "mp4"]
    frames_held: int | None = Field(description="Frames of the file; null where a clip does not say")
    frames: list[Frame]


def milliseconds(seconds: float) -> float:
    """As `FrameTimings` are given."""
    return round(1000 * seconds, 2)


def describe_frame(found: Segmented, timings: FrameTimings) -> Frame:
    """One frame's part of the document."""
    classes, decision = found.decision.classes, found.decision
    height, width = found.labels.shape
    prediction = Prediction(found.labels, found.probabilities)
    numbers = describe(prediction, classes, decision.thresholds, None)["classes"]
    planes = classes.planes(found.labels).astype(bool)
    within = {found.scale.within(box) for box in found.boxes or (None,)}
    return Frame(
        frame=found.number,
        width=width,
        height=height,
        regions=[*found.boxes],
        spacing_mm=within.pop() if len(within) == 1 else None,
        spacing_note=found.scale.note,
        notes=[*found.notes],
        classes=[
            _class(name, classes, plane, probability, found.scale, entry)
            for name, plane, probability, entry in zip(
                classes.targets, planes, found.probabilities, numbers, strict=True
            )
        ],
        timings_ms=timings,
    )


def _class(
    name: str, classes: Classes, plane: np.ndarray, probability: np.ndarray, scale: Scale, numbers: dict
) -> FrameClass:
    components = sorted(_components(plane, probability, scale, numbers["bounding_box"]), key=lambda part: -part.area_px)
    area_mm2 = scale.area_mm2(plane)
    return FrameClass(
        name=name,
        value=classes.values[name],
        threshold=numbers["threshold"],
        area_px=numbers["area_px"],
        area_mm2=None if area_mm2 is None else round(area_mm2, 3),
        bounding_box=numbers["bounding_box"],
        mean_probability=numbers["mean_probability"],
        rle=Rle(size=plane.shape, counts=compress(encode(plane))),
        components=components,
    )


def _components(plane: np.ndarray, probability: np.ndarray, scale: Scale, around: list[int] | None) -> list[Component]:
    """`around`, the box of all, is where to look: most of a frame holds nothing."""
    if around is None:
        return []
    x0, y0, x1, y1 = around
    inside = np.ascontiguousarray(plane[y0:y1, x0:x1])
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=8)
    sums = np.bincount(labels[inside], probability[y0:y1, x0:x1][inside], len(statistics))
    found = []
    for rings in trace(plane):
        x, y = map(int, rings[0][0])  # the first corner of an outer ring: the pixel right of and below it is inside
        number = labels[y - y0, x - x0]
        left, top, width, height, size = (int(value) for value in statistics[number])
        box = x0 + left, y0 + top, x0 + left + width, y0 + top + height
        part = labels[top : top + height, left : left + width] == number
        area_mm2 = scale.cut(box).area_mm2(part)
        found.append(
            Component(
                area_px=size,
                area_mm2=None if area_mm2 is None else round(area_mm2, 3),
                bounding_box=box,
                mean_probability=round(float(sums[number]) / size, 4),
                outer=[_ring(ring) for ring in rings if area(ring) > 0],
                holes=[_ring(ring) for ring in rings if area(ring) < 0],
            )
        )
    return found


def _ring(ring: np.ndarray) -> Ring:
    return [(x, y) for x, y in ring.tolist()]
