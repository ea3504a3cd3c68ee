"""MLflow's reports to its makers are off wherever trus starts it."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import {package}
from mlflow.telemetry import get_telemetry_client
from mlflow.telemetry.utils import is_telemetry_disabled
print(is_telemetry_disabled(), get_telemetry_client())
"""


def telemetry(package: str) -> str:
    """What a process says that has imported `package`, without the variables that silence MLflow by themselves."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "-c", CODE.format(package=package)]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=True).stdout.strip()


def test_nothing_is_reported():
    assert telemetry("trus") == "True None"


def test_mlflow_alone_would_report():
    """Else the test above shows nothing."""
    assert telemetry("os").startswith("False ")


def test_make_ui_starts_mlflow_without_reports():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert "MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui" in " ".join(makefile.replace("\\", "").split())
