"""`trus app`."""

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[
    list[str] | None,
    typer.Option(
        help="An .onnx model file, or NAME=FILE; repeatable. Without: the one that is found; of several the page's "
        "choice.",
        metavar="[NAME=]FILE",
    ),
]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="0: any free one.", show_default="the same at every start")
]


def open_application(
    model: Models = None,
    port: Port = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    save_to: Annotated[
        Path | None, typer.Option(help="Folder for training manifests.", show_default="~/trus-annotations")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of a model's session.", show_default="all")] = None,
) -> None:
    """Open the application for clinicians in the browser: frames in, masks to look at, correct, measure and export.

    It runs on this computer only; frames never leave it. Ends with Ctrl-C. Research use only.
    """
    from trus.app.local import run_application
    from trus.cli.serve import name_models

    folder = save_to or Path.home() / "trus-annotations"
    raise typer.Exit(run_application(name_models(model or []), port, folder.expanduser(), not no_browser, threads))
