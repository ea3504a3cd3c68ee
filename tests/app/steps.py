"""What a person does on the page, as the tests say it."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import FileChooser, Locator, Page

PROBLEMS = ".message.is-error"


def until(page: Page, expression: str, seconds: float = 15) -> None:
    """Wait in the page until this is true. (`wait_for_function` needs eval, which the page's policy forbids.)"""
    page.evaluate(
        f"""async () => {{
            const ends = performance.now() + {1000 * seconds};
            while (!({expression})) {{
                if (performance.now() > ends) throw new Error('not within {seconds} s');
                await new Promise((resolve) => setTimeout(resolve, 20));
            }}
        }}"""
    )


def open_files(page: Page, *paths: Path) -> None:
    """By the file dialog; waits until all of them are opened or told."""
    page.locator("#pick-files").set_input_files([str(path) for path in paths])
    until(page, "trusApp.store.get().opening === null")


def choose(page: Page, ask: Callable[[], None], *paths: Path) -> None:
    """Choose files in the browser's own dialog, which `ask` opens."""
    choosers: list[FileChooser] = []

    def take(chooser: FileChooser) -> None:
        choosers.append(chooser)

    page.on("filechooser", take)
    page.evaluate("null")  # by its answer the browser hands dialogs to the test
    ask()
    for _ in range(500):
        page.wait_for_timeout(20)
        if choosers:
            return choosers[0].set_files([str(path) for path in paths])
    raise AssertionError("no file dialog was opened")


def drop(page: Page, *files: tuple[str, bytes], selector: str = "body") -> None:
    """Drop files, by name and content, somewhere; does not wait."""
    transfer = page.evaluate_handle("new DataTransfer()")
    add = """([transfer, name, text]) =>
        transfer.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], name))"""
    for name, content in files:
        page.evaluate(add, [transfer, name, _base64(content)])
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, kind, {"dataTransfer": transfer})


def paste(page: Page, name: str, content: bytes) -> None:
    """Paste a file; does not wait."""
    event = """([name, text]) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], name));
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(event, [name, _base64(content)])


def names(page: Page) -> list[str]:
    """Of the frames, in order."""
    return page.evaluate("trusApp.app.frames.list.map((item) => item.name)")


def wait_for_frames(page: Page, count: int) -> None:
    """Until so many are opened."""
    until(page, f"trusApp.app.frames.list.length === {count} && trusApp.store.get().opening === null")


def wait_for_picture(page: Page) -> None:
    """Until the frame chosen is the one in the view."""
    until(page, "trusApp.view.picture && trusApp.view.item === trusApp.app.frames.selected")


def wait_for_mask(page: Page) -> None:
    """Until the mask of the frame chosen is in the view."""
    wait_for_picture(page)
    until(page, "trusApp.view.mask !== null && trusApp.view.mask === trusApp.app.frames.selected.mask")


def area(page: Page, k: int = 0) -> int:
    """Pixels of a class of the mask in the view."""
    return page.evaluate(f"trusApp.view.mask.plane({k}).reduce((sum, bit) => sum + bit, 0)")


def command(page: Page, name: str) -> Locator:
    """The button of a command."""
    return page.locator(f"[data-command='{name}']").first


def drawn(page: Page, layer: str, view: str = "#view") -> np.ndarray:
    """A layer of a view as it is on the screen, uint8 (H, W, 4), once what was asked for is drawn."""
    read = """async (selector) => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const source = document.querySelector(selector);
        const canvas = new OffscreenCanvas(source.width, source.height); // to read the page's own would slow it down
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context.drawImage(source, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        let text = '';
        for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
        return [canvas.height, canvas.width, btoa(text)];
    }"""
    height, width, text = page.evaluate(read, f"{view} canvas.layer-{layer}")
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def painted(page: Page, layer: str = "marks") -> int:
    """Pixels of a layer of the view that are not clear."""
    return int((drawn(page, layer)[..., 3] > 0).sum())


def move_slider(slider: Locator, value: float) -> None:
    """Drag it there: events as of a hand, one `change` at the end."""
    slider.evaluate(
        """(element, value) => {
            element.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
            element.value = String(value);
            element.dispatchEvent(new Event('input', { bubbles: true }));
            element.dispatchEvent(new Event('change', { bubbles: true }));
        }""",
        value,
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
