"""Classes: what the label values of a mask mean, and which class contains which."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trus.errors import ManifestError
from trus.files import write_json


@dataclass(frozen=True)
class Classes:
    """Label values, their names, and nesting.

    `labels` maps a value (0 to 255) to its name; 0 is the background. `contains` maps a class to the classes inside
    it (a gland contains its lesions): a pixel of the inner class also belongs to the outer one. `targets` are the
    classes that a network learns, one sigmoid channel each, in this order.
    """

    labels: dict[int, str]
    contains: dict[str, tuple[str, ...]]
    targets: tuple[str, ...]

    @classmethod
    def from_dict(cls, content: dict[str, Any], origin: str = "classes") -> "Classes":
        """Build from `{"labels": {"0": "background", ...}, "contains": {...}}`. Raises ManifestError."""
        labels = _read_labels(content, origin)
        foreground = tuple(name for value, name in sorted(labels.items()) if value != 0)
        contains = _read_contains(content, foreground, origin)
        classes = cls(labels, contains, _read_targets(content, foreground, origin))
        if any(name in classes.inside(name) for name in foreground):
            raise ManifestError(f"{origin}: 'contains' goes in a circle; a class cannot contain itself")
        return classes.select(classes.targets)

    @classmethod
    def load(cls, path: Path) -> "Classes":
        """Read a classes.json. Raises ManifestError."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except FileNotFoundError as error:
            raise ManifestError(
                f'{path}: no such file; put it beside manifest.csv: {{"labels": {{"0": "background", "1": "gland"}}}}'
            ) from error
        except ValueError as error:
            raise ManifestError(f"{path}: not valid JSON ({error})") from error
        return cls.from_dict(content, str(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` is its inverse."""
        return {
            "labels": {str(value): name for value, name in sorted(self.labels.items())},
            "contains": {outer: list(inner) for outer, inner in self.contains.items()},
            "targets": list(self.targets),
        }

    def save(self, path: Path) -> None:
        """Write a classes.json atomically; which classes are targets is a choice of the experiment and left out."""
        content = self.to_dict()
        del content["targets"]
        write_json(path, content)

    def select(self, targets: tuple[str, ...]) -> "Classes":
        """The same classes with other targets, in label order. Raises ManifestError for an unknown name."""
        foreground = [name for value, name in sorted(self.labels.items()) if value != 0]
        unknown = [name for name in targets if name not in foreground]
        if unknown or not targets:
            raise ManifestError(f"classes {unknown or list(targets)}: choose from {foreground} (data.classes)")
        return Classes(self.labels, self.contains, tuple(name for name in foreground if name in targets))

    @cached_property
    def values(self) -> dict[str, int]:
        """Name -> label value."""
        return {name: value for value, name in self.labels.items()}

    def inside(self, name: str) -> set[str]:
        """All classes contained in `name`, at any depth."""
        found: set[str] = set()
        pending = list(self.contains.get(name, ()))
        while pending:
            inner = pending.pop()
            if inner not in found:
                found.add(inner)
                pending += self.contains.get(inner, ())
        return found

    def planes(self, labels: np.ndarray) -> np.ndarray:
        """Labels (H, W) -> one 0/1 plane a target, uint8 (K, H, W); an outer class includes its inner ones."""
        planes = np.zeros((len(self.targets), *labels.shape), bool)
        for k, name in enumerate(self.targets):
            for inner in (name, *self.inside(name)):  # comparing is a hundred times as fast as np.isin
                planes[k] |= labels == self.values[inner]
        return planes.view(np.uint8)

    def decode(self, probabilities: np.ndarray, thresholds: np.ndarray | list[float]) -> np.ndarray:
        """Probabilities (K, H, W) -> label mask uint8 (H, W).

        A target is present where its probability reaches its threshold. Inner classes lie over outer ones; among
        classes of one level the most probable wins.
        """
        present = probabilities >= np.asarray(thresholds, np.float32)[:, None, None]
        labels = np.zeros(probabilities.shape[1:], np.uint8)
        for level in self._levels():
            highest = np.full_like(probabilities[0], -1) if len(level) > 1 else None
            for k in level:
                here = present[k]
                if highest is not None:  # of equal probabilities the first wins
                    here = here & (probabilities[k] > highest)
                    np.copyto(highest, probabilities[k], where=here)
                labels[here] = self.values[self.targets[k]]
        return labels

    def _levels(self) -> list[list[int]]:
        depth = [sum(name in self.inside(outer) for outer in self.targets) for name in self.targets]
        return [[k for k, d in enumerate(depth) if d == level] for level in sorted(set(depth))]


def _read_labels(content: Any, origin: str) -> dict[int, str]:
    try:
        labels = {int(value): str(name) for value, name in content["labels"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ManifestError(f'{origin}: needs "labels", a mapping of label value to class name') from error
    if surplus := sorted({*content} - {"labels", "contains", "targets"}):
        raise ManifestError(f"{origin}: unknown keys {surplus}; it holds labels and, where classes nest, contains")
    wrong = [value for value in labels if not 0 <= value <= 255]
    if wrong:
        raise ManifestError(f"{origin}: label values {wrong} are outside 0 to 255")
    labels.setdefault(0, "background")
    if len(set(labels.values())) != len(labels):
        raise ManifestError(f"{origin}: two labels share a name: {[*labels.values()]}")
    if not any(labels):
        raise ManifestError(f"{origin}: no class but the background (label 0); add one, e.g. 1: lesion")
    return labels


def _read_contains(content: dict[str, Any], foreground: tuple[str, ...], origin: str) -> dict[str, tuple[str, ...]]:
    contains = content.get("contains", {})
    if not isinstance(contains, dict) or not all(_are_names(inner) for inner in contains.values()):
        raise ManifestError(f'{origin}: "contains" maps a class to a list of classes, e.g. {{"gland": ["lesion"]}}')
    unknown = sorted({*contains}.union(*contains.values()) - set(foreground))
    if unknown:
        raise ManifestError(f"{origin}: 'contains' names {unknown}; choose from {list(foreground)}")
    return {outer: tuple(inner) for outer, inner in contains.items()}


def _read_targets(content: dict[str, Any], foreground: tuple[str, ...], origin: str) -> tuple[str, ...]:
    targets = content.get("targets", foreground)
    if not _are_names(targets):
        raise ManifestError(f'{origin}: "targets" is a list of classes; choose from {list(foreground)}')
    return tuple(targets)


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
