"""What conf/tune.yaml composes, checked to the last proposal's config before anything runs."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from trus.config import Count, Natural, resolve_train_config
from trus.config_problems import find_problems
from trus.errors import ConfigError
from trus.files import hash_json
from trus.tuning.space import Parameter, Space, plain_key, samples, space_problems

if TYPE_CHECKING:
    from omegaconf import DictConfig

_STRICT = ConfigDict(extra="forbid")
_WITHOUT_EFFECT = ("outputs", "run_dir", "logger", "reproduce", "ckpt_path")
"""Top-level settings that may differ between two starts of one study."""
_OF_A_TRIAL = {
    "split.fold": "a trial is a whole cross-validation",
    "ckpt_path": "a trial starts from the beginning",
    "reproduce": "train.py does that",
    "run_dir": "each trial has its own folder",
}


@checked(config=_STRICT)
class TuneConfig:
    """The keys that conf/tune.yaml adds to those of conf/train.yaml."""

    search: dict[str, dict[str, Any]]
    study: Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=100)] | None
    n_trials: Count
    n_workers: Count
    timeout: Annotated[float, Field(gt=0)] | None
    sampler_seed: Natural
    prune_after: Annotated[int, Field(ge=2)] | None
    grace: Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class TuneSettings:
    """A checked study: `overrides` are what every trial passes to train.py, `config` what they compose to."""

    folder: Path
    search: str
    tune: TuneConfig
    space: Space
    overrides: tuple[str, ...]
    config: dict[str, Any]
    choices: dict[str, str]
    script: Path
    config_dirs: tuple[str, ...]

    def compose(self, overrides: list[str], hydra: bool = False) -> "DictConfig":
        """conf/train.yaml with these overrides, inside Hydra's main function; `hydra` keeps Hydra's own node."""
        from hydra import compose

        return compose("train", overrides, return_hydra_config=hydra)

    @property
    def identity(self) -> dict[str, Any]:
        """What a study's trials must have in common to be compared."""
        return identity(self.config, self.space)

    def resolve(self, proposal: list[str]) -> dict[str, Any]:
        """The checked config of train.py with these overrides too. Raises ConfigError or one of Hydra's errors."""
        return resolve_train_config(self.compose([*self.overrides, *proposal]))


def read_settings(composed: "DictConfig", script: Path) -> TuneSettings:
    """Check everything: keys, the space, and the config of each end of each parameter. Raises ConfigError.

    `composed` is conf/tune.yaml inside Hydra's main function; `script` is train.py.
    """
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        raise ConfigError("-m: tune.py runs its trials itself; leave -m out (n_workers=2 for two at once)")
    tune, overrides = _own_settings(composed), _for_training(hydra.overrides.task, hydra.overrides.hydra)
    space = _read_space(tune.search)
    _raise(space_problems(space, {plain_key(text.split("=")[0]) for text in overrides}))
    config = resolve_train_config(compose("train", overrides))
    choices = {name: str(choice) for name, choice in hydra.runtime.choices.items() if not name.startswith("hydra/")}
    settings = TuneSettings(
        folder=Path(config["outputs"]).resolve() / "tuning" / (tune.study or _name(config, choices, space)),
        search=choices.pop("search"),
        tune=tune,
        space=space,
        overrides=(*overrides, "split.fold=all"),
        config=config,
        choices=choices,
        script=script,
        config_dirs=tuple(s.path for s in hydra.runtime.config_sources if s.provider == "command-line"),
    )
    _check_samples(settings)
    return settings


def identity(config: dict[str, Any], space: Space) -> dict[str, Any]:
    """The settings that decide a trial's score, and the space, as plain JSON."""
    kept = {key: value for key, value in config.items() if key not in _WITHOUT_EFFECT}
    kept["data"] = {k: v for k, v in kept["data"].items() if k not in ("workers", "cache_dir")}
    kept["split"] = {k: v for k, v in kept["split"].items() if k != "fold"}
    kept["callbacks"] = str(kept["callbacks"]).replace(config["run_dir"], "")
    plain = {name: {f.name: getattr(p, f.name) for f in fields(p)} for name, p in space.items()}
    return {"config": kept, "search": plain}


def leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts -> {"a.b": value}; lists and empty dicts stay values."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        place = f"{prefix}{key}"
        found |= leaves(value, f"{place}.") if isinstance(value, dict) and value else {place: value}
    return found


def _own_settings(composed: "DictConfig") -> TuneConfig:
    from omegaconf import OmegaConf
    from pydantic import TypeAdapter

    own = {name: composed.get(name) for name in (field.name for field in fields(TuneConfig))}
    if own["search"] is None:
        raise ConfigError("search: choose a space, e.g. search=small")
    plain = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.create(own), resolve=True))
    _raise(find_problems(TuneConfig, plain))
    return TypeAdapter(TuneConfig).validate_python(plain)


def _read_space(search: dict[str, dict[str, Any]]) -> Space:
    _raise([f"search.{name}.{said}" for name, content in search.items() for said in find_problems(Parameter, content)])
    return {name: Parameter(**content) for name, content in search.items()}


def _for_training(task: list[str], hydra: list[str]) -> list[str]:
    """The overrides that train.py gets too: all but tune.py's own. Raises ConfigError for what a trial decides."""
    own = {field.name for field in fields(TuneConfig)}
    passed = [text for text in task if plain_key(text.split("=")[0]).split(".")[0] not in own]
    wrong = [text for text in passed if text.split("=")[0] in _OF_A_TRIAL and text != "split.fold=all"]
    said = [f"{text}: {_OF_A_TRIAL[text.split('=')[0]]}; leave it out" for text in wrong]
    said += [
        f"{text}: the study's folder is named by study=NAME; nothing else of Hydra's is used"
        for text in hydra
        if not text.startswith(("hydra.mode=", "hydra.searchpath="))
    ]
    _raise(said)
    return [text for text in passed if text != "split.fold=all"]


def _name(config: dict[str, Any], choices: dict[str, str], space: Space) -> str:
    model = choices["model"] if "model" not in space else "models"
    return f"{choices['search']}_{model}_{hash_json(identity(config, space))[:8]}"


def _check_samples(settings: TuneSettings) -> None:
    """Compose what the space can propose at its ends, so that no trial is needed to find a mistake."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    said: dict[str, None] = {}
    for name, overrides in samples(settings.space):
        try:
            settings.resolve(overrides)
        except (ConfigError, HydraException, OmegaConfBaseException) as error:
            text = str(error).removeprefix("settings that cannot be used\n").strip()
            said.setdefault(f"search.{name}: {' '.join(overrides)}: {text}")
    _raise([*said])


def _raise(problems: list[str]) -> None:
    if problems:
        raise ConfigError("settings that cannot be used\n  " + "\n  ".join(problems))
