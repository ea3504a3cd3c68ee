"""The script that says how cost grows works; what grows how is not for a test to say."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "benchmark_growth.py"


def call(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


def test_a_stage_is_measured_at_every_count():
    done = call("--smallest", "--only", "load")
    (row,) = done.stdout.splitlines()
    assert re.fullmatch(r"load +(\d+: +[\d.]+ s, CPU +[\d.]+ s +){3}growth -?[\d.]+", row), done.stderr
    assert done.returncode in (0, 1)


def test_an_unknown_stage_is_named():
    done = call("--smallest", "--only", "nothing")
    assert "--only nothing: choose from intake, check, load, epoch, runs" in done.stderr
