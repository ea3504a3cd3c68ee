"""Synthetic patients: the shape of one gland from base to apex and everything that lies in it."""

from dataclasses import dataclass

import numpy as np

from trus.data.phantom.shapes import ANGLES, Outline, Texture, draw_texture, ellipse, wobble

LESION_FREE_ONE_IN = 5
"""One frame in so many shows no lesion."""


@dataclass(frozen=True)
class Blob:
    """An irregular ellipsoid: centre and half axes in mm, x and y relative to the gland's centre, z from the base."""

    x: float
    y: float
    z: float
    half: tuple[float, float, float]
    tilt: float
    factors: np.ndarray
    contrast: float
    """Change of the backscatter in dB."""

    def cut(self, z: float) -> np.ndarray | None:
        """Radii (361,) mm of the cross section at `z` mm from the base, None where the plane misses the ellipsoid."""
        share = 1 - ((z - self.z) / self.half[2]) ** 2
        return None if share <= 0 else np.sqrt(share) * self.factors * ellipse(self.half[0], self.half[1], self.tilt)


@dataclass(frozen=True)
class Patient:
    """One synthetic patient; lengths in mm."""

    half_width: float
    half_height: float
    length: float
    droop: float
    """How far the lateral lobes bend around the rectum, as a share of the half height."""
    factors: np.ndarray
    centre_x: float
    wall: float
    """Thickness of the rectal wall with the fluid before it."""
    zone: float
    """Size of the transition zone relative to the gland: larger with hyperplasia."""
    fat: float
    """Backscatter of the tissue around the gland in dB."""
    muscle: float
    """Distance of the levator from the gland."""
    nodules: tuple[Blob, ...]
    cysts: tuple[Blob, ...]
    stones: tuple[Blob, ...]
    lesions: tuple[Blob, ...]
    coarse: Texture
    fine: Texture
    streaks: Texture


def gland_radii(half_width: float, half_height: float, droop: float) -> np.ndarray:
    """Radii (361,) mm of a walnut-shaped cross section: a superellipse whose lateral lobes bend towards the rectum."""
    turn = np.linspace(0, 2 * np.pi, 721)
    u = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / 2.3)
    v = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / 2.3)
    x, y = half_width * u, half_height * (v - droop * (u**2 - 0.3))
    return np.interp(ANGLES, np.arctan2(y, x), np.hypot(x, y), period=2 * np.pi)


def gland_outline(patient: Patient, z: float, centre_y: float) -> Outline:
    """The gland's outline at `z` mm from its base, its centre `centre_y` mm from the probe's centre of curvature."""
    size = _taper(z / patient.length)
    radii = gland_radii(patient.half_width * size, patient.half_height * size, patient.droop)
    return Outline(patient.centre_x, centre_y, radii * patient.factors)


def _taper(share: float) -> float:
    """Size of the gland's cross section at `share` of the way from base to apex, where it is smallest."""
    return 1 - 1.3 * (share - 0.42) ** 2


def draw_patient(rng: np.random.Generator) -> Patient:
    """A random synthetic patient; the same `rng` state gives the same patient."""
    bulk = rng.beta(1.6, 2.2)
    half_width = 21.5 + 6.5 * bulk + rng.normal(0, 0.8)
    half_height = 12.5 + 6.5 * bulk + rng.normal(0, 0.6)
    length, zone = 36 + 14 * bulk, 0.52 + 0.24 * bulk
    frame = (half_width, half_height, length, zone)
    droop, factors = rng.uniform(0.22, 0.45), wobble(rng, 0.045, 2, 7)
    outline = Outline(0, 0, gland_radii(half_width, half_height, droop) * factors)
    return Patient(
        half_width=half_width,
        half_height=half_height,
        length=length,
        droop=droop,
        factors=factors,
        centre_x=rng.normal(0, 1.5),
        wall=rng.uniform(4.5, 6.5),
        zone=zone,
        fat=rng.uniform(-6, -2),
        muscle=rng.uniform(7.5, 12.5),
        nodules=tuple(_nodule(rng, frame) for _ in range(rng.integers(3, 6 + round(8 * bulk)))),
        cysts=tuple(_cyst(rng, frame) for _ in range(rng.poisson(1.2))),
        stones=tuple(stone for _ in range(rng.integers(0, 5)) for stone in _stones(rng, frame)),
        lesions=tuple(_lesion(rng, outline, length) for _ in range(1 + (rng.random() < 0.35))),
        coarse=draw_texture(rng, (9, 7, 12)),
        fine=draw_texture(rng, (2.2, 1.8, 3)),
        streaks=draw_texture(rng, (9, 1.6, 8)),
    )


