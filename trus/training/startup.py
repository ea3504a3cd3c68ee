"""Importing the training stack without what training does not use: the wait before the first step is mostly imports."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning_utilities.core.imports import RequirementCache

_UNUSED = ("matplotlib", "torchvision", "transformers")
"""What torchmetrics imports, where it is installed, for metrics of images, text and sound that trus does not have."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """For the imports inside: torchmetrics goes without what it does not need, and the garbage collector rests.

    Whoever needs those packages imports them as ever, then or later.
    """
    cache: Any = RequirementCache
    check = cache._check_requirement

    def check_used(found: RequirementCache) -> None:
        if str(found.requirement).startswith(_UNUSED):
            found.available, found.message = False, "left out by trus.training.startup"
        else:
            check(found)

    cache._check_requirement = check_used
    gc.disable()
    try:
        import torchmetrics  # noqa: F401

        cache._check_requirement = check
        yield
    finally:
        cache._check_requirement = check
        gc.enable()
