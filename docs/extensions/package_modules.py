"""The modules of a package as sections, each with the docstrings of what it makes public."""

from collections.abc import Iterator
from pathlib import Path

SECTION = """## {module}

```{{eval-rst}}
.. automodule:: {module}
```
"""


def describe_modules(root: Path, package: str, nested: bool) -> str:
    """Markdown with a section a public module of `package` below `root`; with `nested` also of its sub-packages."""
    folder = root / package.replace(".", "/")
    if not folder.is_dir():
        raise ValueError(f"{package}: no such package")
    return "\n".join(SECTION.format(module=module) for module in _modules(root, folder, nested))


def _modules(root: Path, folder: Path, nested: bool) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py") if nested else folder.glob("*.py")):
        if path.name == "__init__.py":
            continue  # what it hands on is described where it is written
        yield ".".join(path.relative_to(root).with_suffix("").parts)
