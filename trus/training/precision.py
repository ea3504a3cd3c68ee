"""Which numbers a machine trains with."""

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
