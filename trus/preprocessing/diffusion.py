"""Explicit diffusion filters on one grey plane: isotropic, Perona-Malik and SRAD, all with zero flux at the borders."""

from collections.abc import Callable

import cv2
import numpy as np

from trus.errors import ConfigError

_STRIP_PIXELS = 49_152
"""Pixels updated at once: the few buffers of a strip then stay in the L2 cache, which halves the time of a sweep."""

_TINY = 1e-30
"""Keeps the conductance of all-black neighbourhoods defined; far below the square of any grey level."""

_Update = Callable[[np.ndarray, int], np.ndarray]


def isotropic_diffusion(image: np.ndarray, iterations: int, gamma: float) -> np.ndarray:
    """Linear heat equation, explicit scheme: Perona-Malik with a conductance of 1 everywhere.

    Equal in effect to a Gaussian of sigma = sqrt(2 * gamma * iterations) pixels with mirrored borders.

    image: (H, W), any grey scale. iterations >= 0. gamma: time step in (0, 0.25], stable up to 0.25.
    Returns float32 (H, W); the mean is kept. Raises ConfigError for a setting out of range.
    """
    _check_plane(image, iterations)
    _check_range("gamma", gamma, 0.25)
    kernel = np.array([[0, gamma, 0], [gamma, 1 - 4 * gamma, gamma], [0, gamma, 0]], np.float32)
    current = np.array(image, np.float32, order="C")
    for _ in range(iterations):
        current = cv2.filter2D(current, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return current


def perona_malik(image: np.ndarray, iterations: int, kappa: float, gamma: float, option: int = 1) -> np.ndarray:
    """Edge-preserving diffusion: differences well below `kappa` are smoothed away, those above it are kept.

    Perona and Malik, IEEE TPAMI 12(7), 1990, doi:10.1109/34.56205; option 3: Black et al., IEEE TIP 7(3), 1998,
    doi:10.1109/83.661192. Same scheme, options and borders as `medpy.filter.smoothing.anisotropic_diffusion`.

    image: (H, W), any grey scale. iterations >= 0. kappa > 0, in the grey scale of `image`. gamma: time step in
    (0, 0.25], stable up to 0.25. option: conductance 1 = exp(-(d/kappa)^2) (favours strong edges),
    2 = 1 / (1 + (d/kappa)^2) (favours wide regions), 3 = Tukey's biweight (stops at differences of sqrt(2) kappa).
    Returns float32 (H, W); the mean is kept. Raises ConfigError for a setting out of range.
    """
    _check_plane(image, iterations)
    _check_range("kappa", kappa)
    _check_range("gamma", gamma, 0.25)
    if option not in _CONDUCTANCES:
        raise ConfigError(f"option: {option!r} is unknown; use one of {sorted(_CONDUCTANCES)}")
    conduct = _CONDUCTANCES[option]
    buffers = _Buffers(image.shape, halo=1, count=3)

    def update(strip: np.ndarray, _: int) -> np.ndarray:
        updated, fluxes, conductances = buffers.like(strip)
        np.copyto(updated, strip)
        for axis in _axes(strip):
            flux, conductance = _inner(fluxes, axis), _inner(conductances, axis)
            _difference(strip, axis, flux)
            conduct(flux, kappa, conductance)
            cv2.multiply(flux, conductance, dst=flux, scale=gamma)
            _add_divergence(updated, flux, axis)
        return updated

    return _sweep(image, iterations, buffers, update)


def srad(image: np.ndarray, iterations: int, step: float, q0: float, rho: float) -> np.ndarray:
    """Speckle reducing anisotropic diffusion: smooths where the local coefficient of variation is that of speckle.

    Yu and Acton, IEEE TIP 11(11), 2002, doi:10.1109/TIP.2002.804276: equations 31 (coefficient of variation q),
    33 (conductance c), 37 (q0(t) = q0 exp(-rho t), t = n * step) and 52 to 61 (scheme). The one addition: c is at
    most 1 / step, which binds only where the published scheme is unstable (q below a q0 that has decayed to about
    sqrt(step)).

    image: (H, W), non-negative (the method is unchanged when the grey scale is multiplied). iterations >= 0.
    step: time step in (0, 1]; the paper uses 0.05. q0 > 0: speckle's coefficient of variation at the start (1 for
    raw fully developed speckle, far less on log-compressed frames). rho >= 0: its decay per unit of time.
    Returns float32 (H, W). Raises ConfigError for a setting out of range.
    """
    _check_plane(image, iterations)
    _check_range("step", step, 1.0)
    _check_range("q0", q0)
    _check_range("rho", rho, exclusive=False)
    if image.size and image.min() < 0:
        raise ConfigError(f"image: {image.min()} is negative; SRAD is defined for grey values >= 0")
    buffers = _Buffers(image.shape, halo=2, count=5)

    def update(strip: np.ndarray, iteration: int) -> np.ndarray:
        updated, conductance, *scratch = buffers.like(strip)
        q0_squared = (q0 * np.exp(-rho * step * iteration)) ** 2
        _srad_conductance(strip, q0_squared, conductance, *scratch)
        cv2.min(conductance, 1 / step, dst=conductance)
        np.copyto(updated, strip)
        for axis in _axes(strip):
            flux = _inner(scratch[0], axis)
            _difference(strip, axis, flux)
            cv2.multiply(flux, _after(conductance, axis), dst=flux, scale=step / 4)
            _add_divergence(updated, flux, axis)
        return updated

    return _sweep(image, iterations, buffers, update)


def _srad_conductance(
    strip: np.ndarray, q0_squared: float, out: np.ndarray, change: np.ndarray, spread: np.ndarray, mean: np.ndarray
) -> None:
    """c of (33). Expanding (31) by I^2 gives q^2 = spread / mean^2: no division by a black pixel is left.

    spread: half the squared gradient less (Laplacian / 4)^2; mean: of the four neighbours, I + Laplacian / 4.
    """
    spread.fill(0)
    np.copyto(mean, strip)
    for axis in _axes(strip):
        difference, scaled = _inner(change, axis), _inner(out, axis)
        _difference(strip, axis, difference)
        cv2.multiply(difference, difference, dst=scaled, scale=0.5)
        _inner(spread, axis)[...] += scaled
        _after(spread, axis)[...] += scaled
        _add_divergence(mean, cv2.multiply(difference, 0.25, dst=scaled), axis)
    np.subtract(mean, strip, out=change)
    np.subtract(spread, np.multiply(change, change, out=change), out=spread)
    np.multiply(mean, mean, out=mean)
    cv2.addWeighted(mean, q0_squared**2, spread, 1, _TINY, dst=spread)
    cv2.divide(mean, spread, dst=out, scale=q0_squared * (1 + q0_squared))


def _exponential(difference: np.ndarray, kappa: float, out: np.ndarray) -> None:
    cv2.multiply(difference, difference, dst=out, scale=-1 / kappa**2)
    cv2.exp(out, dst=out)


def _rational(difference: np.ndarray, kappa: float, out: np.ndarray) -> None:
    cv2.multiply(difference, difference, dst=out, scale=1 / kappa**2)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def _biweight(difference: np.ndarray, kappa: float, out: np.ndarray) -> None:
    cv2.multiply(difference, difference, dst=out, scale=-0.5 / kappa**2)
    np.add(out, 1, out=out)
    np.maximum(out, 0, out=out)
    cv2.multiply(out, out, dst=out, scale=0.5)


_CONDUCTANCES = {1: _exponential, 2: _rational, 3: _biweight}


class _Buffers:
    """Scratch planes of one strip, allocated once for all iterations."""

    def __init__(self, shape: tuple[int, ...], halo: int, count: int) -> None:
        self.halo = halo
        self.rows = max(1, _STRIP_PIXELS // max(1, shape[1]))
        self._planes = np.empty((count, min(self.rows + 2 * halo, shape[0]), shape[1]), np.float32)

    def like(self, strip: np.ndarray) -> list[np.ndarray]:
        return [plane[: len(strip)] for plane in self._planes]


def _sweep(image: np.ndarray, iterations: int, buffers: _Buffers, update: _Update) -> np.ndarray:
    """Jacobi iterations in strips; `halo` extra rows on either side make a strip's own rows independent of the cut."""
    current = np.array(image, np.float32, order="C")
    following = np.empty_like(current)
    for iteration in range(iterations):
        for top in range(0, len(current), buffers.rows):
            first = max(top - buffers.halo, 0)
            updated = update(current[first : top + buffers.rows + buffers.halo], iteration)
            target = following[top : top + buffers.rows]
            np.copyto(target, updated[top - first : top - first + len(target)])
        current, following = following, current
    return current


def _axes(plane: np.ndarray) -> list[int]:
    return [axis for axis in (0, 1) if plane.shape[axis] > 1]


def _inner(plane: np.ndarray, axis: int) -> np.ndarray:
    return plane[:-1] if axis == 0 else plane[:, :-1]


def _after(plane: np.ndarray, axis: int) -> np.ndarray:
    return plane[1:] if axis == 0 else plane[:, 1:]


def _difference(plane: np.ndarray, axis: int, out: np.ndarray) -> None:
    np.subtract(_after(plane, axis), _inner(plane, axis), out=out)


def _add_divergence(target: np.ndarray, flux: np.ndarray, axis: int) -> None:
    _inner(target, axis)[...] += flux
    _after(target, axis)[...] -= flux


def _check_plane(image: np.ndarray, iterations: int) -> None:
    if image.ndim != 2:
        raise ConfigError(f"image: shape {image.shape} is not one grey plane (H, W)")
    if iterations < 0:
        raise ConfigError(f"iterations: {iterations} is below 0")


def _check_range(name: str, value: float, upper: float = float("inf"), exclusive: bool = True) -> None:
    above = value > 0 if exclusive else value >= 0
    if not (above and value <= upper and np.isfinite(value)):
        limit = "" if upper == float("inf") else f" and at most {upper}"
        raise ConfigError(
            f"{name}: {value!r} is out of range; use a number {'above' if exclusive else 'from'} 0{limit}"
        )
