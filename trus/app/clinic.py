"""`trus serve --app`: the pages on a clinic's server, for browsers on other computers."""

from fastapi import FastAPI

from trus.app.application import add_application
from trus.app.login import Login
from trus.serving.server import Presentation
from trus.serving.settings import ServeSettings


def present_pages(settings: ServeSettings) -> Presentation:
    """The pages beside the web API: whoever has one of its tokens comes in, without tokens everybody.

    Models are those of the command, and nothing is written on the server.
    """

    def extend(app: FastAPI) -> None:
        add_application(app, Login(settings.tokens, required=bool(settings.tokens)))

    return Presentation(extend, _announce)


def _announce(address: str) -> None:
    print(f"trus serves on {address}", flush=True)
    print(f"the application: {address}/app/", flush=True)
