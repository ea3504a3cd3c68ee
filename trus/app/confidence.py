"""How sure a network is of a mask, in two numbers that a person can read; and whether it knows frames of that kind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from trus.inference.appearance import warnings_for
from trus.inference.appearance.measures import Box
from trus.inference.metadata import ModelMetadata

UNSURE = (0.25, 0.75)
"""A pixel whose probability lies from the first up to the second is uncertain."""
RIM = 0.1
"""The rim is as wide as this share of the radius of a disc of the mask's area, to either side of its edge."""
NARROWEST_RIM = 2


@dataclass(frozen=True)
class Confidence:
    """Of one class: the mean probability inside its mask, and the share of uncertain pixels of the mask's rim.

    Both are None where the mask is empty, the share also where it fills the frame, whose edge is no rim. An
    outer class includes what lies in it of its inner ones.
    """

    mean_probability: float | None
    uncertain_share: float | None


def confidence_of(planes: np.ndarray, probabilities: np.ndarray) -> list[Confidence]:
    """Masks (K, H, W) of 0 and 1, as `Classes.planes` gives them, and probabilities float32 (K, H, W), a class each."""
    return [_confidence(plane, probability) for plane, probability in zip(planes, probabilities, strict=True)]


def frame_warnings(image: np.ndarray, boxes: Sequence[Box], metadata: ModelMetadata) -> list[dict[str, str]]:
    """In which ways a frame is unlike the training frames: `code` and `detail`, a code once.

    `boxes` are what was segmented of it, none: all of it. Empty where the model file does not know its training frames.
    """
    region = metadata.preprocessor.region
    seen = (boxes or (None,)) if region == "manifest" else (region,)
    found = [warning for box in seen for warning in warnings_for(image, box, metadata.appearance)]
    return [asdict(warning) for warning in {each.code: each for each in reversed(found)}.values()][::-1]


def _confidence(plane: np.ndarray, probability: np.ndarray) -> Confidence:
    plane = plane.view(np.uint8)
    x, y, width, height = cv2.boundingRect(plane)
    if not width:
        return Confidence(None, None)
    area = int(cv2.countNonZero(plane))
    reach = max(NARROWEST_RIM, round(RIM * np.sqrt(area / np.pi)))
    # only the mask's box and its rim are looked at: most of a frame holds nothing
    part = (slice(max(y - reach, 0), y + height + reach), slice(max(x - reach, 0), x + width + reach))
    inside, values = plane[part], probability[part]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    rim = cv2.dilate(inside, disc).view(bool) & ~cv2.erode(inside, disc).view(bool)
    unsure = (values >= UNSURE[0]) & (values < UNSURE[1])
    mean = float(values[inside.view(bool)].mean())
    return Confidence(round(mean, 4), round(float(unsure[rim].mean()), 4) if rim.any() else None)
