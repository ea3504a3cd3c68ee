"""The web application: routes, errors and what stands before them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trus import __version__
from trus.errors import TrusError
from trus.inference.predictor import Predictor
from trus.serving.description import DescribedApp
from trus.serving.guards.access import HostCheck, TokenCheck
from trus.serving.guards.limits import Admission, BodyLimit
from trus.serving.guards.observation import Observation
from trus.serving.problems import Problem, explain
from trus.serving.routes import ROUTERS
from trus.serving.service import Service, Source
from trus.serving.settings import ServeSettings


def create_app(
    models: Mapping[str, Path] | Mapping[str, Predictor] | Iterable[Source], settings: ServeSettings
) -> FastAPI:
    """The application over these models: name -> file or predictor, or pairs whose name may be None.

    Its `Service` is `app.state.service`. The models are loaded when the application starts (its lifespan).
    """
    app = DescribedApp(
        asks_token=bool(settings.tokens),
        title="trus",
        version=__version__,
        summary="Segmentation of transrectal ultrasound frames. Research use only.",
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's pages load scripts from a CDN
        redoc_url=None,
        openapi_url=None,  # a route of ours, which is logged under its name
    )
    app.state.service = service = Service(models.items() if isinstance(models, Mapping) else models, settings)
    app.state.routers = []
    for router in ROUTERS:
        add_router(app, router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    _guard(app, service)
    return app


def add_router(app: FastAPI, router: APIRouter) -> None:
    """Answer that router's addresses, too."""
    app.include_router(router)
    app.state.routers.append(router)


def _guard(app: FastAPI, service: Service) -> None:
    """What stands before the routes; the last is outermost."""
    app.add_middleware(BodyLimit, service=service)
    app.add_middleware(Admission, service=service)
    app.add_middleware(TokenCheck, settings=service.settings, find_entrance=lambda: service.entrance)
    app.add_middleware(HostCheck, settings=service.settings)
    app.add_middleware(Observation, service=service)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    try:
        await service.start()
        yield
    finally:
        await service.stop()


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.scope)


async def _mistake(request: Request, error: Exception) -> Response:
    return Problem(422, "Cannot be done", str(error), "cannot-be-done").response(request.scope)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return Problem(422, "Parameters do not fit", explain(error.errors()), "parameters").response(request.scope)


async def _http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses, in our words: its own may hold what was given."""
    assert isinstance(error, HTTPException)
    detail = _DETAILS.get(error.status_code, "the request is malformed")
    headers = _allowed(request) if error.status_code == 405 else error.headers
    return Problem(error.status_code, HTTPStatus(error.status_code).phrase, detail, "", headers).response(request.scope)


def _allowed(request: Request) -> dict[str, str]:
    """The methods of an address; the framework names those of its first route only."""
    routers: list[APIRouter] = request.app.state.routers
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    methods = {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()}
    return {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))}


_DETAILS = {
    404: "there is nothing at this address; GET /openapi.json lists what there is",
    405: "this address does not know the method; the header Allow names those that it does",
}
_HANDLERS = {Problem: _problem, TrusError: _mistake, RequestValidationError: _malformed, HTTPException: _http}
