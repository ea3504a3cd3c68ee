"""Memory of a training process: kept from step to step, in huge pages where the system has them.

A step asks for gigabytes and gives them back. By default glibc returns them to the system, which hands them out again
page by page, zeroed: in a small network on a CPU that costs as much as the arithmetic.
"""

import atexit
import ctypes
import gc
import os

# malloc.h of glibc
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_GROWTH = 256 * 2**20


def use_huge_pages() -> None:
    """Let PyTorch's allocator ask for huge pages; it looks once, at its first allocation, so call this before."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def set_imports_aside() -> None:
    """Call at a job's start: the collector then looks only at what is made from now on.

    A million objects of imported libraries stay anyway; looking through them takes as long as a short epoch.
    """
    if gc.get_freeze_count():
        gc.collect()  # what an earlier job of this process left must not stay with them
    else:
        atexit.register(gc.unfreeze)  # at the end libraries complain of what is still there
    gc.freeze()


def keep_memory() -> bool:
    """Let this process keep what it frees, and grow in large pieces; returns whether it does.

    False where malloc is not glibc's, and where GLIBC_TUNABLES or MALLOC_... in the environment say how it should be.
    """
    if any(name == "GLIBC_TUNABLES" or name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  mallopt of musl takes everything and does nothing
        settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: _GROWTH}
        return all(libc.mallopt(name, value) for name, value in settings.items())
    except (OSError, AttributeError, TypeError):
        return False
