"""What an import would change in a data set that is there already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.data.classes import Classes


@dataclass(frozen=True)
class MaskChange:
    """A mask that becomes another: pixels that get another label, and Dice a class between before and after."""

    image_id: str
    pixels: int
    dice: dict[str, float]

    def __str__(self) -> str:
        """One line."""
        dice = ", ".join(f"{name} {value:.3f}" for name, value in self.dice.items())
        return f"{self.image_id}: {self.pixels} px change" + (f"; Dice {dice}" if dice else "")


@dataclass
class Changes:
    """Frames that are new, frames that get their first mask, and what would replace something that is there."""

    added: list[str] = field(default_factory=list)
    annotated: list[str] = field(default_factory=list)
    masks: list[MaskChange] = field(default_factory=list)
    columns: list[tuple[str, str, str, str]] = field(default_factory=list)
    replaced: list[Path] = field(default_factory=list)
    classes: bool = False
    rows: bool = False
    earlier_rows: int = 0

    @property
    def overwrites(self) -> bool:
        """Whether something that is there would be replaced, new rows and first masks aside."""
        return bool(self.masks or self.columns or self.replaced or (self.classes and self.earlier_rows))

    @property
    def nothing(self) -> bool:
        """Whether the data set is already what the import makes of it."""
        return not (self.overwrites or self.added or self.annotated or self.rows or self.classes)

    def compare_rows(self, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> None:
        """Take down new rows and cells that change; filling an empty cell replaces nothing."""
        self.earlier_rows = len(before)
        self.rows = dict(before) != dict(after)
        self.added = [name for name in after if name not in before]
        self.annotated = [name for name in self.annotated if name in before]
        for name, row in after.items():
            earlier = before.get(name, {})
            self.columns += [
                (name, key, text, row.get(key, ""))
                for key, text in earlier.items()
                if key != "mask" and row.get(key, "") != text
            ]

    def lines(self) -> list[str]:
        """What would be replaced, one line each."""
        return [
            *(str(change) for change in self.masks),
            *(f"{name}: {column} {old!r} -> {new!r}" for name, column, old, new in self.columns),
            *(f"{path}: would be replaced" for path in self.replaced),
            *(["classes.json changes"] if self.classes and self.earlier_rows else []),
        ]


def compare_masks(image_id: str, before: np.ndarray, after: np.ndarray, classes: Classes) -> MaskChange:
    """Compare two label masks; of different sizes, every pixel counts as changed."""
    if before.shape != after.shape:
        return MaskChange(image_id, after.size, {})
    dice = {}
    for name, one, other in zip(classes.targets, classes.planes(before), classes.planes(after), strict=True):
        total = int(one.sum()) + int(other.sum())
        if total:
            dice[name] = 2 * int((one & other).sum()) / total
    return MaskChange(image_id, int((before != after).sum()), dice)
