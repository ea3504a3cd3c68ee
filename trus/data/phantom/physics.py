"""From tissue to the echoes of one frame of the synthetic phantom, in beam space (samples along lines).

Scatterers far below the resolution with random phases give fully developed speckle: the envelope is Rayleigh
distributed, its mean 1.91 times its standard deviation (Wagner, Smith, Sandrik and Lopez, IEEE Trans. Sonics
Ultrason. 30(3), 1983). That the echo is the scatterers' field convolved with the pulse and the beam follows Jensen's
Field II (J. A. Jensen, Med. Biol. Eng. Comput. 34, 1996, Suppl. 1, Part 1), here at baseband and with Gaussians.
"""

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d, map_coordinates

from trus.data.phantom.devices import Device
from trus.data.phantom.shapes import scene_indices
from trus.data.phantom.tissue import Slice

SOFT_TISSUE = 0.5
"""Attenuation of soft tissue in dB per cm and MHz, one way."""


def echoes(scene: Slice, device: Device, rng: np.random.Generator) -> np.ndarray:
    """Envelope of the echoes after time gain compensation: dB, float32, shape (R, L), 0 = mean peripheral zone."""
    backscatter, attenuation = _in_beam_space(scene, device)
    depth = device.radii - device.probe_radius
    loss = np.float32(SOFT_TISSUE * device.frequency_mhz * 0.2) * depth[:, None]
    received = backscatter - loss - _path_loss(attenuation, device) + _contact(device, rng)
    noise = np.float32(10 ** (device.noise / 20))
    envelope = np.zeros_like(backscatter)
    for _ in range(device.looks):
        envelope += np.abs(speckle(received, device, rng) + noise * _complex_normal(rng, received.shape))
    level = 20 * np.log10(envelope / np.float32(device.looks) + np.float32(1e-6)) + loss
    return level + (_gain_error(depth, rng) + _reverberation(depth))[:, None]


def speckle(backscatter: np.ndarray, device: Device, rng: np.random.Generator) -> np.ndarray:
    """Complex echoes, complex64 (R, L), of scatterers whose power is `backscatter` dB, shape (R, L).

    The mean power is that of the scatterers at every depth. The pulse is the same at every depth; the beam widens away
    from its focus, which in beam space is one Gaussian per sample and so a product with its transform along the lines.
    """
    field = _complex_normal(rng, backscatter.shape) * np.power(np.float32(10), backscatter / 20)
    sigma = device.axial_sigma / (device.depth / (len(device.radii) - 1))
    field = gaussian_filter1d(field, sigma, axis=0, mode="nearest") * np.float32(np.sqrt(2 * np.sqrt(np.pi) * sigma))
    pitch = 2 * device.half_angle / (device.lines - 1)
    width = (device.beam_sigma(device.radii) / device.radii / pitch)[:, None]
    padded = fft.next_fast_len(device.lines + int(4 * width.max()))
    transfer = np.exp(-2 * np.square(np.pi * width * fft.fftfreq(padded))).astype(np.float32)
    transfer /= np.sqrt(np.mean(np.square(transfer), axis=1, keepdims=True))
    return fft.ifft(fft.fft(field, padded, axis=1) * transfer, axis=1)[:, : device.lines]


def _complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    parts = rng.standard_normal((*shape, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))
    return parts.view(np.complex64)[..., 0]


def _in_beam_space(scene: Slice, device: Device) -> tuple[np.ndarray, np.ndarray]:
    radii = device.radii[:, None]
    where = scene_indices(radii * np.sin(device.angles), radii * np.cos(device.angles))
    fields = (scene.backscatter, scene.attenuation)
    backscatter, attenuation = (map_coordinates(field, where, order=1, mode="nearest") for field in fields)
    return backscatter, attenuation


def _path_loss(attenuation: np.ndarray, device: Device) -> np.ndarray:
    """Two-way loss in dB up to each sample, smeared over the width of the beam so that shadows have soft edges."""
    step = device.depth / (len(device.radii) - 1)
    return gaussian_filter1d(np.cumsum(attenuation, axis=0, dtype=np.float32) * np.float32(step), 1.5, axis=1)


def _gain_error(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Difference in dB between the operator's gain sliders and the tissue's true loss: (R,)."""
    sliders = rng.normal(0, 1.3, 7) + rng.normal(0, 1.2)
    return np.interp(depth, np.linspace(0, depth[-1], 7), sliders).astype(np.float32)


def _contact(device: Device, rng: np.random.Generator) -> np.ndarray:
    """Gain of each line in dB: elements differ a little, contact is lost towards the sides: (L,)."""
    position = np.linspace(-1, 1, device.lines)
    ripple = gaussian_filter1d(rng.normal(0, 4, device.lines), 5)
    left, right = rng.uniform(0.75, 1.05, 2)
    lost = np.clip((position - right) / 0.12, 0, None) + np.clip((-position - left) / 0.12, 0, None)
    return (ripple - 8 * lost).astype(np.float32)


def _reverberation(depth: np.ndarray) -> np.ndarray:
    """Ringing of the crystal in the first millimetres, in dB: (R,)."""
    return np.float32(9) * np.exp(-depth / np.float32(0.5))
