"""Parts of pages that are made from the files themselves at each build, so that they cannot be out of date.

A comment of Markdown marks the place: `<!-- choices of conf/ -->`, `<!-- modules of trus.data -->` (the package's own),
`<!-- all modules of trus.evaluation -->` (those of its sub-packages, too). A notebook becomes a page as a whole.
"""

import re
from pathlib import Path

from config_groups import describe_groups
from notebook_page import as_markdown
from package_modules import describe_modules
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
CHOICES = "<!-- choices of conf/ -->"
MODULES = re.compile(r"<!-- (all )?modules of ([a-z_.]+) -->")


def fill_in(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace the marks of one page; `source` is a list of its one text."""
    text = source[0]
    if app.env.doc2path(name).suffix == ".ipynb":
        text = as_markdown(text)
    if CHOICES in text:
        text = text.replace(CHOICES, describe_groups(ROOT / "conf"))
    source[0] = MODULES.sub(lambda found: describe_modules(ROOT, found[2], nested=bool(found[1])), text)


def read_anew(app: Sphinx, env: object, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages that depend on files which Sphinx does not watch."""
    return [name for name in app.env.found_docs if name == "configuration" or name.startswith("reference/")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", fill_in)
    app.connect("env-get-outdated", read_anew)
    return {"parallel_read_safe": True}
