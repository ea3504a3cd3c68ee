"""Text burnt into the ultrasound picture, found by simple means: misses are worse than false alarms."""

import cv2
import numpy as np

from trus.data.intake.sector import to_grey
from trus.data.intake.source import Box


def find_text(frame: np.ndarray, within: np.ndarray) -> list[Box]:
    """Boxes of what looks like burnt-in text in `frame`, uint8 or uint16, (H, W) or (H, W, 3), where `within` holds.

    `within` is bool (H, W). The boxes are in reading order; an empty list means that nothing was found.
    """
    grey = to_grey(frame)
    hat = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, np.ones((9, 9), np.uint8))
    marks = ((hat > 60) & within).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(marks)
    boxes = [tuple(map(int, s[:4])) for s in stats[1:count] if 6 <= s[3] <= 45 and s[2] <= 60]
    return [(x, y, x + w, y + h) for x, y, w, h in boxes]
