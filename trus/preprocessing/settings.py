"""The settings of denoising and normalising, each method with its own keys, and readable errors about them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from trus.preprocessing.diffusion import isotropic_diffusion, perona_malik, srad

Iterations = Annotated[int, Field(ge=0, le=1000)]
Gamma = Annotated[float, Field(gt=0, le=0.25)]


class Settings(BaseModel):
    """Immutable, finite numbers only, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NoDenoise(Settings):
    """Leave the grey values as they are."""

    name: Literal["none"] = "none"

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W) float32 in 0..1, returned unchanged."""
        return image


class IsotropicDiffusion(Settings):
    """A Gaussian of sigma = sqrt(2 * gamma * iterations) px."""

    name: Literal["isotropic_diffusion"] = "isotropic_diffusion"
    iterations: Iterations = 5
    gamma: Gamma = 0.2

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W) float32 in 0..1 -> the same, smoothed."""
        return isotropic_diffusion(image, self.iterations, self.gamma)


class PeronaMalik(Settings):
    """Edge-preserving diffusion; `kappa` is on the grey scale 0..1 (0.1 = 25 grey levels of 255)."""

    name: Literal["perona_malik"] = "perona_malik"
    iterations: Iterations = 15
    kappa: Annotated[float, Field(gt=0)] = 0.04
    gamma: Gamma = 0.2
    option: Literal[1, 2, 3] = 2

    @field_validator("kappa")
    @classmethod
    def _on_unit_scale(cls, kappa: float) -> float:
        if kappa > 1:
            raise ValueError(
                f"kappa is on the grey scale 0..1; for {kappa:g} grey levels of 255 write {kappa / 255:.3g}"
            )
        return kappa

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W) float32 in 0..1 -> the same, smoothed."""
        return perona_malik(image, self.iterations, self.kappa, self.gamma, self.option)


class Srad(Settings):
    """Speckle reducing anisotropic diffusion; `q0` is the coefficient of variation of speckle at the start."""

    name: Literal["srad"] = "srad"
    iterations: Iterations = 40
    step: Annotated[float, Field(gt=0, le=1)] = 0.05
    q0: Annotated[float, Field(gt=0)] = 0.5
    rho: Annotated[float, Field(ge=0)] = 1 / 6

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W) float32 in 0..1 -> the same, smoothed."""
        return srad(image, self.iterations, self.step, self.q0, self.rho)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, int | float) else value


_FURTHEST = 1e6
"""Grey values are 0..1; statistics far beyond would leave float32 nothing of them, or infinity."""

PerChannel = Annotated[tuple[float, ...], BeforeValidator(_as_list)]
Statistics = tuple[np.ndarray, np.ndarray]


class UnitNormalise(Settings):
    """Grey values stay in 0..1, the range of the frame's data type; padding is 0."""

    name: Literal["unit"] = "unit"

    def statistics(self, content: np.ndarray) -> Statistics:
        """Offset 0 and divisor 1, whatever the content (P, h, w)."""
        return np.zeros(1, np.float32), np.ones(1, np.float32)


class FixedNormalise(Settings):
    """(value - mean) / std with one number for all channels or one a channel; padding is black: -mean / std."""

    name: Literal["fixed"] = "fixed"
    mean: PerChannel = (0.5,)
    std: PerChannel = (0.5,)

    @field_validator("mean")
    @classmethod
    def _fits(cls, mean: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(value) > _FURTHEST for value in mean):
            raise ValueError(f"mean has to lie within -{_FURTHEST:g} and {_FURTHEST:g}")
        return mean

    @field_validator("std")
    @classmethod
    def _positive(cls, std: tuple[float, ...]) -> tuple[float, ...]:
        if any(value <= 0 for value in std):
            raise ValueError("std has to be above 0")
        if any(not 1 / _FURTHEST <= value <= _FURTHEST for value in std):
            raise ValueError(f"std has to lie within {1 / _FURTHEST:g} and {_FURTHEST:g}")
        return std

    def statistics(self, content: np.ndarray) -> Statistics:
        """Offset and divisor, each of length 1 or C, whatever the content (P, h, w)."""
        return np.array(self.mean, np.float32), np.array(self.std, np.float32)


