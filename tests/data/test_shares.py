import pytest
import torch
from torch.utils.data import BatchSampler, RandomSampler

from trus.data.shares import WHOLE, Share, ShareSampler


def epochs(processes: int, batch: int, count: int = 12) -> list[list[set[int]]]:
    """The frames of each step in two epochs, all processes together."""
    samplers = [
        ShareSampler(RandomSampler(range(count), generator=torch.Generator().manual_seed(7)), Share(rank, processes))
        for rank in range(processes)
    ]
    result = []
    for _ in range(2):
        steps = zip(*(BatchSampler(sampler, batch, False) for sampler in samplers), strict=True)
        result.append([{frame for part in parts for frame in part} for parts in steps])
    return result


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_several_processes_step_through_the_frames_that_one_would(processes):
    assert epochs(processes, 6 // processes) == epochs(1, 6)
    first, second = epochs(processes, 6 // processes)
    assert first != second


@pytest.mark.parametrize("count", [5, 7, 8])
def test_every_frame_is_trained_on_and_all_processes_step_equally_often(count):
    steps = epochs(3, 1, count)[0]
    assert set().union(*steps) == set(range(count))
    assert len(steps) == -(-count // 3)


@pytest.mark.parametrize(("count", "processes"), [(5, 2), (6, 2), (7, 4), (1, 2)])
def test_padding_makes_equal_shares_and_counts_every_frame_once(count, processes):
    frames = list(range(count))
    shares = [Share(rank, processes).pad(frames) for rank in range(processes)]
    assert len({len(own) for own, _ in shares}) == 1
    assert sorted(frame for own, counted in shares for frame in own[:counted]) == frames


def test_one_process_has_everything_and_the_seed_as_it_is():
    assert WHOLE.pad([3, 1, 2]) == ([3, 1, 2], 3)
    assert WHOLE.seed(5) == 5
    assert len({Share(rank, 4).seed(5 + worker) for rank in range(4) for worker in range(16)}) == 64
