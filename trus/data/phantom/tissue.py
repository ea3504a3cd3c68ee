"""One slice of a synthetic patient as tissue: backscatter and attenuation on the scene's plane, and the true labels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trus.data.phantom.anatomy import Blob, Patient, gland_outline
from trus.data.phantom.shapes import STEP, Outline, X, Y, ellipse, inside, shell

FAR = np.float32(99)
LEAST_LESION = 2.2
"""Half the length in mm of the shortest cross section of a lesion that shows."""


@dataclass(frozen=True)
class Slice:
    """What the beam meets, float32 fields on the scene's plane (shapes.Y by shapes.X)."""

    backscatter: np.ndarray
    """dB relative to peripheral zone."""
    attenuation: np.ndarray
    """Attenuation beyond that of soft tissue, dB per mm there and back; negative behind fluid."""
    gland: np.ndarray
    """Distance from the gland's outline in mm, negative inside."""
    lesion: np.ndarray
    """Distance from the outline of the nearest lesion in mm, negative inside."""


def cut(patient: Patient, z: float, probe_radius: float) -> Slice:
    """The slice of `patient` at `z` mm from the gland's base, before a probe of `probe_radius` mm."""
    wall = probe_radius + patient.wall
    centre_y = wall + 1.2 + gland_outline(patient, z, 0).radius(-np.pi / 2)
    outline = gland_outline(patient, z, centre_y)
    radius = np.hypot(X, Y)
    gland = np.maximum(outline.distance(), wall + 0.8 - radius)
    coarse, fine, streaks = (texture.at(z) for texture in (patient.coarse, patient.fine, patient.streaks))
    backscatter = _surroundings(patient, outline, gland, coarse, streaks)
    backscatter += inside(gland, 0.2) * (_gland(patient, z, outline, gland, coarse, fine) - backscatter)
    attenuation = np.zeros_like(backscatter)
    _capsule(gland, radius, backscatter, attenuation)
    _blobs(patient.cysts, z, outline, gland, backscatter, attenuation, -0.5)
    _blobs(patient.stones, z, outline, gland, backscatter, attenuation, 8.0)
    lesion = _lesions(patient, z, outline, gland, backscatter)
    _rectum(patient, probe_radius, radius, (coarse, streaks), backscatter)
    return Slice(backscatter, attenuation, gland, lesion)


def _surroundings(
    patient: Patient, outline: Outline, gland: np.ndarray, coarse: np.ndarray, streaks: np.ndarray
) -> np.ndarray:
    """Fat with strands of connective tissue, the levator beside the gland, the vascular bundles, the venous plexus."""
    aside = np.abs(X - np.float32(outline.x)) / patient.half_width
    top = outline.y + outline.radius(np.pi / 2)
    above = np.clip((Y - np.float32(top) + 6) / 12, 0, 1)
    lateral = np.clip(aside - 0.45, 0, 0.5) * 2 * (1 - above)
    field = np.float32(patient.fat) + 3 * streaks + 2 * coarse
    field += 7 * shell(gland - 2.2 - 0.5 * coarse, 1.8)
    field -= 14 * lateral * shell(gland - np.float32(patient.muscle) - 1.5 * coarse, 2.4)
    field -= np.clip(0.35 * (gland - 8), 0, 10)
    field -= 9 * inside(np.hypot((X - outline.x) / 2.2, Y - top - 5 - coarse) - 4, 0.8)
    field -= np.float32(0.5) * np.clip(Y - np.float32(top) - 3, 0, 24)
    _bundles(field, outline)
    return field


def _bundles(field: np.ndarray, outline: Outline) -> None:
    """Fat with two vessels at five and at seven o'clock: the neurovascular bundles."""
    for side in (-1, 1):
        angle = -np.pi / 2 + side * 0.95
        reach = outline.radius(angle) + 2.6
        for step, size, contrast in ((0, 3.2, 4.0), (-0.06, 0.9, -14.0), (0.05, 0.7, -14.0)):
            x, y = outline.x + reach * np.cos(angle + side * step), outline.y + reach * np.sin(angle + side * step)
            _paint(field, Outline(x, y, ellipse(size, size * 0.7, angle + np.pi / 2)), contrast, 0.35)


def _gland(
    patient: Patient, z: float, outline: Outline, gland: np.ndarray, coarse: np.ndarray, fine: np.ndarray
) -> np.ndarray:
    """Peripheral zone, transition zone with nodules, fibromuscular stroma, urethra."""
    half_height = outline.radius(np.pi / 2)
    shrink = patient.zone * (1 - 0.9 * max(0.0, z / patient.length - 0.55))
    zone = Outline(outline.x, outline.y + 0.2 * half_height, _lobes(outline.radii) * shrink)
    distance = np.maximum(zone.distance() + 0.6 * coarse, gland + 1.5)
    field = 1.1 * coarse + 0.9 * fine
    core = inside(distance, 0.5)
    field += core * (-5.5 + 1.8 * coarse + 2.0 * fine) - 4 * shell(distance, 0.5)
    nodules = np.zeros_like(field)
    for blob in patient.nodules:
        placed = _place(blob, z, outline)
        if placed is not None:
            _paint(nodules, placed, blob.contrast, 0.5)
            _rim(nodules, placed, -3.5)
    field += core * nodules
    stroma = np.hypot((X - outline.x) / 1.6, Y - outline.y - half_height * 0.95) - 0.28 * half_height
    field -= 7 * inside(stroma - coarse, 1.0)
    _urethra(field, patient, z, outline)
    return field


