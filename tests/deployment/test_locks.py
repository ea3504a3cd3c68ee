"""The image's lock: in step with requirements.lock and pyproject.toml, without what an image must not hold."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)


def read_lock(name: str) -> dict[tuple[str, str, str], set[str]]:
    """(package, version, marker) -> SHA-256 digests."""
    text = (ROOT / name).read_text()
    found = list(LINE.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {
        (canonicalize_name(m[1]), m[2], m[3] or ""): {*re.findall(r"sha256:([0-9a-f]{64})", text[m.end() : end])}
        for m, end in zip(found, ends, strict=True)
    }


SERVE = read_lock("requirements-serve.lock")
NAMES = {name for name, _, _ in SERVE}


def needed_by_serve() -> set[str]:
    """What trus[serve] needs here, from the metadata of the packages that are installed."""
    from importlib.metadata import requires

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo = [*map(Requirement, project["dependencies"] + project["optional-dependencies"]["serve"])]
    seen: set[tuple[str, str]] = set()
    while todo:
        wanted = todo.pop()
        for extra in wanted.extras | {""}:
            key = canonicalize_name(wanted.name), extra
            if key not in seen:
                seen.add(key)
                environment = default_environment() | {"extra": extra}
                each = (Requirement(text) for text in requires(wanted.name) or ())
                todo += [r for r in each if r.marker is None or r.marker.evaluate(environment)]
    return {name for name, _ in seen}


def test_it_holds_what_pyproject_asks_for_and_nothing_else():
    here = {name for name, _, marker in SERVE if not marker or Requirement(f"x; {marker}").marker.evaluate()}

    assert here == needed_by_serve()


def test_versions_and_digests_are_those_that_everything_is_tested_with():
    everything = {(name, version): digests for (name, version, _), digests in read_lock("requirements.lock").items()}

    assert {(name, version): digests for (name, version, _), digests in SERVE.items()}.items() <= everything.items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-serve.lock", "requirements-build.lock"])
def test_everything_has_digests_and_no_address(lock):
    assert all(read_lock(lock).values())
    assert "://" not in (ROOT / lock).read_text()


def test_training_volumes_and_gpl_decoders_stay_out():
    forbidden = {"torch", "torchvision", "pytorch-lightning", "mlflow", "onnx", "simpleitk", "matplotlib", "hydra-core"}

    assert not NAMES & (forbidden | {"pylibjpeg-libjpeg", "medpy", "openvino", "pip", "setuptools"})
