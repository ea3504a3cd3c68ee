"""Docstrings here are plain text with `code` between single backticks; Sphinx reads reStructuredText."""

import re

from sphinx.application import Sphinx

CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
MARKS = re.compile(r"([*|\\]|_(?=\W|$))")
SETTING = re.compile(r"^(\w+): ")
CONTINUED = re.compile(r"\n +(?=\S)")


def to_restructured(text: str) -> str:
    """Code in double backticks; of the rest nothing is a mark: |A|, y*, name_ stay as they are.

    A paragraph of `name: what it is`, each going on in indented lines, becomes a list.
    """
    parts = CODE.split(text)
    parts[::2] = [MARKS.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{part.strip()}``" for part in parts[1::2]]
    return "\n\n".join(_list(part) if _is_list(part) else part for part in "".join(parts).split("\n\n"))


def _is_list(paragraph: str) -> bool:
    return bool(SETTING.match(paragraph) and CONTINUED.search(paragraph))


def _list(paragraph: str) -> str:
    lines = CONTINUED.sub(" ", paragraph).split("\n")
    return "\n".join("- " + SETTING.sub(r"``\1``: ", line) for line in lines)


def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Replace a docstring's lines in place."""
    lines[:] = to_restructured("\n".join(lines)).split("\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
