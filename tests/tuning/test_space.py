import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from trus.tuning.space import Parameter, as_text, samples, space_problems, suggest

LOSS = Parameter(choices=["dice_bce", "lovasz"])
LR = Parameter(low=1e-4, high=1e-2, log=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (3, "3"),
        (0.0003, "0.0003"),
        (1e-7, "1e-07"),
        ("dice_bce", "dice_bce"),
        ([256, 256], "[256,256]"),
        ("two words, 'quoted'", r"'two words, \'quoted\''"),
    ],
)
def test_a_value_is_read_back_by_hydra_as_what_it_was(value, text):
    assert as_text(value) == text
    (override,) = OverridesParser.create().parse_overrides([f"key={text}"])
    assert override.value() == value


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (Parameter(), "give choices: [...], or low: and high:"),
        (Parameter(low=1), "give choices"),
        (Parameter(low=2, high=1), "low=2 is not below high=1"),
        (Parameter(low=0.0, high=1.0, log=True), "log: true needs low above 0"),
        (Parameter(low=1.0, high=2.0, log=True, step=0.1), "step and log exclude"),
        (Parameter(low=1, high=9, step=0), "step=0 is not above 0"),
        (Parameter(choices=["one"]), "two or more different"),
        (Parameter(choices=[1, 2, 1]), "two or more different"),
        (Parameter(choices=[1, 2], low=1), "choices and a range"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_said(parameter, said):
    (problem,) = parameter.problems()
    assert said in problem


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("split.fold", "no setting"),
        ("split", "no setting"),
        ("seed", "luck"),
        ("data.manifest", "one data set"),
        ("data.classes", "what is scored"),
        ("++split.seed", "no setting"),
        ("logger.experiment", "changes no result"),
        ("hydra.run.dir", "changes no result"),
    ],
)
def test_what_no_study_may_search_is_refused(name, why):
    (problem,) = space_problems({name: Parameter(choices=[0, 1])}, set())
    assert f"search.{name}: cannot be searched" in problem
    assert why in problem


def test_batch_size_and_other_settings_of_the_data_group_may_be_searched():
    assert not space_problems({"data.batch_size": Parameter(choices=[4, 8])}, set())


def test_all_problems_of_a_space_are_said_at_once():
    space = {
        "seed": Parameter(choices=[0, 1]),
        "optimizer.lr": Parameter(low=2.0, high=1.0),
        "loss.alpha": Parameter(low=0.1, high=0.9, when={"loss": "focal_tversky"}),
        "loss": LOSS,
        "loss.beta": Parameter(low=0.1, high=0.9, when={"loss": ["lovasz", "dice"]}),
    }
    said = "\n".join(space_problems(space, {"loss"}))
    for part in ("search.seed", "search.optimizer.lr", "loss is no parameter above it", "loss is never dice"):
        assert part in said
    assert "search.loss: is set on the command line and searched" in said
    assert space_problems({}, set())


def test_a_conditional_parameter_is_asked_for_only_where_it_applies():
    space = {"loss": LOSS, "loss.bce_weight": Parameter(low=0.0, high=1.0, when={"loss": "lovasz"})}
    assert suggest(space, optuna.trial.FixedTrial({"loss": "dice_bce"})) == {"loss": "dice_bce"}
    both = suggest(space, optuna.trial.FixedTrial({"loss": "lovasz", "loss.bce_weight": 0.123456}))
    assert both == {"loss": "lovasz", "loss.bce_weight": "0.1235"}


def test_integers_stay_integers_and_rounding_stays_inside_the_range():
    space = {"data.batch_size": Parameter(low=2, high=9), "x.y": Parameter(low=0.1, high=0.123456)}
    chosen = suggest(space, optuna.trial.FixedTrial({"data.batch_size": 7, "x.y": 0.123456}))
    assert chosen == {"data.batch_size": "7", "x.y": "0.123456"}


def test_the_samples_of_a_check_hold_each_end_under_each_choice_of_its_own_group():
    overrides = [overrides for name, overrides in samples({"loss": LOSS, "loss.gamma": Parameter(low=1, high=2)})]
    assert ["loss=lovasz"] in overrides
    for loss in ("dice_bce", "lovasz"):
        for gamma in (1, 2):
            assert [f"loss={loss}", f"loss.gamma={gamma}"] in overrides
    assert [o for _, o in samples({"optimizer.lr": LR})] == [["optimizer.lr=0.0001"], ["optimizer.lr=0.01"]]
