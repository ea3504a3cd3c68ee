"""The two made-up scanners of the synthetic phantom: beam geometry, screen geometry and settings."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Device:
    """A made-up scanner with a convex transverse array.

    The origin of the millimetre coordinates is the array's centre of curvature, x to the right of the screen and y
    away from the probe. Lengths in mm, angles in radians, levels in dB relative to the echo of peripheral zone.
    """

    name: str
    frequency_mhz: float
    probe_radius: float
    depth: float
    half_angle: float
    half_width: float
    """The display cuts the fan at this distance left and right of its axis."""
    lines: int
    axial_sigma: float
    """Standard deviation of the pulse's envelope."""
    lateral_sigma: float
    """Standard deviation of the beam at its focus."""
    focus: float
    focal_zone: float
    """Distance from the focus at which the beam is wider by a factor of sqrt(2)."""
    looks: int
    """Frequency-compounded envelopes that are averaged: more give smoother speckle."""
    noise: float
    dynamic_range: float
    brightest: float
    """Level that is shown as white."""
    gamma: float
    height: int
    width: int
    spacing_row: float
    spacing_col: float
    origin_row: float
    """Row of the centre of curvature, below the screen's lower edge or near it."""
    origin_col: float

    @property
    def radii(self) -> np.ndarray:
        """Distances of the samples on a line from the centre of curvature: (R,) in mm, 2 per axial sigma."""
        count = round(self.depth / (self.axial_sigma / 2))
        return np.linspace(self.probe_radius, self.probe_radius + self.depth, count, dtype=np.float32)

    @property
    def angles(self) -> np.ndarray:
        """Directions of the lines, 0 straight ahead: (L,) in radians."""
        return np.linspace(-self.half_angle, self.half_angle, self.lines, dtype=np.float32)

    def beam_sigma(self, radii: np.ndarray) -> np.ndarray:
        """Standard deviation of the beam across its axis, in mm, at each of `radii`: a Gaussian beam's waist."""
        off_focus = (radii - self.probe_radius - self.focus) / self.focal_zone
        return self.lateral_sigma * np.sqrt(1 + off_focus**2)

    def pixel_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the pixel centres: x of shape (W,) and y of shape (H, 1), in mm."""
        x = (np.arange(self.width, dtype=np.float32) - self.origin_col) * self.spacing_col
        y = (self.origin_row - np.arange(self.height, dtype=np.float32)) * self.spacing_row
        return x, y[:, None]


DEVICES = (
    Device(
        name="synthetic-biplane-9MHz",
        frequency_mhz=9.0,
        probe_radius=10.0,
        depth=51.0,
        half_angle=np.radians(76),
        half_width=40.0,
        lines=384,
        axial_sigma=0.13,
        lateral_sigma=0.26,
        focus=22.0,
        focal_zone=17.0,
        looks=3,
        noise=-59.0,
        dynamic_range=56.0,
        brightest=21.0,
        gamma=1.3,
        height=600,
        width=800,
        spacing_row=0.12,
        spacing_col=0.12,
        origin_row=566.0,
        origin_col=386.0,
    ),
    Device(
        name="synthetic-endfire-6MHz",
        frequency_mhz=6.5,
        probe_radius=11.5,
        depth=58.0,
        half_angle=np.radians(63),
        half_width=43.0,
        lines=288,
        axial_sigma=0.18,
        lateral_sigma=0.36,
        focus=30.0,
        focal_zone=19.0,
        looks=2,
        noise=-50.0,
        dynamic_range=46.0,
        brightest=20.0,
        gamma=0.9,
        height=480,
        width=640,
        spacing_row=0.155,
        spacing_col=0.165,
        origin_row=481.0,
        origin_col=330.0,
    ),
)


@lru_cache(maxsize=len(DEVICES))
def sector(device: Device) -> np.ndarray:
    """Which pixels of the screen show echoes: bool, shape (H, W)."""
    x, y = device.pixel_positions()
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    reach = device.probe_radius + device.depth
    in_fan = (radius >= device.probe_radius) & (radius <= reach) & (np.abs(angle) <= device.half_angle)
    return in_fan & (np.abs(x) <= device.half_width)


def region(device: Device) -> tuple[int, int, int, int]:
    """Half-open box (x0, y0, x1, y1) of the sector in pixels."""
    rows, cols = np.nonzero(sector(device))
    return int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1
