"""`trus serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trus.errors import ConfigError

if TYPE_CHECKING:
    from trus.serving.server import Presentation
    from trus.serving.settings import ServeSettings

Models = Annotated[
    list[str],
    typer.Option(help="An .onnx model file, or NAME=FILE; several: served side by side.", metavar="[NAME=]FILE"),
]
MaxMemory = Annotated[
    int, typer.Option(min=1, help="Bytes held of all requests together: uploads, results of jobs (half of it).")
]
AllowedHosts = Annotated[
    list[str] | None, typer.Option(help="Name under which a proxy asks, as in the header Host; repeatable.")
]


def serve_models(
    model: Models,
    host: Annotated[str, typer.Option(help="Address to listen on; off loopback --token-file is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8321,
    token_file: Annotated[Path | None, typer.Option(help="One token a line, at least 16 characters.")] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="Of one request's body.")] = 512 * 1024 * 1024,
    max_memory: MaxMemory = 1536 * 1024 * 1024,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of one frame.")] = 16_000_000,
    max_frames: Annotated[int, typer.Option(min=1, help="Of one upload.")] = 2000,
    queue: Annotated[int, typer.Option(min=1, help="Requests in hand for a model; more are refused.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds for one request, waiting included.")] = 60.0,
    drain: Annotated[float, typer.Option(min=0, help="Seconds from SIGTERM to the exit, at most.")] = 25.0,
    allowed_host: AllowedHosts = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of a model's session.", show_default="all")] = None,
    app: Annotated[bool, typer.Option("--app", help="Serve the application's pages, too, at /app/.")] = False,
) -> None:
    """Serve models as a web API on HOST:PORT until SIGTERM or Ctrl-C. Research use only.

    Prints its address once all models are loaded and warmed. Answers what it has taken, then exits with 0; with 1
    where --drain was too short for that. A second signal ends it at once.
    """
    from trus.serving.guards.tokens import read_tokens
    from trus.serving.server import serve
    from trus.serving.settings import ServeSettings

    settings = ServeSettings(
        host=host,
        port=port,
        tokens=read_tokens(token_file, lambda text: typer.echo(text, err=True)) if token_file else (),
        max_bytes=max_bytes,
        max_memory=max_memory,
        max_pixels=max_pixels,
        max_frames=max_frames,
        queue=queue,
        timeout_s=timeout,
        drain_s=drain,
        allowed_hosts=tuple(allowed_host or ()),
        threads=threads,
    )
    raise typer.Exit(serve(name_models(model), settings, _pages(settings) if app else None))


def _pages(settings: "ServeSettings") -> "Presentation":
    from trus.app.clinic import present_pages

    return present_pages(settings)


def name_models(texts: list[str]) -> list[tuple[str | None, Path]]:
    """`FILE` or `NAME=FILE` -> name (None: the file's own) and file. Raises ConfigError for a name twice or unfit."""
    sources = [_source(text) for text in texts]
    names = [name for name, _ in sources if name]
    if len({*names}) < len(names):
        raise ConfigError("--model: two models have the same name")
    return sources


def _source(text: str) -> tuple[str | None, Path]:
    name, separator, path = text.partition("=")
    if not separator or Path(text).is_file():
        return None, Path(text)
    if not name.replace("-", "a").replace("_", "a").replace(".", "a").isalnum() or not name.isascii():
        raise ConfigError(f"--model {text}: a name is of letters, digits, dots, dashes and underscores")
    return name, Path(path)
