import math

import cv2
import numpy as np
import pytest
from medpy.filter.smoothing import anisotropic_diffusion

from trus.errors import ConfigError
from trus.preprocessing import isotropic_diffusion, perona_malik, srad


def speckle(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).rayleigh(0.25, (height, width)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 0.8), 0, 1)


def literal_srad(image: np.ndarray, iterations: int, step: float, q0: float, rho: float) -> np.ndarray:
    """Yu and Acton 2002, equations 52 to 61, pixel by pixel in float64, symmetric borders."""
    current = image.astype(np.float64)
    height, width = current.shape
    for n in range(iterations):
        q0_t = q0 * math.exp(-rho * n * step)
        padded = np.pad(current, 1, mode="symmetric")
        c = np.zeros((height + 1, width + 1))
        for i in range(height):
            for j in range(width):
                here = padded[i + 1, j + 1]
                right = (padded[i + 2, j + 1] - here, padded[i + 1, j + 2] - here)
                left = (here - padded[i, j + 1], here - padded[i + 1, j])
                gradient = math.hypot(*right, *left) / here
                laplacian = (right[0] + right[1] - left[0] - left[1]) / here
                q = math.sqrt(0.5 * gradient**2 - laplacian**2 / 16) / (1 + laplacian / 4)
                c[i, j] = 1 / (1 + (q**2 - q0_t**2) / (q0_t**2 * (1 + q0_t**2)))
        c[height], c[:, width] = c[height - 1], c[:, width - 1]
        updated = np.empty_like(current)
        for i in range(height):
            for j in range(width):
                here = padded[i + 1, j + 1]
                divergence = (
                    c[i + 1, j] * (padded[i + 2, j + 1] - here)
                    + c[i, j] * (padded[i, j + 1] - here)
                    + c[i, j + 1] * (padded[i + 1, j + 2] - here)
                    + c[i, j] * (padded[i + 1, j] - here)
                )
                updated[i, j] = here + step / 4 * divergence
        current = updated
    return current


@pytest.mark.parametrize("option", [1, 2, 3])
@pytest.mark.parametrize(("shape", "kappa", "gamma"), [((97, 61), 0.1, 0.2), ((40, 900), 0.04, 0.25)])
def test_perona_malik_agrees_with_medpy(option, shape, kappa, gamma):
    image = speckle(*shape)
    expected = anisotropic_diffusion(image, niter=15, kappa=kappa, gamma=gamma, option=option)
    assert np.abs(perona_malik(image, 15, kappa, gamma, option) - expected).max() <= 1e-5


def test_perona_malik_agrees_with_medpy_on_grey_levels_of_255():
    image = np.round(speckle(80, 90) * 255)
    expected = anisotropic_diffusion(image, niter=20, kappa=30, gamma=0.1, option=1)
    assert np.abs(perona_malik(image, 20, 30, 0.1, 1) - expected).max() <= 255e-5


@pytest.mark.parametrize(("q0", "rho", "step"), [(1.0, 1 / 6, 0.05), (0.5, 1 / 6, 0.05), (0.4, 0.0, 0.1)])
def test_srad_agrees_with_the_published_equations(q0, rho, step):
    image = speckle(23, 31) + 0.02
    assert np.abs(srad(image, 25, step, q0, rho) - literal_srad(image, 25, step, q0, rho)).max() <= 1e-5


def test_srad_is_unchanged_by_strips(monkeypatch):
    image = speckle(50, 40)
    whole = srad(image, 10, 0.05, 0.5, 1 / 6)
    monkeypatch.setattr("trus.preprocessing.diffusion._STRIP_PIXELS", 7 * 40)
    np.testing.assert_array_equal(srad(image, 10, 0.05, 0.5, 1 / 6), whole)


def test_perona_malik_is_unchanged_by_strips(monkeypatch):
    image = speckle(50, 40)
    whole = perona_malik(image, 10, 0.05, 0.2)
    monkeypatch.setattr("trus.preprocessing.diffusion._STRIP_PIXELS", 1)
    np.testing.assert_allclose(perona_malik(image, 10, 0.05, 0.2), whole, atol=1e-6)


def test_isotropic_is_perona_malik_without_edges():
    image = speckle(45, 70)
    np.testing.assert_allclose(isotropic_diffusion(image, 8, 0.2), perona_malik(image, 8, 1e4, 0.2), atol=1e-5)


def test_isotropic_equals_the_stated_gaussian():
    image = speckle(90, 90)
    blurred = cv2.GaussianBlur(image, (0, 0), math.sqrt(2 * 0.2 * 20), borderType=cv2.BORDER_REFLECT)
    assert np.abs(isotropic_diffusion(image, 20, 0.2) - blurred).max() < 0.01


FILTERS = {
    "isotropic": lambda image: isotropic_diffusion(image, 6, 0.25),
    "perona_malik": lambda image: perona_malik(image, 6, 0.05, 0.25),
    "srad": lambda image: srad(image, 6, 0.05, 0.5, 1 / 6),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_keep_mean_range_input_and_repeat(name):
    image = speckle(64, 48)
    image[:20, :20] = 0
    before = image.copy()
    result = FILTERS[name](image)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(FILTERS[name](image), result)
    assert result.dtype == np.float32
    assert result.shape == image.shape
    assert abs(float(result.mean()) - float(image.mean())) < 1e-5
    assert image.min() - 1e-6 <= result.min() <= result.max() <= image.max() + 1e-6
    assert result.std() < image.std()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_filters_take_the_smallest_images(name, shape):
    result = FILTERS[name](np.full(shape, 0.5, np.float32))
    np.testing.assert_allclose(result, 0.5)


def test_srad_stays_bounded_where_the_published_scheme_is_unstable():
    result = srad(speckle(40, 40), 400, 0.05, 0.1, 1 / 6)
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() <= 1


def test_srad_leaves_black_black():
    np.testing.assert_array_equal(srad(np.zeros((8, 8)), 5, 0.05, 0.5, 0.1), 0)


def test_srad_does_not_depend_on_the_grey_scale():
    image = speckle(30, 30)
    np.testing.assert_allclose(srad(image * 255, 10, 0.05, 0.5, 0.1) / 255, srad(image, 10, 0.05, 0.5, 0.1), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda image: perona_malik(image, 1, 0.1, 0.26), "gamma"),
        (lambda image: perona_malik(image, 1, 0.0, 0.2), "kappa"),
        (lambda image: perona_malik(image, 1, 0.1, 0.2, 4), "option"),
        (lambda image: perona_malik(image, -1, 0.1, 0.2), "iterations"),
        (lambda image: perona_malik(image[None], 1, 0.1, 0.2), "shape"),
        (lambda image: isotropic_diffusion(image, 1, 0.3), "gamma"),
        (lambda image: srad(image, 1, 1.5, 0.5, 0.1), "step"),
        (lambda image: srad(image, 1, 0.05, math.nan, 0.1), "q0"),
        (lambda image: srad(image, 1, 0.05, 0.5, -1), "rho"),
        (lambda image: srad(image - 1, 1, 0.05, 0.5, 0.1), "negative"),
    ],
)
def test_settings_out_of_range_are_named(call, named):
    with pytest.raises(ConfigError, match=named):
        call(speckle(8, 8))