def draw_levels(rng: np.random.Generator, patient: Patient, index: int, frames: int) -> list[float]:
    """Levels (mm from the base, ascending) of the `frames` frames of patient number `index`.

    Over all patients exactly one frame in LESION_FREE_ONE_IN misses every lesion; the others cut one near its middle.
    """
    levels = []
    everywhere = np.linspace(0.1, 0.9, 400) * patient.length
    for number in range(index * frames, (index + 1) * frames):
        gaps = [np.abs(everywhere - lesion.z) / lesion.half[2] for lesion in patient.lesions]
        if number % LESION_FREE_ONE_IN == LESION_FREE_ONE_IN // 2:
            allowed = np.all([gap > 1.1 for gap in gaps], axis=0)
        else:
            allowed = gaps[rng.integers(len(gaps))] < 0.7
        levels.append(float(rng.choice(everywhere[allowed])))
    return sorted(levels)


Frame = tuple[float, float, float, float]
"""Half width, half height, length of a gland in mm, relative size of its transition zone."""


def _in_transition_zone(rng: np.random.Generator, frame: Frame) -> tuple[float, float, float]:
    half_width, half_height, length, zone = frame
    angle, share = rng.uniform(0, 2 * np.pi), zone * np.sqrt(rng.uniform(0.05, 0.75))
    x, y = half_width * share * np.cos(angle), half_height * (share * np.sin(angle) + 0.2)
    return x, y, length * rng.uniform(0.08, 0.7)


def _nodule(rng: np.random.Generator, frame: Frame) -> Blob:
    size = rng.uniform(2.2, 3 + 6 * (frame[3] - 0.4))
    half = (size, size * rng.uniform(0.7, 1), size * rng.uniform(0.9, 1.5))
    tilt, factors = rng.uniform(0, np.pi), wobble(rng, 0.12)
    return Blob(*_in_transition_zone(rng, frame), half, tilt, factors, rng.normal(0.5, 3.0))


def _cyst(rng: np.random.Generator, frame: Frame) -> Blob:
    size = rng.uniform(0.7, 2.0)
    half = (size, size * rng.uniform(0.7, 1), size)
    return Blob(*_in_transition_zone(rng, frame), half, 0.0, wobble(rng, 0.15), -rng.uniform(14, 22))


def _stones(rng: np.random.Generator, frame: Frame) -> list[Blob]:
    """A group of calcifications, as a rule where the transition zone borders the peripheral zone or at the urethra."""
    half_width, half_height, length, zone = frame
    angle, border = rng.uniform(np.radians(200), np.radians(340)), rng.random() < 0.75
    x = half_width * zone * np.cos(angle) if border else rng.normal(0, 1.5)
    y = half_height * (zone * np.sin(angle) + 0.2) if border else rng.normal(0, 2)
    z = length * rng.uniform(0.15, 0.8)
    group = []
    for _ in range(rng.integers(1, 7)):
        size = rng.uniform(0.3, 1.0)
        half = (size * rng.uniform(1, 1.8), size, rng.uniform(3, 7))
        offset = rng.normal(0, (2.2, 0.8, 2))
        factors, contrast = wobble(rng, 0.3), rng.uniform(10, 19)
        group.append(Blob(x + offset[0], y + offset[1], z + offset[2], half, 0.0, factors, contrast))
    return group


def _lesion(rng: np.random.Generator, outline: Outline, length: float) -> Blob:
    """A hypoechoic lesion, three times in four in the peripheral zone, where it lies along the capsule."""
    size, contrast = rng.uniform(3.6, 7.4), -rng.triangular(4.5, 8.5, 12.0)
    thickness, factors = max(2.2, size * rng.uniform(0.5, 0.85)), wobble(rng, 0.28)
    peripheral = rng.random() < 0.75
    angle = rng.uniform(*np.radians((190, 350))) if peripheral else rng.uniform(0, 2 * np.pi)
    level = rng.uniform(0.2, 0.82)
    edge = outline.radius(angle) * _taper(level)
    reach = min(edge * rng.uniform(0.76, 0.88), edge - 0.8 * thickness) if peripheral else edge * rng.uniform(0.1, 0.55)
    ahead, behind = (outline.radius(angle + turn) for turn in (0.1, -0.1))
    along = angle + np.pi / 2 - np.arctan2(ahead - behind, 0.2 * outline.radius(angle))
    half = (size, thickness, rng.uniform(3.0, 5.5))
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    return Blob(x, y, level * length, half, along + rng.normal(0, 0.2), factors / factors.max(), contrast)
