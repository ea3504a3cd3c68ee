"""What a request wants of a segmentation, checked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trus.data.classes import Classes
from trus.data.intake.source import Box
from trus.data.intake.spacing import Spacing
from trus.inference.postprocessing import Rule
from trus.inference.predictor import Predictor
from trus.serving.problems import Problem

NAMES = ("model", "threshold", "classes", "frames", "spacing", "region")
HIGHEST_FRAME = 1_000_000


@dataclass(frozen=True)
class Options:
    """`thresholds`: by class, or one for all under None. `frames`: inclusive (first, last). `region`: a box, `whole`,
    `file` (the regions that the file names) or `auto` (those, if the model was trained on cropped frames).
    """

    model: str | None = None
    thresholds: Mapping[str | None, float] | None = None
    classes: tuple[str, ...] | None = None
    frames: tuple[tuple[int, int], ...] | None = None
    spacing: Spacing | None = None
    region: Box | Literal["auto", "file", "whole"] = "auto"

    def numbers(self, most: int, held: int | None = None) -> list[int] | None:
        """The frames asked for, rising, each once; None where none were named.

        Raises Problem 422 for more than `most`, and for those beyond the `held` frames of a file that says its number.
        """
        if self.frames is None:
            return None
        if sum(last - first + 1 for first, last in self.frames) > most:
            raise too_many_frames(f"more than {most} frames are asked for", most)
        numbers = sorted({number for first, last in self.frames for number in range(first, last + 1)})
        if held is not None and numbers[-1] >= held:
            raise no_such_frame(f"the file holds {held} frame{'s' * (held > 1)}, from 0 to {held - 1}")
        return numbers


@dataclass(frozen=True)
class Decision:
    """How probabilities become a mask: the classes asked for (targets), their planes, thresholds and rules."""

    classes: Classes
    planes: list[int]
    thresholds: list[float]
    rules: dict[str, Rule]


def read_options(fields: Mapping[str, str]) -> Options:
    """Options from a form's fields or a query string; empty ones count as not given.

    Raises Problem 422 that names the option, what it may be and, where it is short and harmless, nothing of its value.
    """
    unknown = sum(name not in NAMES for name in fields)
    if unknown:
        raise _wrong("an option is unknown", f"there are {', '.join(NAMES)}")
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    return Options(
        given.get("model"),
        _thresholds(given["threshold"]) if "threshold" in given else None,
        tuple(_parts(given["classes"])) if "classes" in given else None,
        tuple(_frames(given["frames"])) if "frames" in given else None,
        _spacing(given["spacing"]) if "spacing" in given else None,
        _region(given.get("region", "auto")),
    )


def decide_how(predictor: Predictor, options: Options) -> Decision:
    """The model's own classes, thresholds and rules, with what the options change. Raises Problem 422."""
    known = predictor.classes.targets
    asked = {*(options.classes or known)}, {*(options.thresholds or {})} - {None}
    if any(not names <= {*known} for names in asked):
        raise _wrong("classes or threshold names a class that the model does not have", f"it has {', '.join(known)}")
    classes = predictor.classes.select(options.classes or known)
    planes = [known.index(name) for name in classes.targets]
    changed = options.thresholds or {}
    thresholds = [changed.get(known[k], changed.get(None, predictor.thresholds[k])) for k in planes]
    rules = {name: rule for name, rule in predictor.postprocessing.items() if name in classes.targets}
    return Decision(classes, planes, thresholds, rules)


def too_many_frames(what: str, most: int) -> Problem:
    """Problem 422 that shows the ways out."""
    detail = f"{what}; at most {most} are answered at once: choose some (frames=0-{most - 1}), or send it to /v1/jobs"
    return Problem(422, "Too many frames", detail, "too-many-frames")


def no_such_frame(why: str = "the clip ends early") -> Problem:
    """Problem 422 of a request for frames that are not there."""
    return Problem(422, "No such frame", f"{why}; the option frames asks for others", "no-such-frame")


def _thresholds(text: str) -> dict[str | None, float]:
    found: dict[str | None, float] = {}
    for part in _parts(text):
        name, _, number = part.rpartition("=")
        value = _number(number)
        if value is None or not 0 < value < 1 or (name or None) in found:
            raise _wrong("threshold", "write a number between 0 and 1, or one for each class: gland=0.5,lesion=0.3")
        found[name.strip() or None] = value
    return found


def _frames(text: str) -> Iterator[tuple[int, int]]:
    for part in _parts(text):
        match = re.fullmatch(r"(\d{1,7})(?:\s*-\s*(\d{1,7}))?", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= HIGHEST_FRAME:
            raise _wrong("frames", "write numbers from 0, or first-last: 0-9,20")
        yield first, last


def _spacing(text: str) -> Spacing:
    values = [_number(part) for part in _parts(text)]
    row, column = values if len(values) == 2 else (None, None)
    if row is None or column is None or not (0 < row < 100 and 0 < column < 100):
        raise _wrong("spacing", "write ROW,COLUMN in mm a pixel, between 0 and 100: 0.12,0.12")
    return row, column


def _region(text: str) -> Box | Literal["auto", "file", "whole"]:
    if text in ("auto", "file", "whole"):
        return text  # type: ignore[return-value]
    match = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", text.replace(" ", ""), re.ASCII)
    x0, y0, x1, y1 = map(int, match.groups()) if match else (0, 0, 0, 0)
    if not (x0 < x1 and y0 < y1):
        raise _wrong("region", "write x0,y0,x1,y1 in pixels (the last two exclusive), file, whole or auto")
    return x0, y0, x1, y1


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _wrong(what: str, way_out: str) -> Problem:
    return Problem(422, "Parameters do not fit", f"{what}: {way_out}", "parameters")
