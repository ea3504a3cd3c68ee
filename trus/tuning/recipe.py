"""The best trial as something to type: an experiment file, and a command line."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trus.files import write_text
from trus.tuning.settings import TuneSettings, leaves

if TYPE_CHECKING:
    from omegaconf import DictConfig

_NOT_A_RECIPE = ("experiment", "launcher", "local", "logger", "search")
_ELSEWHERE = ("outputs", "run_dir", "logger", "split.fold", "data.manifest", "data.workers", "data.cache_dir")
"""Settings of the place and not of the recipe: left out of the file."""


def write_experiment(settings: TuneSettings, proposal: list[str], header: list[str]) -> Path:
    """Write <study>/experiment/best.yaml: `train.py --config-dir <study> experiment=best` composes what the trial did.

    It names the choice of every config group, and each value that differs from what those groups say.
    """
    from omegaconf import OmegaConf

    wanted = settings.compose([*settings.overrides, *proposal], hydra=True)
    chosen = {name: choice for name, choice in wanted.hydra.runtime.choices.items() if _is_recipe(name)}
    plain = settings.compose([f"{name}={choice}" for name, choice in chosen.items()])
    before, after = _leaves(plain), _leaves(wanted)
    values: dict[str, Any] = {}
    for key, value in after.items():
        if (key not in before or before[key] != value) and not _is_elsewhere(key):
            _put(values, key.split("."), value)
    content = {"defaults": [{f"override /{name}": choice} for name, choice in sorted(chosen.items())]} | values
    path = settings.folder / "experiment/best.yaml"
    lines = ["# @package _global_", *(f"# {line}" for line in header)]
    write_text(path, "\n".join([*lines, OmegaConf.to_yaml(OmegaConf.create(content))]))
    return path


def command_line(settings: TuneSettings, proposal: list[str], *further: str) -> str:
    """What train.py is told for this trial, as a shell reads it."""
    overrides = [text for text in settings.overrides if not text.startswith("split.fold=")]
    return shlex.join(["python", "scripts/train.py", *overrides, *proposal, *further])


def _is_recipe(name: str) -> bool:
    return not name.startswith("hydra/") and name not in _NOT_A_RECIPE


def _is_elsewhere(key: str) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in _ELSEWHERE)


def _leaves(config: "DictConfig") -> dict[str, Any]:
    from omegaconf import OmegaConf

    content: Any = OmegaConf.to_container(config, resolve=False)
    content.pop("hydra", None)
    return leaves(content)


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
    values[path[-1]] = value
