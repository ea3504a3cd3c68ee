"""Which numbers a machine trains with, and how its memory is handed out."""

import os

import torch


def resolve_precision(precision: str | int, accelerator: str) -> str | int:
    """`auto` becomes bf16-mixed where the processor computes in bfloat16, else 32; anything else stays as it is."""
    if precision != "auto":
        return precision
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else 32
    return "bf16-mixed" if accelerator in ("auto", "cpu") and _cpu_has_bf16() else 32


def _cpu_has_bf16() -> bool:
    cpu = torch.cpu
    return any(getattr(cpu, name, bool)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))


def use_huge_pages() -> None:
    """Ask PyTorch's CPU allocator for huge pages; page faults cost as much as arithmetic in small networks.

    Has to come before the first tensor is made; a setting of the user's own stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
