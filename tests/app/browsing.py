"""Debian's Chromium as the application's users have it, and what a page may not do unnoticed.

The browser lives as long as a file of tests: Playwright's event loop counts as running between its calls, and
`asyncio.run` of other tests in the same process would refuse to start. So a file uses a browser or asyncio, not both.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from .running import RunningApp

SCREENSHOTS = "TRUS_SCREENSHOTS"
"""Environment variable: the folder where `save_screenshot` leaves its pictures."""


@dataclass
class Watch:
    """What pages complained of, and where they asked. `allow` names, as regular expressions, what a test provokes."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, *patterns: str) -> None:
        """Complaints that match one of these are meant to be there."""
        self.allowed += patterns

    def follow(self, context: BrowserContext) -> None:
        """Listen to all pages of this context."""
        context.on("console", self._console)
        context.on("weberror", lambda problem: self.complaints.append(f"uncaught: {problem.error}"))
        context.on("request", lambda request: self._request(request.url))

    def check(self) -> None:
        """No complaint but the allowed ones (a violation of the CSP is one), and no request elsewhere."""
        unexpected = [text for text in self.complaints if not any(re.search(each, text) for each in self.allowed)]
        assert not unexpected, "\n".join(unexpected)
        assert not self.foreign

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/app", "blob:", "data:", "about:")):
            self.foreign.append(url)


OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window, for the tests of one file."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def watch(app_service: RunningApp) -> Iterator[Watch]:
    """Follows every page that `open_page` opens; the test fails at its end where one complained."""
    watching = Watch(app_service.address)
    yield watching
    watching.check()


@pytest.fixture
def open_page(chromium: Browser, watch: Watch, app_service: RunningApp) -> Iterator[OpenPage]:
    """`open_page(service, first_use=False, path="/app/", **options_of_the_context)`: a page of a browser of its own.

    It is logged in (as the other pages of that service are), English, 1280x720 and light unless told otherwise.
    """
    contexts: list[BrowserContext] = []

    def opened(service: RunningApp = app_service, path: str = "/app/", **options) -> Page:
        usual = {"locale": "en-US", "viewport": {"width": 1280, "height": 720}, "color_scheme": "light"}
        context = chromium.new_context(**usual | {"reduced_motion": "reduce"} | options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        name, value = service.cookie
        place = {"domain": "127.0.0.1", "path": "/app", "httpOnly": True, "sameSite": "Strict"}
        context.add_cookies([{"name": name, "value": value} | place])
        watch.follow(context)
        page = context.new_page()
        page.goto(f"{service.address}{path}")
        page.wait_for_selector("html[data-ready=true]")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The application, opened."""
    return open_page()


@pytest.fixture
def save_screenshot() -> Callable[[Page, str], None]:
    """`save_screenshot(page, "NAME")`: NAME.png in the folder TRUS_SCREENSHOTS; without that, only a try."""

    def save(page: Page, name: str) -> None:
        folder = os.environ.get(SCREENSHOTS)
        assert page.screenshot(path=Path(folder) / f"{name}.png" if folder else None, animations="disabled")

    return save
