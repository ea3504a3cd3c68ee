"""Pairs of frames that show nearly the same, also mirrored or turned."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trus.data.check.fingerprint import TURNS, Fingerprint, turn

HASH_DISTANCE = 14
"""Bits of 64 in which the perceptual hashes of candidates may differ."""
ALIKE, ALIKE_SMALL, SMALL = 0.5, 0.9, 128
"""Least correlation of the fine structure; the second where a shorter side has fewer pixels than SMALL: such pictures
are blurred when they are compared, and blurred pictures are all alike."""
COMMON_FROM = 3
"""From this many patients of a device on, what their pictures have in common (sector, scales, text) is taken off."""
_BLOCK = 512


@dataclass(frozen=True)
class Pairs:
    """Pairs found in one block: indices of the frames, correlation 0.5 to 1, and how the second was turned."""

    first: np.ndarray
    second: np.ndarray
    score: np.ndarray
    turned: np.ndarray


def find_pairs(prints: Sequence[Fingerprint], groups: Sequence[tuple[str, str]]) -> Iterator[Pairs]:
    """Pairs of nearly equal pictures, block by block; `groups` are (device, patient) of each.

    A block of 512 x 512 pairs takes eight comparisons of 64-bit hashes each, and a correlation of the candidates:
    10,000 frames take seconds and the memory of their fingerprints (4 KiB a frame).
    """
    if not prints:
        return
    hashes = np.stack([p.hashes for p in prints])
    details = np.stack([p.detail for p in prints])
    least = np.where(np.array([p.shown for p in prints]) < SMALL, ALIKE_SMALL, ALIKE)
    common, which = _common(details, groups)
    for a in range(0, len(prints), _BLOCK):
        for b in range(a, len(prints), _BLOCK):
            for t in range(len(TURNS)):
                distance = np.bitwise_count(hashes[a : a + _BLOCK, None, 0] ^ hashes[None, b : b + _BLOCK, t])
                near = distance <= HASH_DISTANCE
                first, second = np.nonzero(np.triu(near, 1) if a == b else near)
                if first.size:
                    first, second = first + a, second + b
                    score = _correlate(details, common, which, first, second, t)
                    good = score >= np.maximum(least[first], least[second])
                    yield Pairs(first[good], second[good], score[good], np.full(int(good.sum()), t))


def _common(details: np.ndarray, groups: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """What the pictures of a device share, float32 (devices, 64, 64), and the device of each frame; 0 is for none."""
    patients: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (device, patient) in enumerate(groups):
        patients[device][patient].append(index)
    shared = [np.zeros(details.shape[1:], np.float32)]
    which = np.zeros(len(groups), int)
    for own in patients.values():
        if len(own) >= COMMON_FROM:
            for indices in own.values():
                which[indices] = len(shared)
            shared.append(np.mean([details[i].mean(0, dtype=np.float32) for i in own.values()], axis=0))
    return np.stack(shared), which


def _correlate(
    details: np.ndarray, common: np.ndarray, which: np.ndarray, first: np.ndarray, second: np.ndarray, turned: int
) -> np.ndarray:
    """Correlation -1 to 1 of each pair (first, second), the second one turned."""
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    left = _centred(details[rows].astype(np.float32) - common[which[rows]])
    right = _centred(turn(details[columns], turned).astype(np.float32) - common[which[columns]])
    return (left @ right.T)[row, column]


def _centred(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, H * W) of mean 0 and length 1."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
