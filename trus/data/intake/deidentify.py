"""From a raw frame to what may be handed on of it, failing closed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from trus.data.intake.burnt_in import find_text
from trus.data.intake.cuts import DICOM, NO_REGION, Cut, detected, given_or_named, overlap, whole
from trus.data.intake.sector import Sector, find_sector
from trus.data.intake.settings import Settings
from trus.data.intake.side_files import Spacing
from trus.data.intake.source import Box, Header
from trus.data.intake.static import ClipMotion
from trus.errors import IntakeError

TEXT = "text inside the region"
_SAME_PLACE = 0.8
_STEADY = 0.9
_MARGIN = 0.005
_SAME_TEXT = 0.5
_AROUND = 20
"""Pixels around the region where the rest of a line of text is looked for that its edge cuts."""


@dataclass(frozen=True)
class Plan:
    """How a file's frames are cut: regions, the certain fan, bool (H, W), within them; or the reason why not.

    `standing` are boxes of text that stands in a clip: none of its frames is free of it, though it be missed on some.
    """

    cuts: tuple[Cut, ...]
    fan: np.ndarray | None = None
    reason: str = ""
    standing: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Clean:
    """A frame cut to one region, uint8 or uint16 (h, w) or uint8 (h, w, 3); boxes of text inside in px of the frame."""

    cut: Cut
    picture: np.ndarray
    texts: tuple[Box, ...]


def plan_cuts(
    header: Header, settings: Settings, side: Spacing | None, samples: Callable[[], Sequence[np.ndarray]]
) -> Plan:
    """Decide by the user's lists, then the DICOM header, then by looking at `samples()`, frames of the file in order.

    Without a cut, `reason` says why and the frames must wait for a person.
    """
    looked_at = samples() if header.frames != 1 else ()
    plan = _plan(header, settings, side, lambda: looked_at or samples())
    found = [[box for clean in clean_frame(frame, plan, blank=True) for box in clean.texts] for frame in looked_at]
    return replace(plan, standing=_standing(found))


def _plan(
    header: Header, settings: Settings, side: Spacing | None, samples: Callable[[], Sequence[np.ndarray]]
) -> Plan:
    cuts, reason = given_or_named(header, settings, side)
    if reason or (cuts and cuts[0].origin != DICOM) or len(cuts) > 1:
        return Plan(tuple(cuts), reason=reason)
    sector = _steady_sector(samples())
    if not cuts:
        if sector is None:
            return Plan((), reason=NO_REGION)
        return Plan((detected(sector.box, header, side),), _fan(sector, header.size))
    agreeing = sector is not None and overlap(sector.box, cuts[0].box) >= _SAME_PLACE
    return Plan(tuple(cuts), _fan(sector, header.size) if sector is not None and agreeing else None)


def clean_frame(frame: np.ndarray, plan: Plan, blank: bool) -> list[Clean]:
    """Cut a frame to its regions, one picture each; with `blank` it keeps its size, black outside of the region."""
    return [_clean(frame, cut, plan, blank) for cut in plan.cuts]


def whole_frame(frame: np.ndarray, header: Header, side: Spacing | None) -> Clean:
    """The frame as it is: what a person can accept of a frame without a region."""
    return _clean(frame, whole(header, side, origin="whole frame"), None, blank=False)


def storable(frame: np.ndarray) -> np.ndarray:
    """A frame as a PNG holds it for every reader: of colours with 16 bits a channel, the upper 8."""
    return (frame >> 8).astype(np.uint8) if frame.ndim == 3 and frame.dtype == np.uint16 else frame


def check_size(frame: np.ndarray, header: Header) -> None:
    """Raises IntakeError for a frame that is not as large as its header says: regions would lie elsewhere on it."""
    if frame.shape[:2] != tuple(header.size):
        raise IntakeError("a frame is not as large as the file's header says")


def _clean(frame: np.ndarray, cut: Cut, plan: Plan | None, blank: bool) -> Clean:
    x0, y0, x1, y1 = cut.box
    fan = plan.fan if plan else None
    within = np.zeros(frame.shape[:2], bool)
    within[y0:y1, x0:x1] = True if fan is None else fan[y0:y1, x0:x1]
    texts = (*_texts(frame, within), *(box for box in plan.standing if overlap(box, cut.box))) if plan else ()
    shown = frame if fan is None and not blank else np.where(within if frame.ndim == 2 else within[..., None], frame, 0)
    return Clean(cut, np.ascontiguousarray(shown if blank else shown[y0:y1, x0:x1]), texts)


def _texts(frame: np.ndarray, within: np.ndarray) -> list[Box]:
    """Text that reaches inside. What the edge leaves of a line may be too little to be found, but enough to be read."""
    around = cv2.dilate(within.view(np.uint8), np.ones((2 * _AROUND + 1, 2 * _AROUND + 1), np.uint8)).view(bool)
    return [box for box in find_text(frame, around) if within[box[1] : box[3], box[0] : box[2]].any()]


def _standing(found: Sequence[Sequence[Box]]) -> tuple[Box, ...]:
    """Boxes of text that two samples of a clip have at the same place; what speckle feigns moves about."""
    seen: list[Box] = []
    standing: list[Box] = []
    for boxes in found:
        again = [box for box in boxes if _is_among(box, seen)]
        standing += [box for box in again if not _is_among(box, standing)]
        seen += boxes
    return tuple(standing)


def _is_among(box: Box, others: Sequence[Box]) -> bool:
    return any(overlap(box, other) >= _SAME_TEXT for other in others)


def _steady_sector(samples: Sequence[np.ndarray]) -> Sector | None:
    """The sector of a clip by what moves in it; of a still, or a clip that stands still, where all samples agree."""
    if len({(frame.shape, frame.dtype) for frame in samples}) != 1:
        return None
    motion = ClipMotion.of(samples)
    moving = motion.moving()
    if moving is not None:
        return find_sector(motion.brightest, moving)
    found = [find_sector(frame) for frame in samples]
    sure = [sector for sector in found if sector is not None and overlap(sector.box, _box(found[0])) >= _STEADY]
    return sure[0] if len(sure) == len(found) else None


def _box(sector: Sector | None) -> Box:
    return (0, 0, 0, 0) if sector is None else sector.box


def _fan(sector: Sector, size: Sequence[int]) -> np.ndarray | None:
    """The fan with a margin, so that its edge is not cut away; None for a rectangle, whose box says all."""
    if sector.shape != "fan":
        return None
    margin = 2 * max(2, round(_MARGIN * max(size))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin))
    return cv2.dilate(sector.mask((size[0], size[1])).astype(np.uint8), kernel).astype(bool)
