"""Perona-Malik of trus against medpy, interleaved in one process: `python scripts/benchmark_diffusion.py`.

Prints the median time of each side, the ratio, and the largest difference for the three conductance options.
"""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from medpy.filter.smoothing import anisotropic_diffusion

from trus.preprocessing import perona_malik

ROUNDS, ITERATIONS, KAPPA, GAMMA, SIZE = 11, 15, 0.1, 0.2, 768


def _speckle() -> np.ndarray:
    noise = np.random.default_rng(0).rayleigh(0.25, (SIZE, SIZE)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.0), 0, 1)


def _seconds(function: Callable[[], np.ndarray]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    image = _speckle()
    print(f"{ITERATIONS} iterations, {SIZE}x{SIZE} float32, median of {ROUNDS} interleaved rounds")
    for option in (1, 2, 3):

        def ours(option: int = option) -> np.ndarray:
            return perona_malik(image, ITERATIONS, KAPPA, GAMMA, option)

        def theirs(option: int = option) -> np.ndarray:
            return anisotropic_diffusion(image, ITERATIONS, KAPPA, GAMMA, option=option)

        difference = np.abs(ours() - theirs()).max()
        pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(ROUNDS)]
        mine, medpy = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
        ratio = mine / medpy
        print(
            f"option {option}: trus {mine:.1f} ms, medpy {medpy:.1f} ms, ratio {ratio:.2f}, max diff {difference:.1e}"
        )


if __name__ == "__main__":
    main()
