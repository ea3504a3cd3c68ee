"""An environment of its own for every peer, made once from pinned versions below a cache folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from trus.errors import ConfigError
from trus.files import hash_file

FOLDER = Path(__file__).parent


def cache_folder() -> Path:
    """Where environments are kept when nobody says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trus-peers"


def python_of(name: str, cache: Path) -> Path:
    """The interpreter of the environment NAME.txt, there or not; other versions are another environment."""
    requirements = FOLDER / f"{name}.txt"
    return cache / f"{name}-{hash_file(requirements)[:8]}" / "bin" / "python"


def is_ready(name: str, cache: Path) -> bool:
    """Was it made to the end?"""
    return (python_of(name, cache).parents[1] / ".ready").is_file()


def ensure(name: str, cache: Path) -> Path:
    """Make the environment where it is not ready; returns its interpreter. Raises ConfigError."""
    python = python_of(name, cache)
    if is_ready(name, cache):
        return python
    folder = python.parents[1]
    shutil.rmtree(folder, ignore_errors=True)
    print(f"making the environment of {name} in {folder}", flush=True)
    _run(uv(), "venv", "--quiet", "--python", sys.executable, str(folder))
    _run(uv(), "pip", "install", "--quiet", "--python", str(python), "-r", str(FOLDER / f"{name}.txt"))
    (folder / ".ready").touch()
    return python


def uv() -> str:
    """The uv beside this interpreter, or on the PATH. Raises ConfigError."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise ConfigError("uv is not installed, which makes the peers' environments: pip install uv")
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
