"""What the site makes of the files of conf/, of docstrings and of notebooks."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def extensions(monkeypatch):
    """Sphinx finds them by docs/conf.py."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs" / "extensions"), *sys.path])


def test_a_choice_shows_its_header_and_its_settings(tmp_path):
    from config_groups import describe_groups

    loss = tmp_path / "loss"
    loss.mkdir()
    (loss / "dice.yaml").write_text(
        "# @package _global_\n# Soft *Dice*, `a_b`\n#   python x.py\n# and more\nweight: 1 # of it\n"
    )
    (loss / "bce.yaml").write_text("weight: 2\n")
    for name, defaults in (("train", "defaults:\n  - loss: dice\n"), ("evaluate", ""), ("tune", "")):
        (tmp_path / f"{name}.yaml").write_text(f"# Root\n{defaults}seed: 0\n")

    text = describe_groups(tmp_path)

    assert "## loss\n\n`loss=`: `bce`, `dice` (default)" in text
    command = "```none\npython x.py\n```"
    assert (
        f"### loss=dice\n\nSoft \\*Dice\\*, `a_b`\n\n{command}\n\nand more\n\n```yaml\nweight: 1 # of it\n```" in text
    )
    assert "### scripts/train.py\n\nRoot\n\n```yaml\ndefaults:\n  - loss: dice\nseed: 0\n```" in text


def test_your_own_defaults_are_not_on_the_page(tmp_path):
    from config_groups import describe_groups

    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "default.yaml").write_text("secret: 1\n")
    for name in ("train", "evaluate", "tune"):
        (tmp_path / f"{name}.yaml").write_text("seed: 0\n")

    assert "secret" not in describe_groups(tmp_path)


@pytest.mark.parametrize(
    ("docstring", "restructured"),
    [
        ("`x` of y* and |A|, name_", "``x`` of y\\* and \\|A\\|, name\\_"),
        ("float32 (N, C) -> snake_case", "float32 (N, C) -> snake_case"),
        ("What.\n\nsize: [H, W]\nkind: one\n    or two", "What.\n\n- ``size``: [H, W]\n- ``kind``: one or two"),
        ("Raises: nothing\nat all", "Raises: nothing\nat all"),
    ],
)
def test_docstrings_are_plain_text_with_code(docstring, restructured):
    from plain_docstrings import to_restructured

    assert to_restructured(docstring) == restructured


def test_modules_are_listed_from_the_tree(tmp_path):
    from package_modules import describe_modules

    for name in ("a/__init__.py", "a/b.py", "a/c/__init__.py", "a/c/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert "## a.b\n" in describe_modules(tmp_path, "a", nested=False)
    assert "a.c.d" not in describe_modules(tmp_path, "a", nested=False)
    assert ".. automodule:: a.c.d\n" in describe_modules(tmp_path, "a", nested=True)
    with pytest.raises(ValueError, match="no such package"):
        describe_modules(tmp_path, "e", nested=True)


def test_a_notebook_becomes_markdown():
    from notebook_page import as_markdown

    cells = [
        {"cell_type": "markdown", "source": ["# T\n", "text"]},
        {"cell_type": "code", "source": "x = 1"},
        {"cell_type": "code", "source": ["%%bash\n", "ls"]},
    ]
    page = as_markdown(json.dumps({"cells": cells}))
    assert page == "# T\ntext\n\n```python\nx = 1\n```\n\n```sh\nls\n```"