def _lobes(radii: np.ndarray) -> np.ndarray:
    return radii * (1 + 0.1 * np.cos(np.linspace(-np.pi, np.pi, radii.size) * 2))


def _urethra(field: np.ndarray, patient: Patient, z: float, outline: Outline) -> None:
    x, y = outline.x + 0.3, outline.y + outline.radius(np.pi / 2) * (0.35 - 0.4 * z / patient.length)
    _paint(field, Outline(x, y, ellipse(3.4, 2.6, 0.2)), -5, 0.5)
    _paint(field, Outline(x, y, ellipse(1.3, 0.5, 0.1)), 7, 0.3)


def _capsule(gland: np.ndarray, radius: np.ndarray, backscatter: np.ndarray, attenuation: np.ndarray) -> None:
    """A specular line: bright where the beam meets it head on, and refracting the beam away where it grazes it."""
    slope_y, slope_x = np.gradient(gland, STEP)
    facing = np.abs(slope_x * X + slope_y * Y) / (radius * np.hypot(slope_x, slope_y) + 1e-6)
    backscatter += shell(gland - 0.1, 0.32) * (3 + 7 * facing**6)
    backscatter -= 2.5 * shell(gland + 0.9, 0.5)
    grazing = np.clip(1 - facing / 0.3, 0, 1) * shell(gland, 0.8)
    attenuation += 1.1 * grazing * (Y > 5)


def _lesions(patient: Patient, z: float, outline: Outline, gland: np.ndarray, backscatter: np.ndarray) -> np.ndarray:
    """Darken the lesions and return the distance from them; none of a lesion reaches beyond the capsule."""
    nearest = np.full_like(gland, FAR)
    for blob in patient.lesions:
        placed = _place(blob, z, outline)
        # A lesion that the plane only grazes would be thinner than the beam: partial volume hides it.
        if placed is None or placed.radii.max() < LEAST_LESION:
            continue
        window = placed.window(3)
        distance = np.maximum(placed.distance(window), gland[window] + 0.5)
        backscatter[window] += np.float32(blob.contrast) * inside(distance, 0.35)
        nearest[window] = np.minimum(nearest[window], distance)
    return nearest


def _blobs(
    blobs: Iterable[Blob],
    z: float,
    outline: Outline,
    gland: np.ndarray,
    backscatter: np.ndarray,
    attenuation: np.ndarray,
    loss: float,
) -> None:
    """Add `blobs` that lie in the gland to the backscatter, and `loss` dB per mm to the attenuation inside them."""
    for blob in blobs:
        placed = _place(blob, z, outline)
        if placed is None:
            continue
        window = placed.window(2)
        share = inside(np.maximum(placed.distance(window), gland[window] + 1), 0.2)
        backscatter[window] += np.float32(blob.contrast) * share
        attenuation[window] += np.float32(loss) * share


def _rectum(
    patient: Patient,
    probe_radius: float,
    radius: np.ndarray,
    textures: tuple[np.ndarray, np.ndarray],
    backscatter: np.ndarray,
) -> None:
    """Replace everything between the probe and the serosa by fluid and the wall's layers, concentric to the probe."""
    coarse, streaks = textures
    position = (radius - np.float32(probe_radius)) / np.float32(patient.wall) + 0.02 * streaks + 0.05 * coarse
    edges = (0.0, 0.06, 0.30, 0.35, 0.42, 0.48, 0.56, 0.62, 0.74, 0.80, 0.93, 1.02, 1.15)
    levels = (-6.0, -34.0, -34.0, 9.0, 8.0, -7.0, -6.0, 8.0, 7.0, -9.0, -7.0, 8.0, 4.0)
    layers = np.interp(position, edges, levels).astype(np.float32)
    backscatter += inside((position - 1.12) * np.float32(patient.wall), 0.25) * (layers - backscatter)


def _place(blob: Blob, z: float, outline: Outline) -> Outline | None:
    radii = blob.cut(z)
    return None if radii is None else Outline(outline.x + blob.x, outline.y + blob.y, radii)


def _paint(field: np.ndarray, outline: Outline, contrast: float, softness: float) -> None:
    window = outline.window(6 * softness)
    field[window] += np.float32(contrast) * inside(outline.distance(window), softness)


def _rim(field: np.ndarray, outline: Outline, contrast: float) -> None:
    window = outline.window(2)
    field[window] += np.float32(contrast) * shell(outline.distance(window) - 0.3, 0.4)
