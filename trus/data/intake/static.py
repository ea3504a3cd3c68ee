"""What moves over a clip: tissue changes from frame to frame, the scanner's screen around it does not."""

from collections.abc import Iterable

import numpy as np

MIN_FRAMES = 5
"""Fewer frames do not tell still tissue from the screen."""
MIN_CHANGE = 4
"""Grey levels of 255: lossy clips flicker by up to this much where nothing moves."""
MIN_MOVING = 0.01
"""A clip of which less than this fraction moves is a frozen picture (a clock or an ECG trace at most)."""


class ClipMotion:
    """Running smallest and largest value of each pixel over a clip's frames: two frames in memory, however long it is.

    Frames are uint8 or uint16, (H, W) or (H, W, 3), all of one shape and type; `add` raises ValueError otherwise.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._low = self._high = np.empty(0)

    @classmethod
    def of(cls, frames: Iterable[np.ndarray]) -> "ClipMotion":
        """Look at every frame of an iterable."""
        motion = cls()
        for frame in frames:
            motion.add(frame)
        return motion

    def add(self, frame: np.ndarray) -> None:
        """Look at one more frame."""
        if not self.frames:
            self._low, self._high = frame.copy(), frame.copy()
        elif frame.shape != self._low.shape or frame.dtype != self._low.dtype:
            raise ValueError(f"a clip's frames differ: {self._low.shape} {self._low.dtype}, then {frame.shape}")
        else:
            np.minimum(self._low, frame, out=self._low)
            np.maximum(self._high, frame, out=self._high)
        self.frames += 1

    @property
    def brightest(self) -> np.ndarray:
        """The largest value of each pixel: the fullest picture of the sector. Raises ValueError without a frame."""
        if not self.frames:
            raise ValueError("the clip has no frame")
        return self._high

    def moving(self) -> np.ndarray | None:
        """Pixels that change over the clip, bool (H, W); None for a still: fewer than MIN_FRAMES, or nothing moves."""
        if self.frames < MIN_FRAMES:
            return None
        step = MIN_CHANGE << max(0, int(self._high.max()).bit_length() - 8)
        change = self._high - self._low > step
        moving: np.ndarray = np.any(change, axis=-1) if change.ndim == 3 else change
        return moving if moving.mean() >= MIN_MOVING else None
