"""What was chosen, and what it is worth."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from trus import __version__
from trus.evaluation.statistics import Estimate
from trus.inference.metadata import Interval, OperatingPoint
from trus.inference.postprocessing import Rule

Part = Literal["threshold", "postprocessing"]
MIN_PATIENTS = 10
"""With fewer, the percentile interval of a gain is too narrow to decide anything by."""


@dataclass(frozen=True)
class ClassChoice:
    """One class. `threshold` and `rule` hold; the best ones found are `best_threshold` and `best_rule`, and before it
    was `first_threshold` and no rule.

    Gains are paired differences in mean per-image IoU on folds left out of the choice; that of the rule is on top of
    the threshold. `by_fold` is what the other folds chose for each. `curve` holds, for each threshold, the mean IoU
    with its pointwise 95 % interval; `rules` the mean IoU of each rule: both on the very frames that they are chosen
    on.
    """

    first_threshold: float
    threshold: float
    rule: Rule
    best_threshold: float
    best_rule: Rule
    threshold_gain: Estimate
    rule_gain: Estimate
    accepted: list[Part]
    by_fold: dict[str, dict[str, Any]]
    curve: dict[str, list[float | None]]
    rules: list[dict[str, Any]]

    def sentences(self, name: str, grouped: bool) -> list[str]:
        """What was decided, in words: a line for the threshold, one for post-processing."""
        units = "patients" if grouped else "frames (no patient ids)"
        before, found = f"{self.first_threshold:g}", f"threshold {self.best_threshold:.3f}"
        if self.best_threshold == self.first_threshold:
            lines = [f"{name}: threshold stays at {before}, the best"]
        else:
            taken, kept = f"{name}: {found} instead of {before}", f"{name}: threshold stays at {before}; {found}"
            lines = [_sentence(taken, kept, "threshold" in self.accepted, self.threshold_gain, units)]
        if self.best_rule == Rule():
            return [*lines, f"{name}: no post-processing; of {len(self.rules)} rules none was better"]
        taken, kept = f"{name}: {self.best_rule}", f"{name}: no post-processing; the best rule ({self.best_rule})"
        return [*lines, _sentence(taken, kept, "postprocessing" in self.accepted, self.rule_gain, units)]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "first_threshold": self.first_threshold,
            "threshold": self.threshold,
            "postprocessing": self.rule.model_dump(exclude_defaults=True),
            "best_threshold": self.best_threshold,
            "best_postprocessing": self.best_rule.model_dump(exclude_defaults=True),
            "threshold_gain": self.threshold_gain.to_dict(),
            "postprocessing_gain": self.rule_gain.to_dict(),
            "accepted": self.accepted,
            "by_fold": self.by_fold,
            "curve": self.curve,
            "rules": self.rules,
        }


@dataclass(frozen=True)
class Choice:
    """An operating point by class, with the mean per-image IoU over all classes.

    `before` is with the first threshold and no post-processing. `after` is honest: each frame with what was chosen
    without its fold. `gain` is their paired difference, `gain_where_chosen` that on the very frames of the choice,
    which tends to be too good. `refused` is the gain of what each class alone would have taken over, where all together
    did not gain. `missed` and `false_positive_frames` are (before, after) and count each class of each frame; several
    predictions of a frame count in part.
    """

    classes: dict[str, ClassChoice]
    before: Estimate
    after: Estimate
    gain: Estimate
    gain_where_chosen: Estimate
    missed: tuple[float, float]
    false_positive_frames: tuple[float, float]
    grouped: bool
    cv_key: str | None
    data_hash: str
    split_hash: str
    refused: Estimate | None = None

    @property
    def thresholds(self) -> list[float]:
        """One a class, in order."""
        return [one.threshold for one in self.classes.values()]

    @property
    def rules(self) -> dict[str, Rule]:
        """Post-processing by class, where there is any."""
        return {name: one.rule for name, one in self.classes.items() if one.rule != Rule()}

    @property
    def changes(self) -> bool:
        """Was anything taken over?"""
        return any(one.accepted for one in self.classes.values())

    @property
    def sentences(self) -> list[str]:
        """What was decided and what it is worth, in words."""
        lines = [line for name, one in self.classes.items() for line in one.sentences(name, self.grouped)]
        if self.changes:
            lines.append(
                f"together, on folds left out of the choice: IoU {self.before} before, {self.after} after, gain "
                f"{self.gain} (on the very frames of the choice {self.gain_where_chosen.value:.3f})"
            )
        if self.refused:
            lines.append(f"all together gain {self.refused} on folds left out, so nothing was taken over")
        return lines

    @cached_property
    def operating_point(self) -> OperatingPoint:
        """The part that a model file keeps; the same in every file that it is written to."""
        before, after, gain = (Interval(**part.to_dict()) for part in (self.before, self.after, self.gain))
        return OperatingPoint(
            cv_key=self.cv_key,
            data_hash=self.data_hash,
            split_hash=self.split_hash,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            trus_version=__version__,
            before=before,
            after=after,
            gain=gain,
            accepted={name: one.accepted for name, one in self.classes.items()},
            grouped=self.grouped,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, with every curve."""
        together = {name: getattr(self, name).to_dict() for name in ("before", "after", "gain", "gain_where_chosen")}
        return {
            "thresholds": dict(zip(self.classes, self.thresholds, strict=True)),
            "postprocessing": {name: rule.model_dump(exclude_defaults=True) for name, rule in self.rules.items()},
            **together,
            "missed": {"before": self.missed[0], "after": self.missed[1]},
            "false_positive_frames": dict(zip(("before", "after"), self.false_positive_frames, strict=True)),
            "gain_together_refused": self.refused.to_dict() if self.refused else None,
            "grouped_by_patient": self.grouped,
            "cv_key": self.cv_key,
            "data_hash": self.data_hash,
            "split_hash": self.split_hash,
            "classes": {name: one.to_dict() for name, one in self.classes.items()},
            "sentences": self.sentences,
        }


def _sentence(taken: str, kept: str, accepted: bool, gain: Estimate, units: str) -> str:
    worth = f"gain on folds left out {gain}, {gain.patients} {units}"
    if accepted:
        return f"{taken}; {worth}"
    few = f"; under {MIN_PATIENTS} {units} nothing is taken over" if gain.patients < MIN_PATIENTS else ""
    return f"{kept} is not shown to be better; {worth}{few}"
