"""Random augmentation of training frames; the one file that imports albumentations."""

import os
from typing import Any

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network for a newer version

import albumentations as A
import cv2

from trus.errors import ConfigError

SETTINGS = (
    *("flip", "rotate", "scale", "translate", "elastic", "brightness", "contrast", "gamma", "speckle", "noise"),
    "blur",
)


class Augmentation:
    """Geometry and grey values of a preprocessed frame, changed at random; targets follow the geometry.

    Settings (conf/augmentation): `flip` probability; `rotate` degrees, `scale` and `translate` fractions (each the
    largest change to either side); `brightness`, `contrast`, `gamma` largest relative change; `speckle` largest
    relative change of a pixel; `noise` largest standard deviation of additive noise; `blur` largest sigma in px;
    `elastic` alpha of the elastic transform (40 moves pixels by about one).
    0, and a setting left out, switches one off. Raises ConfigError for an unknown one or one out of range.
    """

    def __init__(self, **settings: float):
        if unknown := sorted({*settings} - {*SETTINGS}):
            raise ConfigError(f"augmentation: unknown {unknown}; choose from {', '.join(SETTINGS)}")
        complete = dict.fromkeys(SETTINGS, 0.0) | settings
        try:
            self.transform = A.Compose([*_geometry(complete), *_grey_values(complete)])
        except ValueError as error:
            raise ConfigError(f"augmentation={settings}: out of range ({error})") from error

    def seed(self, seed: int) -> None:
        """Start the random stream anew; each DataLoader worker needs a seed of its own."""
        self.transform.set_random_seed(seed % 2**32)

    def __call__(self, image: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C, h, w) float32 of any range and (K, h, w) uint8 -> the same shapes and types."""
        low, high = float(image.min()), float(image.max())
        unit = (image - low) / max(high - low, 1e-6)  # albumentations wants 0..1
        result = self.transform(image=_to_last(unit), mask=_to_last(target))
        changed = np.clip(result["image"].astype(np.float32), 0, 1) * (high - low) + low
        return _to_first(changed), _to_first(result["mask"])


def _to_last(planes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _to_first(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((array if array.ndim == 3 else array[..., None]).transpose(2, 0, 1))


def _geometry(s: dict[str, float]) -> list[Any]:
    steps: list[Any] = []
    if s["flip"]:
        steps.append(A.HorizontalFlip(p=s["flip"]))
    if s["rotate"] or s["scale"] or s["translate"]:
        steps.append(
            A.Affine(
                rotate=(-s["rotate"], s["rotate"]),
                scale=(1 - s["scale"], 1 + s["scale"]),
                translate_percent=(-s["translate"], s["translate"]),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                p=1.0,
            )
        )
    if s["elastic"]:
        steps.append(A.ElasticTransform(alpha=s["elastic"], sigma=s["elastic"] / 8, p=0.5))
    return steps


def _grey_values(s: dict[str, float]) -> list[Any]:
    steps: list[Any] = []
    if s["brightness"] or s["contrast"]:
        steps.append(A.RandomBrightnessContrast(s["brightness"], s["contrast"], p=0.8))
    if s["gamma"]:
        steps.append(A.RandomGamma((100 * (1 - s["gamma"]), 100 * (1 + s["gamma"])), p=0.5))
    if s["speckle"]:
        noise = (1 - s["speckle"], 1 + s["speckle"])
        steps.append(A.MultiplicativeNoise(noise, per_channel=False, elementwise=True, p=0.3))
    if s["noise"]:
        steps.append(A.GaussNoise((0, s["noise"]), per_channel=False, p=0.3))
    if s["blur"]:
        steps.append(A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, s["blur"]), p=0.3))
    return steps
