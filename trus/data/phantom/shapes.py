"""Star-shaped outlines and smooth random fields on a plane in millimetres: what the synthetic anatomy is made of."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

STEP = 0.25
X = np.arange(-50, 50 + STEP, STEP, dtype=np.float32)
"""Columns of the scene, mm."""
Y = np.arange(0, 80 + STEP, STEP, dtype=np.float32)[:, None]
"""Rows of the scene, mm away from the centre of curvature of the probe."""
ANGLES = np.linspace(-np.pi, np.pi, 361)


@dataclass(frozen=True)
class Outline:
    """A closed curve around (x, y) mm with radius `radii` (361,) mm at ANGLES, counted from the x axis towards y."""

    x: float
    y: float
    radii: np.ndarray

    def radius(self, angle: float) -> float:
        """Radius in mm in the direction `angle` (radians)."""
        return float(np.interp(np.arctan2(np.sin(angle), np.cos(angle)), ANGLES, self.radii))

    def distance(self, window: tuple[slice, slice] = (slice(None), slice(None))) -> np.ndarray:
        """Radial distance from the curve in mm, negative inside, on `window` of the scene: float32."""
        rows, cols = window
        dx, dy = X[cols] - np.float32(self.x), Y[rows] - np.float32(self.y)
        radii = np.interp(np.arctan2(dy, dx), ANGLES, self.radii).astype(np.float32)
        return np.hypot(dx, dy) - radii

    def window(self, margin: float) -> tuple[slice, slice]:
        """Part of the scene within `margin` mm of the curve's bounding circle."""
        reach = float(self.radii.max()) + margin
        rows = np.searchsorted(Y[:, 0], [self.y - reach, self.y + reach])
        cols = np.searchsorted(X, [self.x - reach, self.x + reach])
        return slice(int(rows[0]), int(rows[1])), slice(int(cols[0]), int(cols[1]))


def scene_indices(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fractional (row, column) in the scene of positions in mm that broadcast to a shape S: float32 (2, *S)."""
    rows, cols = np.broadcast_arrays(y / STEP, (x - X[0]) / STEP)
    return np.stack([rows, cols]).astype(np.float32)


def inside(distance: np.ndarray, softness: float) -> np.ndarray:
    """1 well inside a curve and 0 well outside, with an edge of about `softness` mm."""
    return expit(-distance / np.float32(softness))


def shell(distance: np.ndarray, sigma: float) -> np.ndarray:
    """1 on a curve, falling off as a Gaussian of `sigma` mm on both sides."""
    return np.exp(-0.5 * np.square(distance / np.float32(sigma)))


def wobble(rng: np.random.Generator, amount: float, first: int = 2, last: int = 6) -> np.ndarray:
    """Random factors (361,) around 1 that make a circle irregular, from the harmonics `first` to `last`."""
    order = np.arange(first, last + 1)[:, None]
    size = rng.normal(0, amount, order.shape) / order
    return np.clip(1 + (size * np.cos(order * (ANGLES + rng.uniform(0, 2 * np.pi, order.shape)))).sum(0), 0.5, 1.5)


def ellipse(half_a: float, half_b: float, tilt: float) -> np.ndarray:
    """Radii (361,) mm of an ellipse with its first half axis in the direction `tilt` (radians)."""
    angle = ANGLES - tilt
    return half_a * half_b / np.hypot(half_b * np.cos(angle), half_a * np.sin(angle))


@dataclass(frozen=True)
class Texture:
    """A smooth Gaussian random field in three dimensions as a sum of plane waves: unit variance, dimensionless."""

    waves: np.ndarray
    """Wave vectors (3, K) in radians per mm."""
    phases: np.ndarray

    def at(self, depth: float) -> np.ndarray:
        """The field on the scene's plane at `depth` mm along the third axis: float32 of the scene's shape."""
        kx, ky, kz = self.waves
        rows = np.exp(1j * (Y * ky + kz * depth + self.phases))
        cols = np.exp(1j * np.outer(kx, X))
        return (rows @ cols).real.astype(np.float32) * np.float32(np.sqrt(2 / kx.size))


def draw_texture(rng: np.random.Generator, size: tuple[float, float, float], waves: int = 48) -> Texture:
    """A Texture whose features measure about `size` = (x, y, z) mm."""
    return Texture(rng.normal(size=(3, waves)) / np.array(size)[:, None] * 2, rng.uniform(0, 2 * np.pi, waves))
