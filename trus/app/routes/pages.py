"""The pages: files of trus/app/static, as they are."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from trus.app.application import There
from trus.app.entrance_page import entrance_page
from trus.serving.problems import Problem

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parents[1] / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


@router.get("/")
@router.get("/app")
async def go_to_pages() -> Response:
    """The pages' own address."""
    return RedirectResponse("/app/", 307)


@router.get("/app/{path:path}")
def get_page(path: str, request: Request, there: There) -> Response:
    """A file of the pages. HTML only for those who are in; the rest holds nothing but the program."""
    name = path or "index.html"
    if name.endswith(".html") and "caller" not in request.scope:
        return entrance_page(request, there.login)
    file = _file(name)
    if file is None:
        raise Problem(404, "Not Found", "there is nothing at this address", "not-found")
    content = file.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"cache-control": "no-cache", "etag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=TYPES[file.suffix], headers=headers)


def _file(name: str) -> Path | None:
    """A file below STATIC of a kind that pages have; None for anything else, links out of it among them."""
    parts = name.split("/")
    if any(not part or part.startswith(".") or not part.isprintable() or "\\" in part for part in parts):
        return None
    file = STATIC.joinpath(*parts)
    try:
        found = file.suffix in TYPES and file.is_file() and file.resolve().is_relative_to(STATIC.resolve())
    except OSError:  # a name that no file system has
        return None
    return file if found else None
