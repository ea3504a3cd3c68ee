"""Every screen of the application by its name, and how to come to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page

from . import steps


def _dialog(page: Page, command: str) -> None:
    page.evaluate(f"import('/app/js/keyboard.js').then(({{ run }}) => run('{command}'))")
    page.locator("dialog[open]").wait_for()


def _tab(page: Page, name: str) -> None:
    page.locator(f"#tab-{name}").click()


def _tool(page: Page, name: str) -> None:
    page.evaluate(f"import('/app/js/tools/registry.js').then(({{ chooseTool }}) => chooseTool('{name}'))")


def _heat(page: Page) -> None:
    page.evaluate("trusApp.store.set({ display: { ...trusApp.store.get().display, heat: 0, rim: true } })")


def _plain(page: Page) -> None:
    page.evaluate("trusApp.store.set({ display: { ...trusApp.store.get().display, heat: null, rim: false } })")


DIALOGS = {
    "models": lambda page: page.locator(".model-button").click(),
    "help": lambda page: _dialog(page, "page.help"),
    "table": lambda page: _dialog(page, "table.open"),
    "export": lambda page: _dialog(page, "export.open"),
    "volume": lambda page: _dialog(page, "measure.volume"),
    "spacing": lambda page: _dialog(page, "measure.spacing"),
}


def walk(page: Page, frames: list[Path]) -> Iterator[str]:
    """Goes from screen to screen of a page that was just opened; yields each one's name while it is there."""
    page.locator("#welcome").wait_for()
    yield "welcome"
    steps.open_files(page, *frames)
    steps.wait_for_mask(page)
    page.evaluate("document.activeElement.blur()")
    yield "frame"
    _heat(page)
    yield "heat"
    _plain(page)
    _tool(page, "brush")
    yield "editing"
    _tab(page, "all")
    yield "all"
    _tab(page, "frame")
    for name, show in DIALOGS.items():
        yield from _dialog_screen(page, name, show)


def _dialog_screen(page: Page, name: str, show: Callable[[Page], None]) -> Iterator[str]:
    show(page)
    page.locator("dialog[open]").wait_for()
    yield name
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
