import pytest
from hydra import compose

from trus.errors import ConfigError


@pytest.mark.parametrize("search", ["small", "optimizer", "loss", "model"])
def test_every_space_that_is_shipped_composes_at_each_of_its_ends(read, search):
    settings = read(f"search={search}")
    assert settings.search == search
    assert settings.folder.name.startswith(f"{search}_")


def test_what_goes_to_train_py_is_everything_but_the_keys_of_tune_py(read):
    settings = read("n_trials=7", "model=unet_small", "split.fold=all", "trainer.max_epochs=3", "prune_after=null")
    assert "model=unet_small" in settings.overrides
    assert "trainer.max_epochs=3" in settings.overrides
    assert settings.overrides[-1] == "split.fold=all"
    assert not [text for text in settings.overrides if text.startswith(("n_trials", "search", "prune"))]
    assert (settings.tune.n_trials, settings.tune.prune_after) == (7, None)
    assert compose("train", [*settings.overrides]).trainer.max_epochs == 3


def test_the_name_follows_what_changes_results_and_nothing_else(read):
    name = read().folder.name
    assert name == read("n_trials=3", "data.workers=0", "n_workers=2").folder.name
    assert name != read("trainer.max_epochs=3").folder.name
    assert name != read(space="optimizer.lr: {low: 1.0e-4, high: 1.0e-3, log: true}").folder.name
    assert read("study=mine").folder.name == "mine"


@pytest.mark.parametrize(
    ("overrides", "space", "parts"),
    [
        (["n_trials=0", "study=a/b", "n_workers=x"], None, ["n_trials=0", "study='a/b'", "n_workers='x'"]),
        (["split.fold=1"], None, ["split.fold=1: a trial is a whole cross-validation; leave it out"]),
        (["optimizer.lr=1e-3"], None, ["search.optimizer.lr: is set on the command line and searched"]),
        ([], "split.fold: {choices: [0, 1]}", ["search.split.fold: cannot be searched: a fold"]),
        ([], "optimizer.lr: {lo: 1, high: 2}", ["search.optimizer.lr.lo: unknown; valid here are choices, low"]),
        ([], "loss: {choices: [dice_bce, dise]}", ["search.loss", "loss=dise", "dise"]),
        ([], "optimizer.lr: {low: -1.0, high: 1.0}", ["search.optimizer.lr: optimizer.lr=-1.0", "greater than 0"]),
        ([], "optimizer.momentum: {low: 0.1, high: 0.9}", ["search.optimizer.momentum", "momentum"]),
        ([], "preprocessing.size: {choices: [[100, 100], [64, 64]]}", ["preprocessing.size=[100,100]", "96 or 128"]),
        (["trainer.max_epochs=abc"], None, ["trainer.max_epochs='abc'"]),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_written(read, tmp_path, overrides, space, parts):
    with pytest.raises(ConfigError) as raised:
        read(*overrides, **({"space": space} if space else {}))
    for part in parts:
        assert part in str(raised.value)
    assert not (tmp_path / "out").exists()
