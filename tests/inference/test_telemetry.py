"""ONNX Runtime's telemetry is off: nothing is collected, written beside the results, or sent."""

import os
import subprocess
import sys

CODE = """
import sys, time
import numpy as np
from pathlib import Path
from trus.inference.predictor import open_predictor
predictor = open_predictor(Path(sys.argv[1]), threads=1)
predictor.network(np.zeros((1, 1, 32, 32), np.float32))
time.sleep(0.5)
"""
# with one of these ONNX Runtime stays silent by itself, and the test would show nothing
SILENCING = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")


def test_opening_a_model_leaves_no_identifier_and_no_queue_of_events(tiny_model, tmp_path):
    kept = {name: value for name, value in os.environ.items() if name not in SILENCING}
    folders = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    subprocess.run([sys.executable, "-B", "-c", CODE, tiny_model.onnx], env=kept | folders, check=True)
    assert [*tmp_path.rglob("*")] == []
