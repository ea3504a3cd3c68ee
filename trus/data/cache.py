"""Preprocessed frames on disk: computed once, memory-mapped afterwards, safe for processes that fill it at once."""

import tokenize
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame, read_mask
from trus.data.manifest import Contents, Frame
from trus.files import hash_json, write_array
from trus.preprocessing import Preprocessor

CODE_VERSION = 1
"""Part of every key: raise it when the same preprocessing settings give other numbers than before."""


@dataclass(frozen=True)
class Cache:
    """Preprocessed annotated frames as .npy files in `folder`; any of them can be deleted at any time.

    The key holds the content of image and mask, the preprocessing, the region, the classes and the code version.
    """

    folder: Path
    preprocessor: Preprocessor
    classes: Classes
    contents: Contents

    def load(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Input float32 (C, h, w) and target uint8 (K, h, w), read-only memory maps. Raises ImageError."""
        image, target = self._paths(frame)
        try:
            return np.load(image, mmap_mode="r"), np.load(target, mmap_mode="r")
        except (OSError, ValueError, EOFError, tokenize.TokenError):
            self._compute(frame, image, target)  # missing, or damaged by something else than this program
        return np.load(image, mmap_mode="r"), np.load(target, mmap_mode="r")

    def _paths(self, frame: Frame) -> tuple[Path, Path]:
        key = hash_json(
            [
                CODE_VERSION,
                self.preprocessor.to_dict(),
                self.classes.to_dict(),
                frame.region,
                self.contents.image[frame.image_id],
                self.contents.mask[frame.image_id],
            ]
        )
        folder = self.folder / key[:2]
        return folder / f"{key}.image.npy", folder / f"{key}.target.npy"

    def _compute(self, frame: Frame, image: Path, target: Path) -> None:
        assert frame.mask is not None, "only annotated frames are cached"
        array, geometry = self.preprocessor(read_frame(frame.image), frame.region)
        planes = geometry.forward_planes(self.classes.planes(read_mask(frame.mask)))
        for path, content in ((image, array), (target, planes)):
            write_array(path, content)
