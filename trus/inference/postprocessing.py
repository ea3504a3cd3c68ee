"""From probabilities to a mask: thresholds, then holes and components. The one place where masks are decided."""

from collections.abc import Mapping

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from trus.data.classes import Classes
from trus.errors import ConfigError


class Rule(BaseModel):
    """What is tidied in the mask of one class, in this order: holes are filled, then components are dropped.

    Components are 8-connected; a hole is enclosed by the class and does not touch the frame's edge.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill_holes: bool = False
    largest_only: bool = Field(default=False, description="Only the component with the largest area stays")
    smallest_px: int = Field(default=0, ge=0, description="Components of fewer pixels of the frame are dropped")
    smallest_mm2: float | None = Field(
        default=None,
        gt=0,
        description="Components of a smaller area are dropped; in place of smallest_px where mm are known",
    )

    def __str__(self) -> str:
        """`holes filled, components under 12 mm2 dropped`, or `none`."""
        smallest = f"components under {self.smallest_px} px dropped" if self.smallest_px else ""
        if self.smallest_mm2 is not None:
            smallest = f"components under {self.smallest_mm2:g} mm2 dropped"
        parts = ("holes filled" * self.fill_holes, "largest component only" * self.largest_only, smallest)
        return ", ".join(part for part in parts if part) or "none"


Spacing = tuple[float, float]


def decide(
    probabilities: np.ndarray,
    classes: Classes,
    thresholds: np.ndarray | list[float],
    rules: Mapping[str, Rule] | None = None,
    spacing: Spacing | None = None,
) -> np.ndarray:
    """Probabilities float32 (K, H, W) -> label mask uint8 (H, W); `spacing` is (row, column) in mm, `rules` by class.

    Outer classes are tidied before those inside them. What is dropped of an outer class takes its inner classes along;
    what is dropped of an inner one is given back to the outer classes that reach their threshold there. A hole is
    filled over background and outer classes, never over a class beside. Raises ConfigError for a rule of no target.
    """
    labels = classes.decode(probabilities, thresholds)
    rules = {name: rule for name, rule in (rules or {}).items() if rule != Rule()}
    check_rules(rules, classes)
    if not rules:
        return labels
    present = probabilities >= np.asarray(thresholds, np.float32)[:, None, None]
    order = sorted(classes.targets, key=lambda name: sum(name in classes.inside(outer) for outer in classes.targets))
    for _ in range(len(order) + 1):  # what an inner class gives back can leave a fragment or a hole of the outer one
        before = labels.copy()
        for name in order:
            if name in rules:
                _tidy_class(labels, present, classes, name, rules[name], spacing)
        if np.array_equal(labels, before):
            break
    return labels


def check_rules(rules: Mapping[str, Rule], classes: Classes) -> None:
    """Raise ConfigError for rules of classes that are no targets."""
    if unknown := sorted({*rules} - {*classes.targets}):
        raise ConfigError(f"post-processing of {unknown}: the classes here are {[*classes.targets]}")


def tidy(plane: np.ndarray, rule: Rule, spacing: Spacing | None = None) -> np.ndarray:
    """A mask (H, W), bool or 0/1, with the rule applied -> bool (H, W)."""
    filled = fill_holes(plane) if rule.fill_holes else plane.astype(bool)
    if not rule.largest_only and _smallest_px(rule, spacing) <= 1:
        return filled
    components, areas = label_components(filled)
    return kept_components(areas, rule, spacing)[components]


def kept_components(areas: np.ndarray, rule: Rule, spacing: Spacing | None) -> np.ndarray:
    """Areas in px by component number, as of `label_components` -> which stay, bool of that length; 0 never does."""
    kept = areas >= _smallest_px(rule, spacing)
    if rule.largest_only and len(areas) > 1:
        kept &= np.arange(len(areas)) == 1 + areas[1:].argmax()
    kept[0] = False
    return kept


def fill_holes(plane: np.ndarray) -> np.ndarray:
    """A mask (H, W) with what it encloses -> bool (H, W)."""
    outside = np.pad(plane == 0, 1, constant_values=True).astype(np.uint8)
    _, regions = cv2.connectedComponents(outside, connectivity=4)
    return (regions != regions[0, 0])[1:-1, 1:-1]


def label_components(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """8-connected components of a mask: int32 (H, W), 0 outside, and the area of each number in px (0: outside)."""
    _, components, statistics, _ = cv2.connectedComponentsWithStats(plane.astype(np.uint8), connectivity=8)
    return components, statistics[:, cv2.CC_STAT_AREA]


def _smallest_px(rule: Rule, spacing: Spacing | None) -> float:
    if rule.smallest_mm2 is not None and spacing is not None:
        return rule.smallest_mm2 / (spacing[0] * spacing[1])
    return rule.smallest_px


def _tidy_class(
    labels: np.ndarray, present: np.ndarray, classes: Classes, name: str, rule: Rule, spacing: Spacing | None
) -> None:
    """Change `labels`, and `present` (K, H, W) with them, by the rule of one class."""
    k, targets = classes.targets.index(name), classes.targets
    inner = classes.inside(name)
    outer = sorted((t for t in targets if name in classes.inside(t)), key=lambda t: -len(classes.inside(t)))
    plane = np.isin(labels, [classes.values[n] for n in (name, *inner)])
    tidied = tidy(plane, rule, spacing)
    gone = plane & ~tidied
    present[[i for i, target in enumerate(targets) if target == name or target in inner]] &= ~gone
    labels[gone] = 0
    for target in outer:
        labels[gone & present[targets.index(target)]] = classes.values[target]
    holes = tidied & ~plane & np.isin(labels, [0, *(classes.values[target] for target in outer)])
    labels[holes] = classes.values[name]
    present[k] |= holes
