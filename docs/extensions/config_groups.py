"""What conf/ holds, from its files: the groups, their choices, each one's header comment and settings."""

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from textwrap import dedent

ROOTS = ("evaluate", "tune", "train")
PACKAGE = "# @package"
DEFAULT = re.compile(r"^  - (\w+): (\w+)", re.MULTILINE)
CODE = re.compile(r"(`[^`]+`)")
MARKS = re.compile(r"([*_<\[\]])")


def describe_groups(conf: Path) -> str:
    """Markdown: a section a group with a part a choice, then one a root file of a script."""
    chosen = dict(found for name in ROOTS for found in DEFAULT.findall(_text(conf / f"{name}.yaml")))
    groups = sorted(path for path in conf.iterdir() if path.is_dir() and path.name != "local")
    return "\n".join([*(_group(path, chosen.get(path.name)) for path in groups), _roots(conf)])


def _group(folder: Path, default: str | None) -> str:
    names = [path.stem for path in sorted(folder.glob("*.yaml"))]
    shown = ", ".join(f"`{name}`" + (" (default)" if name == default else "") for name in names)
    parts = [f"## {folder.name}", f"`{folder.name}=`: {shown}"]
    return "\n\n".join([*parts, *(_choice(folder / f"{name}.yaml") for name in names)]) + "\n"


def _choice(path: Path) -> str:
    return f"### {path.parent.name}={path.stem}\n\n{_contents(path)}"


def _roots(conf: Path) -> str:
    parts = ["## The scripts' own settings"]
    parts += [f"### scripts/{name}.py\n\n{_contents(conf / f'{name}.yaml')}" for name in ROOTS]
    return "\n\n".join(parts) + "\n"


def _contents(path: Path) -> str:
    header, settings = split_header(_text(path))
    return "\n\n".join([*_paragraphs(header), *([f"```yaml\n{settings}\n```"] if settings else [])])


def _paragraphs(header: str) -> list[str]:
    """Commands stand indented in a header and become blocks; the rest is plain text."""
    parts = groupby(header.splitlines(), key=lambda line: line.startswith("  "))
    return [_block(lines) if indented else _plain(" ".join(lines)) for indented, lines in parts]


def _block(lines: Iterable[str]) -> str:
    return "\n".join(["```none", dedent("\n".join(lines)), "```"])


def _plain(text: str) -> str:
    parts = CODE.split(text)
    parts[::2] = [MARKS.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def split_header(text: str) -> tuple[str, str]:
    """A file of conf/ -> its header comment without the marks, and what follows it."""
    lines = [line for line in text.splitlines() if not line.startswith(PACKAGE)]
    end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:end]), "\n".join(lines[end:]).strip()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
