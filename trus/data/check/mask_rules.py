"""Findings on one mask: what looks like a slip of the pen, and what is only worth knowing."""

from collections.abc import Iterator

from trus.data.check.findings import Finding
from trus.data.check.masks import MaskFacts, Shape
from trus.data.check.measure import FrameFacts
from trus.data.manifest import Frame

NEARLY_FULL = 0.95
"""Share of the picture, or of its region, from which on a class covers nearly all of it."""


def mask_findings(frame: Frame, facts: FrameFacts) -> list[Finding]:
    """Findings on the mask of a frame, one a kind."""
    if facts.mask is None:
        return []
    if facts.mask.empty:
        return [Finding("mask-empty", (frame.row,), f"{frame.image_id}: the mask holds nothing but background")]
    seen: dict[str, list[str]] = {}
    for name, shape in facts.mask.shapes.items():
        for code, what in _of_shape(shape, _room(frame, facts.mask)):
            seen.setdefault(code, []).append(f"{name} {what}")
    seen |= _nesting(facts.mask)
    return [Finding(code, (frame.row,), f"{frame.image_id}: {'; '.join(what)}") for code, what in seen.items()]


def _room(frame: Frame, mask: MaskFacts) -> int:
    if frame.region is None:
        return mask.pixels
    x0, y0, x1, y1 = frame.region
    return min(mask.pixels, max((x1 - x0) * (y1 - y0), 1))


def _of_shape(shape: Shape, room: int) -> Iterator[tuple[str, str]]:
    if shape.specks:
        yield "mask-specks", f"has {_count(shape.specks, 'speck')} beside its {_count(shape.objects, 'part')}"
    if shape.objects > 1:
        yield "mask-several-parts", f"in {shape.objects} parts"
    if shape.holes:
        yield "mask-holes", f"has {_count(shape.holes, 'hole')}, {shape.hole_area} px"
    if shape.sides:
        yield "mask-touches-border", f"touches {', '.join(shape.sides)}"
    if shape.outside_region:
        yield "mask-outside-region", f"has {shape.outside_region} of {shape.area} px outside the region"
    if shape.area >= NEARLY_FULL * room:
        yield "mask-nearly-full", f"covers {min(shape.area / room, 1):.0%} of the picture"


def _nesting(mask: MaskFacts) -> dict[str, list[str]]:
    pairs = {
        "inner-without-outer": [f"{inner} without {outer}" for inner, outer in mask.alone],
        "inner-outside-outer": [f"{inner} lies outside {outer}" for inner, outer in mask.outside],
    }
    return {code: what for code, what in pairs.items() if what}


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
