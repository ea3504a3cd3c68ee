"""From echoes to the exported frame of the synthetic phantom: scan conversion, grey map, surroundings, mask."""

from functools import lru_cache

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from trus.data.phantom.devices import Device, region, sector
from trus.data.phantom.shapes import scene_indices
from trus.data.phantom.tissue import Slice

GLAND, LESION = 1, 2


def display(levels: np.ndarray, device: Device) -> np.ndarray:
    """The exported frame, uint8 (H, W), of echo `levels` in dB, shape (R, L)."""
    seen = sector(device)
    frame = _surroundings(device).copy()
    shown = map_coordinates(levels, _beam_coordinates(device), order=1, mode="nearest")
    grey = np.clip((shown - device.brightest) / device.dynamic_range + 1, 0, 1)
    frame[seen] = np.rint(255 * grey**device.gamma)
    return frame


def label(scene: Slice, device: Device) -> np.ndarray:
    """The true mask, uint8 (H, W): 0 background, 1 gland, 2 lesion; nothing outside the sector."""
    where = scene_indices(*device.pixel_positions())
    gland, lesion = (
        map_coordinates(field, where, order=1, mode="nearest") < 0 for field in (scene.gland, scene.lesion)
    )
    return ((gland * GLAND + (gland & lesion) * (LESION - GLAND)) * sector(device)).astype(np.uint8)


@lru_cache(maxsize=2)
def _beam_coordinates(device: Device) -> np.ndarray:
    """Fractional (sample, line) of each pixel of the sector: float32 (2, N)."""
    x, y = device.pixel_positions()
    seen = sector(device)
    sample = (np.hypot(x, y) - device.probe_radius) / device.depth * (len(device.radii) - 1)
    line = (np.arctan2(x, y) / device.half_angle + 1) / 2 * (device.lines - 1)
    return np.stack([sample[seen], line[seen]])


@lru_cache(maxsize=2)
def _surroundings(device: Device) -> np.ndarray:
    """An empty screen: caption, grey scale and depth ticks, all outside the region."""
    frame = np.zeros((device.height, device.width), np.uint8)
    x0, y0, x1, _ = region(device)
    ramp = np.linspace(255, 0, device.height // 3)
    frame[y0 : y0 + ramp.size, x1 + 30 : x1 + 40] = np.rint(ramp)[:, None]
    for tick in range(0, int(device.depth) + 1, 5):
        row = round(device.origin_row - (device.probe_radius + tick) / device.spacing_row)
        frame[row, x1 + 8 : x1 + (18 if tick % 10 == 0 else 13)] = 200
    cv2.putText(frame, "SYNTHETIC PHANTOM", (x0, y0 - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 190, 1)
    cv2.putText(frame, device.name, (x0, device.height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 120, 1)
    return frame
