"""A notebook as a page of the site: its text and its code, without results."""

import json

CELL = "```{}\n{}\n```"
SHELL = "%%bash\n"


def as_markdown(notebook: str) -> str:
    """The JSON of a notebook (nbformat 4) -> Markdown."""
    return "\n\n".join(_cell(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"])


def _cell(kind: str, source: str) -> str:
    if kind != "code":
        return source
    return CELL.format("sh" if source.startswith(SHELL) else "python", source.removeprefix(SHELL))
