"""In which ways a frame is unlike the training frames."""

from dataclasses import dataclass

import numpy as np

from trus.inference.appearance.measures import Box, Measures, measure_frame, write
from trus.inference.appearance.ranges import Appearance, Joint, Range, mahalanobis

BLANK_CONTRAST = 0.01
"""A picture whose brightness varies less than this share of full scale shows nothing."""
JOINT_REACH = 1.15
"""How many times as far from the centre as 99 % of the training frames a frame may lie ..."""
JOINT_LEAST = 3.0
"""... and at least so far, in the standard deviations that are granted anyway."""


@dataclass(frozen=True)
class FrameWarning:
    """One way in which a frame is unlike the training frames: a word for programs, and a sentence."""

    code: str
    detail: str


def warnings_for(image: np.ndarray, region: Box | None, appearance: Appearance | None) -> list[FrameWarning]:
    """Warnings of a frame, one a code: blank, dark, bright, contrast, black, colour, even, no-fan, size, shape,
    texture, unlike.

    `image` is uint8 or uint16, (H, W) or (H, W, 3); `region` is what of it the network sees. Empty where nothing is
    known of the training frames (None: the file was written before schema 4). Takes some 15 ms.
    """
    return [] if appearance is None else unlike(measure_frame(image, region), appearance)


def unlike(measures: Measures, appearance: Appearance) -> list[FrameWarning]:
    """As `warnings_for`, of a frame that was measured."""
    if measures["contrast"] < BLANK_CONTRAST:
        return [FrameWarning("blank", "the frame shows nothing: all of it is about equally bright")]
    found: dict[str, str] = {}
    if measures["field"] == 0 and "field" in appearance.ranges and appearance.ranges["field"].low > 0:
        found["no-fan"] = "no outline of an ultrasound picture is found with certainty; the training frames have one"
    for name, bound in _BOUNDS.items():
        if name in appearance.ranges and (said := bound.said(measures[name], appearance.ranges[name])):
            code, words = said
            found.setdefault(code, f"the frame {words}{_numbers(name, measures, appearance)}")
    distance, farthest = _distance(measures, appearance.joint)
    if not found and distance > max(JOINT_REACH * appearance.joint.distance, JOINT_LEAST):
        words = "the frame's brightness, contrast and texture together are unlike those of the training frames"
        found["unlike"] = f"{words}; most of all its {_WORDS[farthest]}"
    return [FrameWarning(code, detail) for code, detail in found.items()]


@dataclass(frozen=True)
class _Bound:
    """How far beyond the range a number may lie: `reach` times the range's width, at least `least`; what is said of a
    number farther below or above, None where that is no reason to warn."""

    least: float
    below: tuple[str, str] | None
    above: tuple[str, str] | None
    reach: float = 0.35

    def said(self, value: float, usual: Range) -> tuple[str, str] | None:
        slack = max(self.reach * (usual.high - usual.low), self.least)
        if value < usual.low - slack:
            return self.below
        return self.above if value > usual.high + slack else None


_SIZE, _SHAPE = ("size", "is of another size than the training frames"), ("shape", "has another shape than theirs")
_GRAIN = ("texture", "is grained in another way than the training frames")
_BOUNDS = {
    "colour": _Bound(0.02, None, ("colour", "has more colour than the training frames")),
    "brightness": _Bound(
        0.03, ("dark", "is darker than the training frames"), ("bright", "is brighter than the training frames")
    ),
    "contrast": _Bound(
        0.03, ("contrast", "has less contrast than the training frames"), ("contrast", "has more contrast than theirs")
    ),
    "black": _Bound(0.1, ("black", "has less black than the training frames"), ("black", "has more black than theirs")),
    "even": _Bound(0.04, None, ("even", "has larger even areas, like a page or a drawing, than the training frames")),
    "side": _Bound(0.6, _SIZE, _SIZE),
    "aspect": _Bound(0.3, _SHAPE, _SHAPE),
    "grain": _Bound(0.2, _GRAIN, _GRAIN),
    "texture_1": _Bound(
        0.5, ("texture", "is smoother than the training frames"), ("texture", "has finer texture than theirs")
    ),
}
_WORDS = {
    "brightness": "brightness", "contrast": "contrast", "black": "share of black", "grain": "direction of grain",
    "texture_1": "finest texture", "texture_2": "fine texture", "texture_4": "coarse texture",
    "texture_8": "coarsest texture",
}  # fmt: skip


def _distance(measures: Measures, joint: Joint) -> tuple[float, str]:
    """How far from the centre, and the measure that alone is farthest from it."""
    away = np.array([measures[name] for name in joint.names]) - joint.centre
    covariance = np.array(joint.covariance)
    farthest = joint.names[int(np.argmax(np.abs(away) / np.sqrt(np.diag(covariance))))]
    return float(mahalanobis(away[None], covariance)[0]), farthest


def _numbers(name: str, measures: Measures, appearance: Appearance) -> str:
    """` (4%; theirs 14% to 38%)`, where the numbers say something to a reader."""
    if name in _WORDS and name not in ("brightness", "contrast", "black"):
        return ""
    usual = appearance.ranges[name]
    return f" ({write(name, measures[name])}; theirs {write(name, usual.low)} to {write(name, usual.high)})"
