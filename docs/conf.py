"""The site: the guide in Markdown, the settings from conf/, the reference from docstrings. `make docs` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

import trus

project = "trus"
release = version = trus.__version__
project_copyright = "the authors of trus. Apache-2.0. Research use only; not a medical device"

extensions = ["myst_parser", "sphinx.ext.autodoc", "made_pages", "plain_docstrings"]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
exclude_patterns = ["extensions", "static"]
highlight_language = "none"  # the guide's blocks mix commands with what they print

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "model_config"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries = False  # thousands of entries in the menu of each page
add_module_names = False
suppress_warnings = ["ref.python"]  # annotations imported for the type checker alone come without their module

html_theme = "furo"
html_title = f"trus {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_last_updated_fmt = None  # two builds of the same tree are equal
