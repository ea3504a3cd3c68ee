"""CITATION.cff is what the Citation File Format 1.2.0 asks for, and names the version that is here."""

from pathlib import Path

import pytest
import yaml

import trus

ROOT = Path(__file__).parents[2]
REQUIRED = {"cff-version", "message", "title", "authors"}
KNOWN = REQUIRED | {
    *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url"),
    *(
        "preferred-citation",
        "references",
        "repository",
        "repository-artifact",
        "repository-code",
        "type",
        "url",
        "version",
    ),
}
"""Of the schema of CFF 1.2.0."""


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_holds_what_the_format_asks_for_and_nothing_else(citation):
    assert set(citation) >= REQUIRED
    assert set(citation) <= KNOWN
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all("name" in author or {"family-names", "given-names"} <= set(author) for author in citation["authors"])
    assert len(citation["keywords"]) == len(set(citation["keywords"]))


def test_version_and_licence_are_those_of_the_package(citation):
    assert citation["version"] == trus.__version__
    assert f'license = "{citation["license"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
