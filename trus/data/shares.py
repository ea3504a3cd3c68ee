"""Which frames each of several training processes gets: all of them together see what one process alone would."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch.utils.data import RandomSampler, Sampler

Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """Every `processes`-th item, from the `rank`-th on."""

    rank: int
    processes: int

    def length(self, count: int) -> int:
        """How many of `count` items each process gets; the same for all, they step together."""
        return -(-count // self.processes)

    def pad(self, items: Sequence[Item]) -> tuple[list[Item], int]:
        """This process's items, filled up to `length` with the first of all, and how many are its own."""
        own = list(items[self.rank :: self.processes])
        return own + list(items[:1]) * (self.length(len(items)) - len(own)), len(own)

    def seed(self, seed: int) -> int:
        """A seed that differs between processes, and is `seed` itself in the first."""
        return seed + 1_000_003 * self.rank


WHOLE = Share(0, 1)


class ShareSampler(Sampler[int]):
    """This process's share of a shuffled order that all processes draw alike.

    N processes with batches of B take the frames that one process with batches of N * B would. Where the count does
    not divide, the order begins again, so that a frame or two are seen twice in an epoch.
    """

    def __init__(self, order: RandomSampler, share: Share):
        self.order, self.share = order, share

    def __iter__(self) -> Iterator[int]:
        """Indices of one epoch."""
        order = list(self.order)
        order += order[: len(self) * self.share.processes - len(order)]
        return iter(order[self.share.rank :: self.share.processes])

    def __len__(self) -> int:
        """Indices an epoch."""
        return self.share.length(len(self.order))
