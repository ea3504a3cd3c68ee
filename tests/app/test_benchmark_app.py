"""The benchmark of the application measures every figure; whether the goals are met is not for a test to say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_app.py"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium here")
def test_every_figure_is_measured(tiny_model):
    command = [sys.executable, SCRIPT, "--smallest", "--json", "--model", tiny_model.onnx]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    figures = json.loads(done.stdout) if done.stdout else []
    assert len(figures) == 6, done.stderr
    assert all(figure["value"] == figure["value"] and figure["details"] for figure in figures)
    assert done.returncode == int(not all(figure["met"] for figure in figures))
