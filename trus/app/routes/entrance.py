"""/app/enter: a token for a cookie."""

import asyncio
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from trus.app.application import Application, There
from trus.app.entrance_page import entrance_page
from trus.app.incoming import read_small

router = APIRouter(prefix="/app", include_in_schema=False)

_FORM_BYTES = 4096
_WRONG_S = 0.5


@router.get("/enter")
async def enter(request: Request, there: There, token: str = "") -> Response:
    """By the address that was printed; who is in already goes on to the pages."""
    if token and (value := there.login.enter_once(token)):
        return _let_in(request, there, value)
    if "caller" in request.scope:
        return RedirectResponse("/app/", 303)
    return entrance_page(request, there.login, "used" if token else "")


@router.post("/enter")
async def enter_by_form(request: Request, there: There) -> Response:
    """By a token that was typed."""
    token = parse_qs((await read_small(request, _FORM_BYTES)).decode("utf-8", "replace")).get("token", [""])[0]
    if value := there.login.enter(token):
        return _let_in(request, there, value)
    await asyncio.sleep(_WRONG_S)
    return entrance_page(request, there.login, "wrong")


def _let_in(request: Request, there: Application, value: str) -> Response:
    answer = RedirectResponse("/app/", 303)
    answer.headers["set-cookie"] = there.login.cookie(request.scope, value)
    return answer
