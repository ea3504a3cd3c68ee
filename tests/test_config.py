"""Every config of conf/ composes, passes its schema and can be built; wrong settings are named all at once."""

from pathlib import Path
from typing import Any

import hydra
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from trus.config import check_train_config
from trus.data.augmentation import Augmentation
from trus.errors import ConfigError
from trus.preprocessing import Preprocessor
from trus.training.schedules import configure

CONF = Path(__file__).parents[1] / "conf"
CHOICES = [
    f"{group.name}={file.stem}"
    for group in sorted(CONF.iterdir())
    if group.is_dir() and group.name not in ("local", "search")  # search belongs to scripts/tune.py: tests/tuning
    for file in sorted(group.glob("*.yaml"))
]


def composed(*overrides: str) -> dict[str, Any]:
    manifest = [] if {"experiment=phantom", "data=phantom"} & {*overrides} else ["data.manifest=m.csv"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["outputs=/tmp/trus", "run_dir=/tmp/trus/run", *manifest, *overrides])
    return OmegaConf.to_container(config, resolve=True)


def test_there_are_configs_in_every_group():
    assert {choice.split("=")[0] for choice in CHOICES} >= {"model", "loss", "optimizer", "scheduler", "experiment"}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_is_built(choice):
    config = composed(choice)
    check_train_config(config)
    Preprocessor.from_dict(config["preprocessing"])
    Augmentation(**config["augmentation"])
    logits = torch.zeros(1, 1, 32, 32, requires_grad=True)
    assert torch.isfinite(hydra.utils.instantiate(config["loss"])(logits, torch.zeros(1, 1, 32, 32)))
    optimizer = hydra.utils.instantiate(config["optimizer"])([logits])
    assert configure(hydra.utils.instantiate(config["scheduler"]), optimizer, 10)["scheduler"].optimizer is optimizer
    assert all(hydra.utils.instantiate(node) for node in config["callbacks"].values() if node)  # null: left out


@pytest.mark.parametrize("file", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_experiment_says_how_to_run_it_what_it_takes_and_what_to_expect(file):
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(header)
    assert f"experiment={file.stem}" in text
    assert "expected time" in text.lower()
    assert "expected score" in text.lower()


@pytest.mark.parametrize("time", ["{hours:2}", "{seconds:720.0}", "00:02:00:00"])
def test_the_time_of_a_recipe_can_be_given_in_any_unit(time):
    config = composed("experiment=recommended", f"trainer.max_time={time}")
    check_train_config(config)
    assert config["trainer"]["max_time"] == yaml.safe_load(time.replace(":", ": ") if "{" in time else f"'{time}'")


def test_all_wrong_settings_are_named_at_once():
    config = composed("optimizer.lr=-1", "data.batch_size=0", "preprocessing.size=[100,64]", "split.val_fraction=2")
    with pytest.raises(ConfigError) as error:
        check_train_config(config)
    for part in ("optimizer.lr=-1", "data.batch_size=0", "split.val_fraction=2", "96 or 128"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("+split.foo=1", "split.foo: unknown; valid here are kind, folds, fold"),
        ("split.fold=alle", "\n  split.fold=alle: a fold's number, counted from 0, or all"),
        ("split.fold=10", "split.fold=10: with split.folds=5 it is 0 to 4, or all"),
        ("split.repeats=2 split=holdout", "split.repeats=2: a holdout split has one part"),
        ("data=phantom", "makes its own frames"),
    ],
)
def test_an_error_says_what_to_do(override, named):
    with pytest.raises(ConfigError) as error:
        check_train_config(composed(*override.split(), "data.manifest=mine.csv"))
    assert named in str(error.value)


def test_a_fold_beyond_the_folds_is_refused():
    with pytest.raises(ConfigError, match=r"split.fold=5.*0 to 4"):
        check_train_config(composed("split.fold=5"))
