"""The site is built as `make docs` does it: without a warning, without the network, with everything in it."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Tags that a browser fetches something for, and by which attribute."""

PROGRAMS = ("app", "cli", "serving")
"""Used over HTTP or by commands."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site; a warning fails the build."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "docs", out / "html"]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "html"


class Fetched(HTMLParser):
    """Collects the addresses that a page loads by itself."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address:
            self.addresses.append(address)


def fetched(page):
    parser = Fetched()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.addresses


def is_outside(address):
    return re.match(r"(\w+:)?//", address) is not None


def test_pages_fetch_nothing_from_elsewhere(site):
    pages = [*site.rglob("*.html")]
    assert len(pages) > 30
    assert all(fetched(page) for page in pages)  # else nothing was looked at
    assert {address for page in pages for address in fetched(page) if is_outside(address)} == set()


def test_style_sheets_and_scripts_fetch_nothing_from_elsewhere(site):
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    assert [
        found for text in sheets for found in re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]+", text)
    ] == []
    scripts = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.js"))
    assert re.findall(r"(?:fetch|import|importScripts)\(\s*['\"`]https?://", scripts) == []


def test_every_page_of_the_guide_can_be_reached(site):
    front = (site / "index.html").read_text(encoding="utf-8")
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "docs" / "tutorial.ipynb"]:
        if page.stem != "index":
            assert f'href="{page.stem}.html"' in front, page.name


def test_every_choice_is_on_the_configuration_page(site):
    page = (site / "configuration.html").read_text(encoding="utf-8")
    choices = [
        f"{path.parent.name}={path.stem}" for path in (ROOT / "conf").glob("*/*.yaml") if path.parent.name != "local"
    ]
    assert len(choices) > 40
    assert [choice for choice in sorted(choices) if f"<h3>{choice}<" not in page] == []


def test_every_public_module_is_in_the_reference(site):
    index = (site / "py-modindex.html").read_text(encoding="utf-8")
    files = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "trus").rglob("*.py")]
    wanted = {".".join(path.parts) for path in files if path.name != "__init__" and path.parts[1] not in PROGRAMS}
    missing = [module for module in sorted(wanted) if f"#module-{module}" not in index]
    assert missing == []
