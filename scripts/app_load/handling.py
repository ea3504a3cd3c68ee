"""Figures of the hand: how soon the page follows the slider and the brush."""

import math
from pathlib import Path

from playwright.sync_api import Browser
from service_load.figure import Figure, percentile

from app_load.browser import application, open_files, wait_for_mask
from app_load.frames import square_frame

SLIDE = """async (steps) => {
    const slider = document.querySelector('.class-row input[type=range]');
    const times = [];
    for (let step = 0; step < steps; step += 1) {
        slider.value = String(20 + ((step * 37) % 220));
        const begun = performance.now();
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        times.push((await clocks.painted()) - begun);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
    slider.dispatchEvent(new Event('change', { bubbles: true }));
    return times;
}"""


def slider(browser: Browser, model: Path, folder: Path, side: int, steps: int) -> Figure:
    """From the slider's event to the painted picture, `side` x `side` pixels."""
    with application(browser, model, folder) as (_, page):
        open_files(page, [square_frame(folder, side)])
        wait_for_mask(page)
        times = page.evaluate(SLIDE, steps)
    value = percentile(times, 95)
    details = {"all": summary(times), "moves": f"{steps}, each to another threshold; waiting for the screen included"}
    return Figure(f"slider to repaint at {side}x{side}, p95", round(value, 1), "ms", "under 50 ms", value < 50, details)


PAUSE_MS = 25
"""Between moves: else the next picture begins before the clock of this one is read."""


def brush(browser: Browser, model: Path, folder: Path, side: int, moves: int) -> Figure:
    """The page's own work for a move of the brush: handlers, drawing and painting."""
    with application(browser, model, folder) as (_, page):
        open_files(page, [square_frame(folder, side)])
        wait_for_mask(page)
        page.evaluate("import('/app/js/tools/registry.js').then(({ chooseTool }) => chooseTool('brush'))")
        page.evaluate("trusApp.store.set({ brushRadius: 30 })")
        box = page.locator("#view").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate("window.moved = clocks.follow('pointermove')")
        page.mouse.move(x, y)
        page.mouse.down()
        page.evaluate("moved.length = 0")
        for move in range(moves):
            turn = move / 15
            page.mouse.move(x + 180 * math.cos(turn), y + 180 * math.sin(turn))
            page.wait_for_timeout(PAUSE_MS)
        page.mouse.up()
        page.evaluate("clocks.painted()")
        notes = page.evaluate("moved")
    work = [note["handlers"] + note["frame"] for note in notes]
    value = percentile(work, 95)
    details = {
        "handlers alone": summary([note["handlers"] for note in notes]),
        "handlers, drawing and painting": summary(work),
        "from the event to the painted picture, waiting for the screen included": summary(
            [note["shown"] for note in notes]
        ),
        "moves": f"{len(notes)}, each drawn by itself, radius 30 px, 12 px apart on the screen",
    }
    return Figure(f"brush per move at {side}x{side}, p95", round(value, 1), "ms", "under 16 ms", value < 16, details)


def summary(times: list[float]) -> str:
    """Median, 95th percentile and largest of milliseconds."""
    return f"median {percentile(times, 50):.1f}, p95 {percentile(times, 95):.1f}, max {max(times):.1f} ms"
