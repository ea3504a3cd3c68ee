"""Pictures that may be handed on: without what a scanner writes around the tissue, by the rules of `trus intake`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trus.data.intake.burnt_in import find_text
from trus.data.intake.deidentify import Clean, clean_frame, plan_cuts, storable
from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import Settings
from trus.data.intake.source import Box, Header, Region

KeptPart = Literal["region named by the file", "region found in the picture", "whole picture"]


@dataclass(frozen=True)
class Kept:
    """What of a frame goes out: `picture` of its size, black outside of `box` (None: the whole picture).

    `text`: something inside looks like burnt-in text, so that a person must look.
    """

    picture: np.ndarray
    part: KeptPart
    box: Box | None
    text: bool


def keep(image: np.ndarray, regions: tuple[Region, ...]) -> Kept:
    """The part of a frame, uint8 or uint16 (H, W) or (H, W, 3), that may go out.

    It is the tissue region that the file names. Where it names none: the whole picture if nothing in it looks like
    text, else the ultrasound picture if that is found with certainty, else the whole picture, with `text`.
    """
    picture = storable(image)
    everywhere = np.ones(picture.shape[:2], bool)
    if not regions and not find_text(picture, everywhere):
        return Kept(picture, "whole picture", None, False)
    header = Header(kind="frame", frames=1, size=(picture.shape[0], picture.shape[1]), regions=regions or None)
    plan = plan_cuts(header, Settings(PatientRule("none")), None, lambda: [picture])
    cleaned = clean_frame(picture, plan, blank=True)
    if not cleaned:
        return Kept(picture, "whole picture", None, True)
    part: KeptPart = "region named by the file" if regions else "region found in the picture"
    return Kept(_together(cleaned), part, _around(cleaned), any(clean.texts for clean in cleaned))


def _together(cleaned: list[Clean]) -> np.ndarray:
    picture = cleaned[0].picture
    for clean in cleaned[1:]:  # black outside of its region each
        picture = np.maximum(picture, clean.picture)
    return picture


def _around(cleaned: list[Clean]) -> Box:
    lefts, tops, rights, bottoms = zip(*(clean.cut.box for clean in cleaned), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
