"""Commands that README, docs/ and the recipes show are ones that exist: settings compose, options are known."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trus.cli import app
from trus.config import check_train_config
from trus.errors import TrusError

ROOT = Path(__file__).parents[2]
GUIDE = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/reference").glob("*.md")]
RECIPES = sorted((ROOT / "conf/experiment").glob("*.yaml"))
ELSEWHERE = {"--config-dir", "hydra/launcher=ray"}
"""Composed from a study's folder (tests/tuning do it), or with a package that is not installed."""


def lines_of_code(page: Path) -> list[str]:
    """Lines of its fenced blocks, continued ones as one, without remarks; and its inline code."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S)).replace("\\\n", " ")
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return [*blocks.splitlines(), *re.findall(r"`([^`\n]+)`", outside)]


def lines_of_header(recipe: Path) -> list[str]:
    """Commands of a recipe's first lines; `...` stands for the recipe itself."""
    lines = re.findall(r"^#   (.*)", recipe.read_text(encoding="utf-8"), re.M)
    return [line.replace("...", f"python scripts/train.py experiment={recipe.stem}", 1) for line in lines]


def commands(lines: list[str], pattern: str) -> list[list[str]]:
    """Program's name and arguments of each command that `pattern` finds; a remark after it is cut off."""
    found = [match for line in lines if (match := re.search(rf"(?<![\w.-]){pattern}(?! on http)(?=\s|$)(.*)", line))]
    return [[match[1], *shlex.split(re.split(r"\s{3,}|\s#", match[2])[0])] for match in found]


def first_of_sweep(override: str) -> str:
    """`a=1,2` and `a=choice(1,2)` -> `a=1`: compose takes no sweep. `a=` stands for a value to be put there."""
    if override.endswith("="):
        return override + "null"
    override = override.replace("glob(*)", "dice_bce")
    parsed = OverridesParser.create().parse_override(override)
    return (
        f"{parsed.get_key_element()}={next(parsed.sweep_string_iterator())}" if parsed.is_sweep_override() else override
    )


def problem(script: str, arguments: list[str], context: tuple[str, ...] = ()) -> str | None:
    """What is wrong with the settings of a command, or None."""
    try:
        settings = [*context, *(first_of_sweep(part) for part in arguments if "=" in part)]
        if not {part.split("=")[0] for part in settings} & {"data", "data.manifest"} | {"experiment=phantom"} & {
            *settings
        }:
            settings.append("data.manifest=m.csv")
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose(script, settings, return_hydra_config=True)
        if script == "train":
            names = [name for name in config if name not in ("hydra", "outputs", "run_dir")]
            plain = OmegaConf.create({"outputs": "/tmp/trus", "run_dir": "/tmp/trus/run"})
            plain = OmegaConf.merge(plain, OmegaConf.masked_copy(config, names))
            check_train_config(OmegaConf.to_container(plain, resolve=True))
    except (TrusError, HydraException, OmegaConfBaseException) as error:
        return f"{' '.join([script, *arguments])}: {error}"
    return None


@pytest.mark.parametrize("page", [*GUIDE, *RECIPES], ids=lambda page: page.name)
def test_settings_compose(page):
    lines = lines_of_code(page) if page in GUIDE else lines_of_header(page)
    shown = commands(lines, r"python scripts/(train|evaluate|tune)\.py")
    assert [text for script, *rest in shown if not ELSEWHERE & {*rest} and (text := problem(script, rest))] == []
    assert shown or page in GUIDE


@pytest.mark.parametrize("page", [*GUIDE, *RECIPES], ids=lambda page: page.name)
def test_targets_of_make_exist(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    lines = lines_of_code(page) if page in GUIDE else lines_of_header(page)
    assert {shown[0] for shown in commands(lines, r"make ([a-z]+)")} <= {*targets}


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.name)
def test_commands_of_trus_and_their_options_exist(page):
    program = typer.main.get_command(app)
    unknown = []
    for name, *rest in commands(lines_of_code(page), r"trus ([a-z]+)"):
        command = program.commands.get(name)
        if command and rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest[0]]
        known = {option for parameter in command.params for option in parameter.opts} if command else set()
        options = {word.strip("[]").split("=")[0] for word in rest if re.match(r"\[?--?[a-z]", word)}
        if not command or options - known - {"--help"}:
            unknown.append(f"trus {name} {options - known}")
    assert unknown == []


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.name)
def test_scripts_and_their_options_exist(page):
    unknown = []
    for name, *rest in commands(lines_of_code(page), r"python scripts/([a-z_]+)\.py"):
        script = ROOT / "scripts" / f"{name}.py"
        text = script.read_text(encoding="utf-8") if script.is_file() else ""
        options = {word.split("=")[0] for word in rest if word.startswith("--")}
        if not text or ("@hydra.main" not in text and any(f'"{option}"' not in text for option in options)):
            unknown.append(" ".join([name, *rest]))
    assert unknown == []
