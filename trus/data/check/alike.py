"""What equal and nearly equal frames mean: a leak, a repeat, or two neighbours in a clip."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trus.data.check.duplicates import Pairs, find_pairs
from trus.data.check.findings import Finding
from trus.data.check.fingerprint import TURNS
from trus.data.check.measure import FrameFacts
from trus.data.manifest import Frame

NEAR = (
    "near-duplicate",
    "near-duplicate-patient-unknown",
    "near-duplicate-across-patients",
    "near-duplicate-across-test",
)
"""Codes of a pair by its relation: one patient, a patient unknown, two patients, two sides of the test split."""


@dataclass(frozen=True)
class Shown:
    """A frame that can be compared."""

    frame: Frame
    facts: FrameFacts


def equal_frames(frames: Sequence[Frame], facts: Sequence[FrameFacts]) -> list[Finding]:
    """Findings on frames whose pixels are equal, also mirrored or turned, whatever their files are."""
    groups: dict[str, list[Shown]] = defaultdict(list)
    for frame, known in zip(frames, facts, strict=True):
        if known.pixels:
            groups[known.pixels_any_way].append(Shown(frame, known))
    return [finding for group in groups.values() if len(group) > 1 for finding in _equal(group)]


def _equal(group: list[Shown]) -> list[Finding]:
    rows = tuple(shown.frame.row for shown in group)
    names = ", ".join(_described(shown.frame) for shown in group[:4]) + (", ..." if len(group) > 4 else "")
    codes = []
    if len({shown.frame.split == "test" for shown in group}) > 1:
        codes.append("duplicate-across-test")
    if len({shown.frame.patient_id for shown in group}) > 1:
        codes.append("duplicate-across-patients")
    turned = ", mirrored or turned" if len({shown.facts.pixels for shown in group}) > 1 else ""
    findings = [
        Finding(code, rows, f"{len(group)} times the same pixels{turned}: {names}") for code in codes or ["duplicate"]
    ]
    if not turned and len({shown.facts.labels for shown in group if shown.facts.labels}) > 1:
        findings.append(Finding("duplicate-other-mask", rows, f"same pixels, different masks: {names}"))
    return findings


def _described(frame: Frame) -> str:
    known = [part for part in (frame.patient_id and f"patient {frame.patient_id}", frame.split) if part]
    return f"{frame.image_id} ({', '.join(known)})" if known else frame.image_id


def nearly_equal_frames(frames: Sequence[Frame], facts: Sequence[FrameFacts]) -> list[Finding]:
    """Findings on frames that show nearly the same: for each relation, one a group of frames that hang together."""
    shown = [Shown(f, k) for f, k in zip(frames, facts, strict=True) if k.fingerprint is not None]
    prints = [known.facts.fingerprint for known in shown if known.facts.fingerprint is not None]
    groups = [(s.frame.device or "", s.frame.patient_id or f"row {s.frame.row}") for s in shown]
    relate = _Relations(shown)
    best: dict[str, _Best] = defaultdict(lambda: _Best(len(shown)))
    for pairs in find_pairs(prints, groups):
        codes = relate(pairs)
        for code in np.unique(codes[codes != ""]):
            best[str(code)].take(pairs, codes == code)
    return [finding for code, kept in best.items() for finding in kept.findings(code, shown)]


class _Relations:
    """Gives each pair its code; empty for equal pixels, which `equal_frames` tells."""

    def __init__(self, shown: list[Shown]) -> None:
        self.patient = _numbered([s.frame.patient_id or "" for s in shown])
        self.known = np.array([s.frame.patient_id is not None for s in shown], bool)
        self.test = np.array([s.frame.split == "test" for s in shown], bool)
        self.pixels = _numbered([s.facts.pixels_any_way for s in shown])

    def __call__(self, pairs: Pairs) -> np.ndarray:
        a, b = pairs.first, pairs.second
        both = self.known[a] & self.known[b]
        one = both & (self.patient[a] == self.patient[b])
        relation = np.select([one, self.test[a] != self.test[b], both], [0, 3, 2], 1)
        return np.where(self.pixels[a] == self.pixels[b], "", np.array(NEAR)[relation])


def _numbered(texts: list[str]) -> np.ndarray:
    return np.unique(np.array(texts, dtype=object), return_inverse=True)[1]


class _Best:
    """Groups of frames that hang together, and for each frame its best partner: bounded, however many pairs come."""

    def __init__(self, frames: int) -> None:
        self.score = np.zeros(frames, np.float32)
        self.partner = np.full(frames, -1)
        self.turned = np.zeros(frames, int)
        self.group = np.arange(frames)

    def take(self, pairs: Pairs, chosen: np.ndarray) -> None:
        """Keep the better ones of the chosen pairs, seen from both their frames."""
        for own, other in ((pairs.first, pairs.second), (pairs.second, pairs.first)):
            order = np.flatnonzero(chosen)[np.argsort(pairs.score[chosen], kind="stable")]
            better = order[pairs.score[order] > self.score[own[order]]]
            self.score[own[better]] = pairs.score[better]  # of several, the last and so the highest stays
            self.partner[own[better]] = other[better]
            self.turned[own[better]] = pairs.turned[better]
        self._join(pairs.first[chosen], pairs.second[chosen])

    def _join(self, first: np.ndarray, second: np.ndarray) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        edges = (np.ones(len(first), bool), (self.group[first], self.group[second]))
        joined = connected_components(coo_array(edges, shape=2 * self.group.shape), directed=False)[1]
        self.group = joined[self.group]

    def findings(self, code: str, shown: list[Shown]) -> list[Finding]:
        """One finding a group."""
        members: dict[int, list[int]] = defaultdict(list)
        for index in np.flatnonzero(self.partner >= 0).tolist():
            members[int(self.group[index])].append(index)
        return [self._finding(code, indices, shown) for indices in members.values()]

    def _finding(self, code: str, indices: list[int], shown: list[Shown]) -> Finding:
        top = max(indices, key=lambda index: float(self.score[index]))
        first, second = sorted((top, int(self.partner[top])))
        how = f", {TURNS[self.turned[top]]}" if self.turned[top] else ""
        pair = f"{_described(shown[first].frame)} and {_described(shown[second].frame)}"
        more = f"; {len(indices)} frames in this group" if len(indices) > 2 else ""
        rows = tuple(
            shown[index].frame.row for index in [first, second, *(i for i in indices if i not in (first, second))]
        )
        return Finding(code, rows, f"{pair}: similarity {min(self.score[top], 1):.2f}{how}{more}")
