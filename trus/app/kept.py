"""What can be made again, kept while there is room: decoded frames and results."""

from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from typing import Any

from trus.serving.memory import Memory
from trus.serving.problems import Problem


class Kept:
    """Values by (owner, key), at most `memory.most` bytes; those used longest ago make room for others.

    For the event loop's thread.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._values: OrderedDict[tuple[str, Hashable], tuple[Any, int]] = OrderedDict()

    def get(self, owner: str, key: Hashable) -> Any | None:
        """The value, which now is the one used last; None where it is not kept."""
        found = self._values.get((owner, key))
        if found is None:
            return None
        self._values.move_to_end((owner, key))
        return found[0]

    def put(self, owner: str, key: Hashable, value: Any, size: int) -> None:
        """Keep a value of `size` bytes, if there is room for it at all."""
        self._drop((owner, key))
        self.make_room_in(self._memory, size)
        with suppress(Problem):
            self._memory.check(size)
            self._memory.count(size)
            self._values[owner, key] = value, size

    def make_room_in(self, memory: Memory, size: int) -> None:
        """Drop what was used longest ago until `size` bytes more find room in that memory, or nothing is left."""
        while self._values and not _has_room(memory, size):
            self._drop(next(iter(self._values)))

    def forget(self, owner: str) -> None:
        """Drop all of that owner."""
        for key in [key for key in self._values if key[0] == owner]:
            self._drop(key)

    def _drop(self, key: tuple[str, Hashable]) -> None:
        if found := self._values.pop(key, None):
            self._memory.count(-found[1])


def _has_room(memory: Memory, size: int) -> bool:
    try:
        memory.check(size)
    except Problem:
        return False
    return True
