"""Masks as planes: where they lie."""

import numpy as np


def bounding_box(plane: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a bool mask (H, W); nothing of an empty one."""
    rows, columns = (np.flatnonzero(plane.any(axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
