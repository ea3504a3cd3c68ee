"""`trus serve`."""

from pathlib import Path
from typing import Annotated

import typer


def serve_models(
    model: Annotated[list[str], typer.Option(help="A model file, or NAME=FILE; several: served side by side.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8321,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of a model's session; all.")] = None,
) -> None:
    """Serve models as a web API."""
    from trus.serving.server import serve
    from trus.serving.settings import ServeSettings

    sources = [_source(text) for text in model]
    raise typer.Exit(serve(sources, ServeSettings(host=host, port=port, threads=threads)))


def _source(text: str) -> tuple[str | None, Path]:
    name, separator, path = text.partition("=")
    return (None, Path(text)) if not separator or Path(text).is_file() else (name, Path(path))
