"""An export's categories against the classes that the data set shall have: renamed, ignored or refused."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from trus.data.annotations.exchange import Drawn
from trus.data.classes import Classes
from trus.errors import AnnotationError, ManifestError

BACKGROUND = {"background", "_background_", "__background__", "bg", "__ignore__", "_ignore_"}
"""Categories, lower-case, that no tool means as an object."""


class Naming:
    """What each category of an export is called in the data set. `classes` are the data set's.

    A category that is no class is refused once an object of it turns up (`check`); tools write placeholders that
    nobody ever draws. Those that only mean the background are left out and counted.
    """

    def __init__(self, found: Classes, wanted: Classes | None, rename: Mapping[str, str]):
        self.found = found
        self.rename = dict(rename)
        self.classes = wanted or renamed_classes(found, rename)
        self.ignored: Counter[str] = Counter()
        self.foreign: Counter[str] = Counter()
        self._check_rename()

    def _check_rename(self) -> None:
        unknown = sorted(set(self.rename) - set(self.found.values))
        if unknown:
            raise AnnotationError(f"--rename {unknown}: the export has no such category; it has {self._categories()}")
        wrong = sorted(set(self.rename.values()) - set(self.classes.values))
        if wrong:
            raise AnnotationError(f"--rename to {wrong}: no such class; the data set has {[*self.classes.targets]}")

    def __call__(self, drawn: Iterable[Drawn]) -> list[Drawn]:
        """Objects with the names of their classes; those that mean the background are left out."""
        named: list[Drawn] = []
        for item in drawn:
            name = self.rename.get(item.name, item.name)
            if name in self.classes.targets:
                named.append(replace(item, name=name))
            elif name.lower() in BACKGROUND or self.classes.values.get(name) == 0:
                self.ignored[item.name] += 1
            else:
                self.foreign[item.name] += 1
        return named

    def check(self) -> None:
        """Raise AnnotationError where objects of categories turned up that are no class of the data set."""
        if self.foreign:
            some = next(iter(self.foreign))
            raise AnnotationError(
                f"the export's categories {[*self.foreign]} are no classes of the data set, which has "
                f"{[*self.classes.targets]}; nothing was written. Say what they are: "
                f"--rename '{some}={self.classes.targets[0]}', or give other --classes"
            )

    def notes(self) -> list[str]:
        """Lines on what was left out; call it when everything was drawn."""
        unused = [
            name
            for name in self.found.targets
            if self.rename.get(name, name) not in self.classes.values and name not in self.ignored
        ]
        lines = [
            f"category {name!r}: {count} object(s) left out, it means background"
            for name, count in self.ignored.items()
        ]
        return lines + [f"category {name!r}: nothing is drawn with it, left out" for name in unused]

    def _categories(self) -> list[str]:
        return [name for value, name in sorted(self.found.labels.items()) if value != 0] or [*self.found.targets]


def renamed_classes(found: Classes, rename: Mapping[str, str]) -> Classes:
    """The export's own classes under their new names; categories that mean background drop out.

    Where several become one class, its label value is the lowest of theirs. Raises ManifestError where none is left.
    """
    labels: dict[str, str] = {}
    for value, name in sorted(found.labels.items()):
        new = rename.get(name, name)
        if value == 0 or (new.lower() not in BACKGROUND and new not in labels.values()):
            labels[str(value)] = new
    contains: dict[str, list[str]] = {}
    for outer, inner in found.contains.items():
        new = rename.get(outer, outer)
        names = [rename.get(name, name) for name in inner]
        kept = [name for name in names if name != new and {name, new} <= {*labels.values()}]
        if kept:
            contains[new] = [*dict.fromkeys(contains.get(new, []) + kept)]
    return Classes.from_dict({"labels": labels, "contains": contains}, "the export")


def check_compatible(earlier: Classes, wanted: Classes, where: str) -> None:
    """Raise ManifestError where masks written under `earlier` would mean something else under `wanted`."""
    moved = [
        f"label {value} is {name!r}, not {wanted.labels.get(value, 'missing')!r}"
        for value, name in sorted(earlier.labels.items())
        if value != 0 and wanted.labels.get(value) != name
    ]
    if moved:
        raise ManifestError(
            f"{where} has masks under other classes: {'; '.join(moved)}; keep these and add new ones at free labels, "
            "or choose another -o"
        )
