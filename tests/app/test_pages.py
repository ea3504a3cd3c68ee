"""The static files of the pages: what is served, and with which headers."""

import re

import pytest

from trus.app.routes.pages import STATIC, TYPES

FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


def get(open_application, run, *paths, **headers):
    async def scenario():
        async with open_application() as browser:
            return [await browser.get(path, headers=headers) for path in paths]

    return run(scenario())


def test_every_file_is_served_as_what_it_is(open_application, run):
    answers = get(open_application, run, *(f"/app/{name}" for name in FILES))
    for name, answer in zip(FILES, answers, strict=True):
        assert answer.status_code == 200, name
        assert answer.content == (STATIC / name).read_bytes()
        assert answer.headers["content-type"] == TYPES[f".{name.rpartition('.')[2]}"]


def test_every_answer_carries_the_policy(open_application, run):
    wanted = {
        "default-src 'none'",
        *("script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'"),
        *("font-src 'self'", "worker-src 'self'", "media-src blob:", "base-uri 'none'", "form-action 'self'"),
        "frame-ancestors 'none'",
    }
    for answer in get(open_application, run, "/app/", "/app/enter", "/app/nothing", "/app/api/session", "/"):
        assert {*answer.headers["content-security-policy"].split("; ")} == wanted
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_the_pages_are_looked_at_again_before_use_and_answers_are_not_stored(open_application, run):
    first, session = get(open_application, run, "/app/css/entrance.css", "/app/api/session")
    assert first.headers["cache-control"] == "no-cache"
    assert session.headers["cache-control"] == "no-store"
    (second,) = get(open_application, run, "/app/css/entrance.css", **{"If-None-Match": f"W/{first.headers['etag']}"})
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("../login.py", "%2e%2e/login.py", "css/%2e%2e/%2e%2e/login.py", "..%2flogin.py", "css/..%5c..%5clogin.py"),
        *("%2fetc/passwd", "//etc/passwd", "css", "css/", ".hidden.js", "css/entrance.css%00.js", "js/main.py", "%ff"),
        *("nothing.js", "api/nothing", "x" * 5000 + ".js"),
    ],
)
def test_nothing_beside_the_pages_is_served(open_application, run, path):
    (answer,) = get(open_application, run, f"/app/{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:trus:problem:not-found"


def test_a_link_out_of_the_folder_is_not_followed(open_application, run, monkeypatch, tmp_path):
    (tmp_path / "secret.js").write_text("secret")
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "open.js").symlink_to(tmp_path / "secret.js")
    monkeypatch.setattr("trus.app.routes.pages.STATIC", folder)
    (answer,) = get(open_application, run, "/app/open.js")
    assert answer.status_code == 404


def test_short_addresses_lead_to_the_pages(open_application, run):
    for answer in get(open_application, run, "/", "/app"):
        assert (answer.status_code, answer.headers["location"]) == (307, "/app/")


def test_other_methods_are_told_what_there_is(open_application, run):
    async def scenario():
        async with open_application() as browser:
            return await browser.put("/app/api/studies"), await browser.delete("/app/api/session")

    put, delete = run(scenario())
    assert put.status_code == delete.status_code == 405
    assert "POST" in put.headers["allow"]
    assert "GET" in delete.headers["allow"]


def test_the_pages_load_nothing_from_elsewhere_and_need_no_exception_from_the_policy():
    for name in FILES:
        if name.endswith((".html", ".js", ".css")):
            text = (STATIC / name).read_text("utf-8")
            foreign = re.findall(r"""(?:src|href|import|url\(|from)\W{0,3}(?:https?:)?//[^\s"')]+""", text)
            assert not foreign, name
        if name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text), name


def test_the_documents_of_the_web_api_say_nothing_of_the_pages(open_application, run):
    async def scenario():
        async with open_application(local=False, tokens=()) as browser:
            return await browser.get("/openapi.json")

    assert not [path for path in run(scenario()).json()["paths"] if path.startswith("/app")]
