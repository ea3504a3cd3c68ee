"""One damaged input from seeds."""

import random
from functools import partial

from fuzzing.damage import BYTES, LARGEST, Mutation, splice
from fuzzing.structure import STRUCTURED


def mutate(seeds: list[bytes], number: random.Random) -> bytes:
    """One of the seeds with one to six kinds of damage."""
    anywhere = [*BYTES, partial(splice, seeds=seeds)]
    data = number.choice(seeds)
    for _ in range(1 + min(5, int(number.expovariate(1)))):
        data = number.choice(_fitting(data, anywhere))(data, number)[:LARGEST]
    return data


def _fitting(data: bytes, anywhere: list[Mutation]) -> list[Mutation]:
    """Damage to the structure is drawn more often than that to bytes, which mostly breaks a checksum."""
    own = [mutation for fits, mutation in STRUCTURED if fits(data)]
    return [*anywhere, *own * (2 * len(anywhere) // max(1, len(own)))]
