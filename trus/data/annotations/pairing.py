"""Pictures and the files that belong to them because they share a name."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Paired:
    """Frames by the key that their files share; two files of a kind under one key are never guessed between."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._ambiguous: set[str] = set()

    def by_key(self, files: Iterable[T], key: Callable[[T], str]) -> dict[str, T]:
        """Key -> file, for those keys that a single file has; a line in `refused` for each of the others."""
        groups: dict[str, list[T]] = defaultdict(list)
        for file in files:
            groups[key(file)].append(file)
        for same in groups.values():
            if len(same) > 1:
                self.refused.append(f"{' and '.join(map(str, same[:5]))}: share one annotation; rename all but one")
        self._ambiguous |= {name for name, same in groups.items() if len(same) > 1}
        return {name: same[0] for name, same in groups.items() if len(same) == 1}

    def frames(self, *kinds: Iterable[str]) -> list[str]:
        """The keys of frames, sorted, without those that are ambiguous in any kind of file."""
        return sorted({key for kind in kinds for key in kind} - self._ambiguous)
