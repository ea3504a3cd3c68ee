"""What the commands share: the `-o` option, the progress bar, and options that hold several values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress

    from trus.data.classes import Classes

Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]


def progress_bar() -> "Progress":
    """A bar on stderr that vanishes when it is done; nothing where that is a file or a pipe."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(transient=True, console=console, disable=not console.is_terminal)


def parse_classes(text: str) -> "Classes":
    """`background=0,nerve=1` -> Classes. Raises ConfigError that names the part which cannot be read."""
    from trus.data.classes import Classes

    labels = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value.isdigit() or value in labels:
            raise ConfigError(f"--classes {text!r}: cannot read {part!r}; write e.g. background=0,nerve=1,vessel=2")
        labels[value] = name
    return Classes.from_dict({"labels": labels}, "--classes")


def parse_spacing(text: str) -> tuple[float, float]:
    """`0.1,0.1` -> (row, column) in mm. Raises ConfigError."""
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--spacing {text!r}: write two numbers in mm, e.g. 0.12,0.12") from error
    if not (0 < row < 100 and 0 < column < 100):
        raise ConfigError(f"--spacing {text!r}: mm a pixel must lie between 0 and 100")
    return row, column
