"""Schedules over a run, and every optimiser and scheduler of conf/."""

import functools
import math
import warnings
from pathlib import Path

import hydra
import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from trus.errors import ConfigError
from trus.training.schedules import Span, configure, constant, cosine, polynomial

CONF = Path(__file__).parents[2] / "conf"


def node(group, name):
    with hydra.initialize_config_dir(str(CONF), version_base=None):
        return hydra.utils.instantiate(hydra.compose(f"{group}/{name}")[group])


def sgd(rate=1.0):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=rate)


def rates(schedule, total_steps, **settings):
    optimizer = sgd()
    scheduler = schedule(optimizer, Span(total_steps), **settings)
    seen = []
    for _ in range(total_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]["lr"]]


def test_cosine_warms_up_and_ends_at_its_minimum():
    seen = rates(cosine, 100, warmup_fraction=0.1, min_factor=0.01)
    assert seen[:3] == pytest.approx([1 / 11, 2 / 11, 3 / 11])
    assert max(seen) == seen[10] == 1.0
    assert seen[55] == pytest.approx(0.01 + 0.99 / 2)
    assert seen[-1] == pytest.approx(0.01)
    assert seen[10:] == sorted(seen[10:], reverse=True)


def test_polynomial_follows_its_power():
    seen = rates(polynomial, 50, warmup_fraction=0.0, power=2.0)
    assert seen[0] == 1.0
    assert seen[25] == pytest.approx(0.25)
    assert seen[-1] == 0.0
    assert rates(polynomial, 10, warmup_fraction=0.0, min_factor=0.5, power=1.0)[5] == pytest.approx(0.75)


@pytest.mark.parametrize("schedule", [cosine, polynomial])
def test_a_run_that_the_clock_ends_follows_the_time(schedule):
    used = [0.0]
    timed, counted = sgd(), sgd()
    settings = {"warmup_fraction": 0.1, "min_factor": 0.01}
    by_time = schedule(timed, Span(math.inf, lambda: used[0]), **settings)
    by_steps = schedule(counted, Span(100_000), **settings)
    for share in (0.05, 0.1, 0.3, 0.8, 1.0, 1.2):
        used[0] = share
        by_steps.last_epoch = round(min(share, 1.0) * 100_000) - 1
        for scheduler in (by_time, by_steps):
            scheduler.optimizer.step()
            scheduler.step()
        assert timed.param_groups[0]["lr"] == pytest.approx(counted.param_groups[0]["lr"], rel=1e-3)


def test_whichever_ends_the_run_first_rules_the_schedule():
    optimizer = sgd()
    scheduler = cosine(optimizer, Span(4, lambda: 0.3), warmup_fraction=0.0, min_factor=0.0)
    seen = []
    for _ in range(4):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    by_time = 0.5 * (1 + math.cos(math.pi * 0.3))
    assert seen == pytest.approx([by_time, by_time, 0.5, 0.5 * (1 + math.cos(math.pi * 0.75))])


@pytest.mark.parametrize("schedule", [cosine, polynomial])
def test_shortest_runs_and_steps_after_the_end(schedule):
    assert rates(schedule, 1)[0] == 1.0
    scheduler = schedule(sgd(), Span(2), min_factor=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(5):
            scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0.1)]


def test_constant_leaves_the_rate():
    assert set(rates(constant, 5)) == {1.0}


@pytest.mark.parametrize("name", ["cosine", "polynomial", "none"])
def test_schedules_over_a_run_move_every_step(name):
    settings = configure(node("scheduler", name), sgd(), 40)
    assert settings["interval"] == "step"
    assert "monitor" not in settings
    assert isinstance(settings["scheduler"], torch.optim.lr_scheduler.LRScheduler)


def test_plateau_watches_the_validation_score():
    settings = configure(node("scheduler", "plateau"), sgd(), math.inf)
    assert settings["monitor"] == "val/iou"
    assert settings["interval"] == "epoch"
    assert isinstance(settings["scheduler"], ReduceLROnPlateau)
    assert settings["scheduler"].mode == "max"


def test_plateau_lowers_the_rate_when_the_score_stays():
    optimizer = sgd()
    scheduler = configure(node("scheduler", "plateau"), optimizer, 1)["scheduler"]
    for _ in range(scheduler.patience + 2):
        scheduler.step(0.4)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_no_scheduler_and_one_of_torch():
    assert set(configure(None, sgd(), 3)) == {"scheduler", "interval"}
    settings = configure(functools.partial(StepLR, step_size=2), sgd(), 3)
    assert settings["interval"] == "epoch"
    assert "monitor" not in settings


@pytest.mark.parametrize("steps", [math.inf, 0, -1])
def test_a_run_of_unknown_length_is_refused(steps):
    with pytest.raises(ConfigError, match="run of known length"):
        configure(node("scheduler", "cosine"), sgd(), steps)


@pytest.mark.parametrize(
    ("schedule", "setting"),
    [(cosine, {"warmup_fraction": 1.0}), (cosine, {"min_factor": 2.0}), (polynomial, {"power": 0.0})],
)
def test_settings_out_of_range_are_refused(schedule, setting):
    with pytest.raises(ConfigError, match=f"scheduler.{next(iter(setting))}="):
        schedule(sgd(), Span(10), **setting)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml")))
def test_optimisers_step(name):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = node("optimizer", name)([weight])
    weight.sum().backward()
    optimizer.step()
    assert (weight < 1).all()


def test_state_of_a_schedule_loads_safely(tmp_path):
    scheduler = cosine(sgd(), Span(10))
    torch.save(scheduler.state_dict(), tmp_path / "state.pt")
    again = cosine(sgd(), Span(10))
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again.last_epoch == scheduler.last_epoch
