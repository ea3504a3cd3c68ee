"""The static files of the pages: what is served, and with which headers."""

import json
import re
from http.client import HTTPConnection

import pytest

from trus.app.routes.pages import STATIC, TYPES

FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


def test_every_file_is_served_as_what_it_is(browser):
    for name in FILES:
        answer = browser.get(f"/app/{name}")
        assert answer.status_code == 200, name
        assert answer.content == (STATIC / name).read_bytes()
        assert answer.headers["content-type"] == TYPES[f".{name.rpartition('.')[2]}"]


@pytest.mark.parametrize("path", ["/app/", "/app/enter", "/app/nothing", "/app/api/session", "/"])
def test_every_answer_carries_the_policy(browser, path):
    answer = browser.get(path)
    assert {*answer.headers["content-security-policy"].split("; ")} == {
        "default-src 'none'",
        *("script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'"),
        *("font-src 'self'", "worker-src 'self'", "media-src blob:", "base-uri 'none'", "form-action 'self'"),
        "frame-ancestors 'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_the_pages_are_looked_at_again_before_use_and_answers_are_not_stored(browser):
    first, session = browser.get("/app/css/entrance.css"), browser.get("/app/api/session")
    assert first.headers["cache-control"] == "no-cache"
    assert session.headers["cache-control"] == "no-store"
    second = browser.get("/app/css/entrance.css", headers={"If-None-Match": f"W/{first.headers['etag']}"})
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("../login.py", "css/../../login.py", "%2e%2e/login.py", "css/%2e%2e/%2e%2e/login.py", "..%2flogin.py"),
        *("css/..%5c..%5clogin.py", "%2fetc/passwd", "//etc/passwd", "css", "css/", ".hidden.js", "js/main.py", "%ff"),
        *("css/entrance.css%00.js", "nothing.js", "api/nothing", "x" * 5000 + ".js"),
    ],
)
def test_nothing_beside_the_pages_is_served(app_service, path):
    """Asked as it stands: httpx would resolve the dots."""
    asking = HTTPConnection("127.0.0.1", app_service.port)
    asking.request("GET", f"/app/{path}", headers={"Cookie": "=".join(app_service.cookie)})
    answer = asking.getresponse()
    assert answer.status == 404
    assert json.load(answer)["type"] == "urn:trus:problem:not-found"
    asking.close()


def test_a_link_out_of_the_folder_is_not_followed(open_application, run, monkeypatch, tmp_path):
    (tmp_path / "secret.js").write_text("secret")
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "open.js").symlink_to(tmp_path / "secret.js")
    monkeypatch.setattr("trus.app.routes.pages.STATIC", folder)

    async def scenario():
        async with open_application() as browser:
            return await browser.get("/app/open.js")

    assert run(scenario()).status_code == 404


def test_short_addresses_lead_to_the_pages(browser):
    for path in ("/", "/app"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/app/")


def test_other_methods_are_told_what_there_is(browser):
    put, delete = browser.put("/app/api/studies"), browser.delete("/app/api/models")
    assert put.status_code == delete.status_code == 405
    assert "POST" in put.headers["allow"]
    assert "POST" in delete.headers["allow"]


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
