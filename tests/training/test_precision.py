from pathlib import Path

import pytest
import torch

from trus.training.precision import resolve_precision


@pytest.mark.parametrize("precision", [32, "32", "bf16-mixed", "16-mixed"])
def test_what_was_asked_for_stays(precision):
    assert resolve_precision(precision, "cpu") == precision


def test_auto_on_the_cpu_follows_the_processor():
    flags = Path("/proc/cpuinfo").read_text() if torch.cpu._is_avx512_supported() else ""
    expected = "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else 32
    assert resolve_precision("auto", "cpu") == expected


def test_auto_on_other_accelerators_is_full_precision():
    assert resolve_precision("auto", "mps") == 32
