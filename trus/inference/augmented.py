"""Test-time augmentation: the mean of what a network says of a frame and of altered copies of it."""

from typing import Literal

import cv2
import numpy as np

from trus.inference.predictor import NetworkPredictor

Views = Literal["flip", "flip_scale"]
SCALES = (0.9, 1.1)
"""Sizes of the further views of flip_scale, as the default training augmentation draws them."""


class AugmentedPredictor(NetworkPredictor):
    """A network asked again on its input's mirror image (flip: 2 views) and at two more sizes (flip_scale: 6 views).

    Probabilities are averaged in the network's input, before they are mapped to the frame. Where a larger view cuts
    the border off, the other views decide.
    """

    def __init__(self, inner: NetworkPredictor, views: Views):
        super().__init__(inner.path, inner.metadata)
        self.inner = inner
        self.tta, self.backend = views, inner.backend
        self.thresholds, self.postprocessing = list(inner.thresholds), dict(inner.postprocessing)
        self._scales = (1.0, *SCALES) if views == "flip_scale" else (1.0,)

    def network(self, batch: np.ndarray) -> np.ndarray:
        """Preprocessed float32 (N, C, h, w) -> mean probabilities float32 (N, K, h, w)."""
        total: np.ndarray | float = 0.0
        weight: np.ndarray | float = 0.0
        for scale in self._scales:
            view = _zoom(batch, scale, cv2.BORDER_REPLICATE)
            answer = self.inner.network(view)
            answer = answer + self.inner.network(np.ascontiguousarray(view[..., ::-1]))[..., ::-1]
            total = total + _zoom(answer, 1 / scale, cv2.BORDER_CONSTANT)
            weight = weight + 2 * _zoom(np.ones_like(batch[:1, :1]), 1 / scale, cv2.BORDER_CONSTANT)
        return np.clip(total / weight, 0, 1).astype(np.float32)


def _zoom(planes: np.ndarray, scale: float, border: int) -> np.ndarray:
    """(N, C, h, w) enlarged or shrunk about its centre, in the same size; `border` is OpenCV's."""
    if scale == 1:
        return planes
    height, width = planes.shape[2:]
    matrix = np.array([[scale, 0, (1 - scale) * (width - 1) / 2], [0, scale, (1 - scale) * (height - 1) / 2]])
    flat = [
        cv2.warpAffine(plane, matrix, (width, height), borderMode=border) for plane in planes.reshape(-1, height, width)
    ]
    return np.stack(flat).reshape(planes.shape)
