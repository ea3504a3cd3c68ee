"""The application upon a web API: its pages, who may come in, and what is held for them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import Request

from trus.app.found import FoundModels
from trus.app.login import Login
from trus.app.studies.store import Studies
from trus.serving.app import add_router
from trus.serving.problems import Problem
from trus.serving.service import Service


@dataclass
class Application:
    """What the routes of the pages share.

    `local`: the pages run on the computer of the person in front of them, who may load models and write into
    `save_folder`. `found`: model files on this computer that can be offered.
    """

    service: Service
    login: Login
    studies: Studies
    local: bool = False
    save_folder: Path | None = None
    found: FoundModels = field(default_factory=FoundModels)

    def check_local(self) -> None:
        """Raises Problem 403 where pages are served to other computers."""
        if not self.local:
            detail = "only the application on this computer (trus app) may do that; ask whoever runs the service"
            raise Problem(403, "Not from here", detail, "not-local")


def add_application(
    app: FastAPI,
    login: Login,
    local: bool = False,
    save_folder: Path | None = None,
    found: FoundModels | None = None,
) -> Application:
    """Add the pages and their API, all below /app, to `app` of `create_app`."""
    from trus.app.routes import ROUTERS

    service: Service = app.state.service
    studies = Studies(service.decoder, service.memory, service.settings)
    application = Application(service, login, studies, local, save_folder, found or FoundModels())
    app.state.application = application
    service.entrance = login
    service.on_stop.append(studies.close)
    for router in ROUTERS:
        add_router(app, router)
    return application


def get_application(request: Request) -> Application:
    """The application of this request."""
    return request.app.state.application


There = Annotated[Application, Depends(get_application)]
"""The type of a route's parameter that is the application."""


def caller_of(request: Request) -> str:
    """Whose studies these are: the login's digest, empty where none is asked for."""
    return str(request.scope["caller"])
