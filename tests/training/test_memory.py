import os
import subprocess
import sys
from pathlib import Path

import pytest

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
FREED = """
import resource
import numpy
from trus.training.memory import keep_memory
print(keep_memory())
def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    numpy.ones(64 * 2**20 // 4, numpy.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
use()
print(use())
"""
HELD = """
import trus.training, torch
block = torch.ones(64 * 2**20 // 4)
lines = open("/proc/self/smaps_rollup").read().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages")))
"""


def run(code: str, **environment: str) -> list[str]:
    """The lines that a process of its own prints: malloc is set once in a process."""
    clean = {
        k: v for k, v in os.environ.items() if k != "THP_MEM_ALLOC_ENABLE" and not k.startswith(("MALLOC", "GLIBC"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is asked")
def test_memory_that_was_freed_is_had_again_without_the_system():
    kept, faults = run(FREED)
    assert kept == "True"
    assert int(faults) < 16  # of 16384 pages of 4 KiB, or 32 of 2 MiB


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is asked")
@pytest.mark.parametrize(
    "setting", [{"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}]
)
def test_what_the_environment_says_of_malloc_stays(setting):
    assert run(FREED, **setting)[0] == "False"


@pytest.mark.skipif(
    not HUGE_PAGES.is_file() or "[never]" in HUGE_PAGES.read_text(), reason="this system has no transparent huge pages"
)
def test_tensors_lie_in_huge_pages():
    assert int(run(HELD)[0]) >= 32 * 1024