class ZscoreNormalise(Settings):
    """Mean 0 and standard deviation 1 over the region of each plane; padding is what black becomes, -mean / std."""

    name: Literal["zscore"] = "zscore"

    def statistics(self, content: np.ndarray) -> Statistics:
        """Mean and standard deviation (P,) of the content (P, h, w); a flat plane becomes 0."""
        std = content.std(axis=(1, 2), dtype=np.float64)
        mean = content.mean(axis=(1, 2), dtype=np.float64)
        return mean.astype(np.float32), np.where(std > 1e-6, std, 1).astype(np.float32)


class PercentileNormalise(Settings):
    """The percentiles `low` and `high` of the region of each plane become 0 and 1, clipped; padding is 0."""

    name: Literal["percentile"] = "percentile"
    low: Annotated[float, Field(ge=0, le=100)] = 1.0
    high: Annotated[float, Field(ge=0, le=100)] = 99.0

    @model_validator(mode="after")
    def _ordered(self) -> "PercentileNormalise":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) has to be below high ({self.high:g})")
        return self

    def statistics(self, content: np.ndarray) -> Statistics:
        """Lower percentile and its distance to the upper one (P,) of the content (P, h, w); a flat plane becomes 0."""
        low, high = np.percentile(content, (self.low, self.high), axis=(1, 2))
        return low.astype(np.float32), np.where(high - low > 1e-6, high - low, 1).astype(np.float32)


DenoiseMethod = NoDenoise | IsotropicDiffusion | PeronaMalik | Srad
NormaliseMethod = UnitNormalise | FixedNormalise | ZscoreNormalise | PercentileNormalise
_GROUPS = {
    group: {get_args(method.model_fields["name"].annotation)[0]: method for method in get_args(union)}
    for group, union in {"denoise": DenoiseMethod, "normalise": NormaliseMethod}.items()
}


def drop_leftovers(group: str, value: Any) -> dict[str, Any]:
    """Forget keys that a change of `name` on a command line leaves behind and that cannot mislead.

    Those are nulls, and the parameters of other methods where the chosen one has none of its own. Raises ValueError
    for anything but a mapping.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"give a mapping with a name: one of {', '.join(_GROUPS[group])}")
    kept = {key: setting for key, setting in value.items() if setting is not None}
    if _parameters(group, kept.get("name")):
        return kept
    others = {key for method in _GROUPS[group] for key in _parameters(group, method)}
    return {key: setting for key, setting in kept.items() if key not in others}


def describe(error: ValidationError, keys: Iterable[str]) -> str:
    """All problems of a preprocessing, one a line, each with the key, the value and what is valid."""
    return "\n".join(f"  {_describe_one(dict(problem), sorted(keys))}" for problem in error.errors())


def _describe_one(problem: dict[str, Any], keys: list[str]) -> str:
    group, *path = problem["loc"] or ("preprocessing",)
    method = path.pop(0) if group in _GROUPS and path else None
    where = ".".join(str(part) for part in (group, *path))
    if problem["type"] == "extra_forbidden":
        return f"{where}: {problem['input']!r}: {_unknown_key(group, method, str(path[-1]) if path else '', keys)}"
    if problem["type"].startswith("union_tag"):
        return f"{where}.name: {_name_of(problem['input'])!r} is unknown; use one of {', '.join(_GROUPS[group])}"
    if problem["type"] == "missing":
        return f"{where}: is required and missing"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("Field ")
    return f"{where}: {problem['input']!r}: {message}"


def _unknown_key(group: str, method: str | None, key: str, keys: list[str]) -> str:
    if method is None:
        return f"unknown key; valid keys: {', '.join(keys)}"
    owners = [name for name in _GROUPS[group] if key in _parameters(group, name)]
    origin = f" (it belongs to {', '.join(owners)}; set it to null or remove it)" if owners else ""
    return f"{method} has no such parameter{origin}; valid: {', '.join(_parameters(group, method)) or 'none'}"


def _name_of(value: Any) -> Any:
    return value.get("name") if isinstance(value, dict) else value


def _parameters(group: str, method: Any) -> list[str]:
    known = _GROUPS[group].get(method) if isinstance(method, str) else None
    return [key for key in known.model_fields if key != "name"] if known else []
