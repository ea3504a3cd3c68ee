"""Choosing thresholds and post-processing on out-of-fold predictions, honest about the optimism of a choice."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.data.manifest import Frame
from trus.evaluation.measures.metrics import Overlap
from trus.evaluation.operating_point.candidates import list_rules
from trus.evaluation.operating_point.choice import MIN_PATIENTS, Choice, ClassChoice, Part
from trus.evaluation.operating_point.evidence import Evidence
from trus.evaluation.predictions import LEVELS, Predictions
from trus.evaluation.statistics import RESAMPLES, Estimate, bootstrap_curve, bootstrap_mean
from trus.inference.postprocessing import Rule

CANDIDATES = np.arange(16, 241, 8)
"""Levels of the thresholds that can be chosen, n / 256: 0.0625 to 0.9375 in steps of 1/32."""


def choose_operating_point(
    parts: Sequence[tuple[int, Predictions]],
    frames: Sequence[Frame],
    classes: Classes,
    data_hash: str,
    split_hash: str,
    cv_key: str | None = None,
    threshold: float = 0.5,
    resamples: int = RESAMPLES,
    done: Callable[[], Any] = lambda: None,
) -> Choice:
    """Choose for each class the threshold and then the rule with the best mean per-image IoU.

    `parts` are (fold, its out-of-fold predictions), several of a fold for several seeds; `classes` the manifest's;
    `threshold` is what the networks were scored with. What a choice gains is measured on folds left out: each is scored
    with what the predictions of all patients outside it chose. A threshold, and a rule on top of it, is taken over only
    where the 95 % interval of that paired gain, over patients, lies above 0, and only if all together gain too;
    otherwise `threshold` and no rule stay. Each class is chosen with the others as they were, and all are scored
    together, as a predictor decides. `done` is called after each prediction that was read, at most K + 3 times each.
    Raises ManifestError, ModelFileError.
    """
    search = _Search(Evidence(parts, frames, classes, done), threshold, resamples)
    choice = search.choose(data_hash, split_hash, cv_key)
    return choice if not choice.changes or choice.gain.low > 0 else search.keep(choice)


Pick = tuple[float, Rule]
"""A threshold and a rule."""


class _Search:
    def __init__(self, evidence: Evidence, threshold: float, resamples: int):
        self.evidence, self.threshold, self.resamples = evidence, threshold, resamples
        # the level that decides kept probabilities, which lie in the middle of their steps, as the threshold does
        self.level = min(max(math.ceil(threshold * LEVELS - 0.5), 1), LEVELS - 1)
        self.curves, areas = evidence.threshold_overlap(threshold)
        self.rules = list_rules([item.frame for item in evidence.items], areas)
        everything = np.ones(len(evidence.items), bool)
        self.selections = [*(evidence.others(g) for g in range(len(evidence.names))), everything]

    def choose(self, data_hash: str, split_hash: str, cv_key: str | None) -> Choice:
        """Each class by itself, then all together."""
        evidence = self.evidence
        found = [self._choose_class(k) for k in range(len(evidence.classes.targets))]
        chosen = dict(zip(evidence.classes.targets, (one for one, _ in found), strict=True))
        before = self._default
        after, same = before, before
        if any(one.accepted for one in chosen.values()):
            after = self._decided([picks for _, picks in found], evidence.group)
            same = self._decided([picks for _, picks in found], np.full(len(evidence.items), -1))
        return Choice(
            classes=chosen,
            before=self._mean(before.iou),
            after=self._mean(after.iou),
            gain=self._mean(after.iou - before.iou),
            gain_where_chosen=self._mean(same.iou - before.iou),
            missed=(self._count(before.missed), self._count(after.missed)),
            false_positive_frames=(self._count(before.false_positive), self._count(after.false_positive)),
            grouped=all(item.frame.patient_id for item in evidence.items),
            cv_key=cv_key,
            data_hash=data_hash,
            split_hash=split_hash,
        )

    def keep(self, choice: Choice) -> Choice:
        """The same findings with nothing taken over: classes that gain alone may lose together."""
        nothing = self._mean(self._default.iou * 0)
        return replace(
            choice,
            classes={
                n: replace(c, threshold=self.threshold, rule=Rule(), accepted=[]) for n, c in choice.classes.items()
            },
            after=choice.before,
            gain=nothing,
            gain_where_chosen=nothing,
            missed=(choice.missed[0],) * 2,
            false_positive_frames=(choice.false_positive_frames[0],) * 2,
            refused=choice.gain,
        )

    def _choose_class(self, k: int) -> tuple[ClassChoice, list[Pick]]:
        """The choice, and what is scored on each group and (last) holds: the default where the gain is not shown."""
        evidence, rows = self.evidence, np.arange(len(self.evidence.items))
        iou = self.curves.iou[:, k]
        levels = [_best_level(evidence.mean(iou[:, CANDIDATES], chosen), self.level) for chosen in self.selections]
        threshold_gain = self._mean((iou[rows, np.array(levels)[evidence.group]] - iou[:, self.level])[:, None])
        new_threshold = _shown(threshold_gain) and levels[-1] != self.level
        used = levels if new_threshold else [self.level] * len(levels)
        table = evidence.rule_iou(k, self.rules, sorted({*used}), self.threshold)
        best = [_first_best(evidence.mean(table[used[s]], chosen)) for s, chosen in enumerate(self.selections)]
        left_out = np.stack([table[used[g]][m] for m, g in enumerate(evidence.group)])  # (M, R)
        rule_gain = self._mean((left_out[rows, np.array(best)[evidence.group]] - left_out[:, 0])[:, None])
        new_rule = _shown(rule_gain) and best[-1] > 0
        rules = [self.rules[r] if new_rule else Rule() for r in best]
        accepted: list[Part] = ["threshold"] if new_threshold else []
        accepted += ["postprocessing"] if new_rule else []
        choice = ClassChoice(
            first_threshold=self.threshold,
            threshold=self._value(used[-1]),
            rule=rules[-1],
            best_threshold=self._value(levels[-1]),
            best_rule=self.rules[best[-1]],
            threshold_gain=threshold_gain,
            rule_gain=rule_gain,
            accepted=accepted,
            by_fold=self._by_fold(levels, best),
            curve=self._curve(iou),
            rules=self._table(evidence.mean(table[used[-1]], self.selections[-1])),
        )
        return choice, [(self._value(level), rule) for level, rule in zip(used, rules, strict=True)]

    def _decided(self, picks: list[list[Pick]], selection: np.ndarray) -> Overlap:
        """Counts of all classes together; prediction m is decided by the picks of `selection[m]`."""
        targets = self.evidence.classes.targets
        return self.evidence.decided_overlap(
            [
                ([one[s][0] for one in picks], {name: one[s][1] for name, one in zip(targets, picks, strict=True)})
                for s in selection
            ]
        )

    @property
    def _default(self) -> Overlap:
        names = ("intersection", "predicted", "reference")
        return Overlap(*(getattr(self.curves, name)[..., self.level] for name in names))

    def _value(self, level: int) -> float:
        return self.threshold if level == self.level else level / LEVELS

    def _mean(self, values: np.ndarray) -> Estimate:
        return bootstrap_mean(self.evidence.per_frame(values), self.evidence.patients, self.resamples)

    def _count(self, flags: np.ndarray) -> float:
        return float(self.evidence.per_frame(flags.astype(float)).sum())

    def _by_fold(self, levels: list[int], best: list[int]) -> dict[str, dict[str, Any]]:
        return {
            name: {"threshold": self._value(level), "postprocessing": str(self.rules[r])}
            for name, level, r in zip(self.evidence.names, levels, best, strict=False)
        }

    def _table(self, iou: np.ndarray) -> list[dict[str, Any]]:
        return [{"rule": str(rule), "iou": _number(value)} for rule, value in zip(self.rules, iou, strict=True)]

    def _curve(self, iou: np.ndarray) -> dict[str, list[float | None]]:
        """Of the thresholds 1 / 256 to 255 / 256."""
        values = self.evidence.per_frame(iou[:, 1:])
        owner = np.unique(self.evidence.patients, return_inverse=True)[1]
        scored = ~np.isnan(values)
        sums, counts = np.zeros((2, owner.max() + 1, values.shape[1]))
        np.add.at(sums, owner, np.where(scored, values, 0))
        np.add.at(counts, owner, scored)
        used = counts.any(1)
        lines = bootstrap_curve(sums[used], counts[used], min(self.resamples, 1000))
        thresholds = np.arange(1, LEVELS) / LEVELS
        named = zip(("threshold", "iou", "low", "high"), (thresholds, *lines), strict=True)
        return {name: [_number(value) for value in line] for name, line in named}


def _shown(gain: Estimate) -> bool:
    return gain.low > 0 and gain.patients >= MIN_PATIENTS


def _best_level(mean: np.ndarray, default: int) -> int:
    """The level of CANDIDATES with the best mean, of equals the nearest to the default."""
    if np.isnan(mean).any():
        return default
    equal = CANDIDATES[mean >= mean.max() - 1e-9]
    return int(equal[np.abs(equal - default).argmin()])


def _first_best(mean: np.ndarray) -> int:
    """Of equally good rules the plainest, which comes first."""
    return 0 if np.isnan(mean).any() else int((mean >= mean.max() - 1e-9).argmax())


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
