"""Search spaces of conf/search: what may be searched, and a proposal as overrides of conf/train.yaml."""

import json
import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:
    from optuna.trial import Trial

NEVER = {
    "split": "a fold or split is no setting: the best would be the one with the easiest frames",
    "seed": "a seed is no setting: the best would be luck; seeds=N averages it",
    "seeds": "it changes how a trial is scored",
    "data.manifest": "a study has one data set",
    "data.phantom": "a study has one data set",
    "data.classes": "it changes what is scored",
    "data.cache_dir": "it changes no result",
    "data.workers": "it changes no result",
    "reproduce": "it names one finished run",
    "ckpt_path": "it goes on with one network",
    "weights_licence": "it changes no result",
    "outputs": "it changes no result",
    "run_dir": "it changes no result",
    "hydra": "it changes no result",
    "logger": "it changes no result",
    "local": "it may hold anything",
    "data": "a study has one data set",
}
"""Keys (and all below them) that no space may hold, and why."""

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
Value = str | int | float


@dataclass(config=ConfigDict(extra="forbid"))
class Parameter:
    """One searched setting: `choices`, or `low` to `high` (integers if both are), evenly or on a logarithmic scale.

    `when` names other parameters and the values of theirs for which this one is searched at all.
    """

    choices: list[Any] | None = None
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False
    when: dict[str, Any] = field(default_factory=dict)

    def problems(self) -> list[str]:
        """What is wrong with it by itself."""
        ranged = [self.low, self.high]
        if self.choices is not None:
            if ranged != [None, None] or self.step is not None or self.log:
                return ["has choices and a range; give one of them"]
            if len({*self.texts}) < 2 or len({*self.texts}) < len(self.choices):
                return [f"choices={self.choices}: two or more different ones are needed"]
            return []
        if self.low is None or self.high is None:
            return ["give choices: [...], or low: and high:"]
        found = [f"low={self.low} is not below high={self.high}"] * (not self.low < self.high)
        found += [f"log: true needs low above 0 (it is {self.low})"] * (self.log and self.low <= 0)
        found += ["step and log exclude one another"] * (self.log and self.step is not None)
        return found + [f"step={self.step} is not above 0"] * (self.step is not None and self.step <= 0)

    @property
    def texts(self) -> list[str]:
        """The choices as they stand in overrides."""
        return [as_text(choice) for choice in self.choices or []]

    @property
    def extremes(self) -> list[str]:
        """The values that are tried when the space is checked."""
        return self.texts or [as_text(self.low), as_text(self.high)]

    def applies(self, chosen: dict[str, str]) -> bool:
        """Do the parameters chosen so far, as texts, fulfil `when`?"""
        return all(chosen.get(name) in texts for name, texts in self.conditions.items())

    @property
    def conditions(self) -> dict[str, list[str]]:
        """`when` with lists of texts."""
        lists = {name: value if isinstance(value, list) else [value] for name, value in self.when.items()}
        return {name: [as_text(value) for value in values] for name, values in lists.items()}

    def text(self, value: Value) -> str:
        """A suggestion as it stands in an override, to four digits: the fifth is below every noise."""
        if self.choices is not None:
            return str(value)
        assert self.low is not None
        assert self.high is not None
        return as_text(value if isinstance(value, int) else min(max(float(f"{value:.4g}"), self.low), self.high))

    def suggest(self, trial: "Trial", name: str) -> Value:
        """Ask Optuna, which answers a second time as the first."""
        if self.choices is not None:
            return str(trial.suggest_categorical(name, self.texts))
        assert self.low is not None
        assert self.high is not None
        if isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step, int | None):
            return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)


Space = dict[str, Parameter]


def space_problems(space: Space, fixed: set[str]) -> list[str]:
    """What is wrong with the space itself; `fixed` are the keys that the command line sets."""
    found = [] if space else ["search: the space holds no parameter"]
    for place, (name, parameter) in enumerate(space.items()):
        said = [*parameter.problems(), *_refusal(name), *_condition_problems(space, [*space][:place], parameter)]
        if plain_key(name) in fixed:
            said.append("is set on the command line and searched; drop one of them")
        found += [f"search.{name}: {text}" for text in said]
    return found


def suggest(space: Space, trial: "Trial") -> dict[str, str]:
    """A proposal: parameter -> text of its value, in the order of the space, those that do not apply left out."""
    chosen: dict[str, str] = {}
    for name, parameter in space.items():
        if parameter.applies(chosen):
            chosen[name] = parameter.text(parameter.suggest(trial, name))
    return chosen


def samples(space: Space) -> Iterator[tuple[str, list[str]]]:
    """(parameter, overrides that a check should compose): each extreme under each choice of its own config group."""
    for name, parameter in space.items():
        given = {key: texts[:1] for key, texts in parameter.conditions.items()}
        group = plain_key(name).split(".")[0]
        if group in space and group != name:
            given[group] = parameter.conditions.get(group, space[group].texts)
        contexts: list[list[str]] = [[]]
        for key, texts in given.items():
            contexts = [[*context, f"{key}={text}"] for context in contexts for text in texts]
        for context in contexts:
            for text in parameter.extremes:
                yield name, [*context, f"{name}={text}"]


def as_text(value: Any) -> str:
    """A value as Hydra's override grammar reads it back: null, true, 0.0003, dice_bce, [256,256], 'odd text'."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join(as_text(item) for item in value)}]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else repr(value)


def plain_key(name: str) -> str:
    """An override's key without + or ++."""
    return name.lstrip("+~")


def _refusal(name: str) -> list[str]:
    key = plain_key(name)
    hits = [why for never, why in NEVER.items() if key == never or (key.startswith(f"{never}.") and never != "data")]
    return [f"cannot be searched: {hits[0]}"] if hits else []


def _condition_problems(space: Space, before: list[str], parameter: Parameter) -> list[str]:
    found = []
    for name, texts in parameter.conditions.items():
        if name not in before:
            found.append(f"when: {name} is no parameter above it (there are: {', '.join(before) or 'none'})")
        elif space[name].choices is None:
            found.append(f"when: {name} has a range; only choices can be named")
        elif unknown := [text for text in texts if text not in space[name].texts]:
            found.append(f"when: {name} is never {', '.join(unknown)}, but {', '.join(space[name].texts)}")
    return found
