"""`trus app`: the service and its pages for one person on one computer."""

import hashlib
import logging
import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterable
from pathlib import Path

from fastapi import FastAPI

from trus.app.application import add_application
from trus.app.found import FoundModels, usual_places
from trus.app.login import Login
from trus.app.port import usual_port
from trus.serving.server import Presentation, serve
from trus.serving.service import Source
from trus.serving.settings import MIB, ServeSettings

DRAIN_S = 5.0
MEMORY = 1024 * MIB
"""Held of opened files, frames and results together: a clinic's computer has other work."""


def run_application(
    sources: Iterable[Source], port: int | None, save_folder: Path, with_browser: bool, threads: int | None = None
) -> int:
    """Serve the pages on loopback until Ctrl-C or SIGTERM; returns the exit code. Raises ConfigError, ModelFileError.

    Prints the address with its one-time token once the models are loaded, and opens the browser there. `port` 0 is any
    free one, None the one of last time.
    """
    if port is None:
        port, is_usual = usual_port()
        if not is_usual:
            print("the usual port is taken, likely by another trus app, where the work that the browser kept is shown")
    login = Login()
    # the web API beside the pages is closed: nobody knows this token
    closed = hashlib.sha256(secrets.token_bytes()).hexdigest()
    settings = ServeSettings(port=port, tokens=(closed,), drain_s=DRAIN_S, threads=threads, max_memory=MEMORY)

    found = usual_places()
    sources = [*sources] or _only_one(found)

    def extend(app: FastAPI) -> None:
        add_application(app, login, local=True, save_folder=save_folder, found=found)

    def announce(address: str) -> None:
        _invite(address, login, with_browser)
        _in_background(found.look)  # before the page asks, as it takes a moment the first time
        if sys.stdin is not None and sys.stdin.isatty():
            _in_background(_invite_again, address, login, with_browser)

    if sources and sys.stderr.isatty():
        print(f"loading {', '.join(str(source) for _, source in sources)} ...", file=sys.stderr, flush=True)
    return serve(sources, settings, Presentation(extend, announce, logging.WARNING))


def _only_one(found: FoundModels) -> list[Source]:
    """The model that is found, where there is one to choose; how many there are is said."""
    models = found.look()
    if len(models) == 1:
        print(f"the only model file that was found: {models[0].path}", flush=True)
        return [(None, models[0].path)]
    missing = "no model file was found: make one (make train), give one (--model FILE), or drop one into the page"
    print(f"model files found: {len(models)}; choose one in the page" if models else missing, flush=True)
    return []


def _invite(address: str, login: Login, with_browser: bool) -> None:
    entrance = f"{address}/app/enter?token={login.issue()}"
    print(f"trus app: {entrance}", flush=True)
    if with_browser and _has_screen():
        _in_background(webbrowser.open, entrance)  # some return when the browser is closed


def _in_background(work: Callable[..., object], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _has_screen() -> bool:
    """Without one, `webbrowser` would start a browser of text in this terminal."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _invite_again(address: str, login: Login, with_browser: bool) -> None:
    """A token works once: Enter makes another, say for a second browser."""
    print("Ctrl-C ends it; Enter opens it once more. Research use only.", flush=True)
    while sys.stdin.readline():
        _invite(address, login, with_browser)
