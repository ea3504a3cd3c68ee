"""What is asked of an export: frames with their masks as run lengths, checked before anything is made of them."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from trus.serving.problems import Problem, explain

MOST_FRAMES = 2000
MOST_BYTES = 128 * 1024 * 1024
"""Of the JSON body of one export; a mask of an organ takes a few kilobytes."""

Positive = Annotated[float, Field(gt=0, lt=100)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Text = Annotated[str, StringConstraints(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(_Part):
    """One number that was measured by hand: a calliper's length, an ellipse's area, a volume."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}$")]
    value: float | None
    unit: Literal["mm", "mm2", "px", "px2", "degree", "mL"]
    spacing_source: Literal["file", "stated"] | None = None


class ExportFrame(_Part):
    """One frame with its mask.

    `rows` are run lengths of the label map, row by row: [[value, run], ...]. `study` holds its picture; a format that
    takes no picture is content with `size` (height, width) instead. `spacing`, mm a pixel (row, column), is used where
    the file itself names none; `stated` says that the user gave it. `mean_probability` is by class.
    """

    study: Text | None = None
    frame: Annotated[int, Field(ge=0, lt=1_000_000)] = 0
    name: Annotated[str, StringConstraints(max_length=1000)]
    rows: list[tuple[Annotated[int, Field(ge=0, le=255)], Count]]
    size: tuple[Annotated[int, Field(gt=0, le=65535)], Annotated[int, Field(gt=0, le=65535)]] | None = None
    spacing: tuple[Positive, Positive] | None = None
    stated: bool = False
    model: Text
    model_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    annotator: Text = ""
    seconds: Annotated[float, Field(ge=0, le=1e7)] | None = None
    corrected: bool = False
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    mean_probability: dict[str, Annotated[float, Field(ge=0, le=1)] | None] = {}
    patient_id: Text | None = None
    measurements: Annotated[list[Figure], Field(max_length=1000)] = []


class ExportOptions(_Part):
    """`pictures`: COCO and LabelMe with the pictures. `folder`: the manifest goes into the save folder. `accept_text`:
    frames with what looks like burnt-in text go into the manifest, too. `geometry`: how COCO and LabelMe hold masks;
    `tolerance` as in `WriteOptions`."""

    pictures: bool = True
    folder: bool = False
    accept_text: bool = False
    geometry: Literal["rle", "polygon"] = "rle"
    tolerance: Annotated[float, Field(ge=0, le=10)] = 0.5


class ExportRequest(_Part):
    """The JSON body of POST /app/api/exports/{format}."""

    frames: Annotated[list[ExportFrame], Field(min_length=1, max_length=MOST_FRAMES)]
    options: ExportOptions = ExportOptions()


def read_request(body: bytes) -> ExportRequest:
    """The checked body. Raises Problem 422, which never quotes it."""
    try:
        return ExportRequest.model_validate_json(body)
    except ValidationError as error:
        problems = [{**each, "loc": _known(each["loc"])} for each in error.errors()]
        raise Problem(422, "Parameters do not fit", explain(problems), "parameters") from None


def _known(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place in the body without keys that are not ours."""
    ours = {*ExportRequest.model_fields, *ExportFrame.model_fields, *ExportOptions.model_fields, *Figure.model_fields}
    return tuple(part if isinstance(part, int) or part in ours else "..." for part in place)


def labels_of(rows: list[tuple[int, int]], size: tuple[int, int], where: str) -> np.ndarray:
    """Run lengths -> label map uint8 (H, W). Raises Problem 422 where they do not fit the frame."""
    values, runs = np.array(rows, np.int64).reshape(-1, 2).T
    height, width = size
    if int(runs.sum()) != height * width:
        detail = f"{where}: its run lengths hold {int(runs.sum())} pixels, the frame has {width}x{height}"
        raise Problem(422, "The mask does not fit", detail, "mask-does-not-fit")
    return np.repeat(values.astype(np.uint8), runs).reshape(size)


def wrong(detail: str, kind: str) -> Problem:
    """Problem 422 of an export that is well-formed but cannot be made."""
    return Problem(422, "Cannot be exported", detail, kind)
