"""Work is kept in the browser: a closed, killed or reloaded tab loses nothing."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, expect

from . import editing, steps
from .edit_modules import ORIGIN, modules, serve
from .keeping import KEPT, STATE, again, frames, shown, work

__all__ = ["frames", "modules", "shown"]


def test_everything_is_there_after_a_reload_steps_too(shown):
    state = work(shown)
    editing.wait_until_saved(shown)
    shown.reload()
    steps.until(shown, "window.trusApp && trusApp.app.frames.list.length === 3")
    expect(shown.locator(".message")).to_contain_text(re.compile(r"Restored 3 frames from \d"))
    assert shown.evaluate(STATE) == state
    steps.wait_for_mask(shown)
    assert shown.evaluate(STATE) == state
    for _ in range(3):
        shown.keyboard.press("Control+z")
    assert shown.evaluate("trusApp.app.frames.list.every((item) => !item.edited && !item.measurements.length)")
    own = "[...trusApp.app.frames.selected.results.values()][0].labels"
    assert shown.evaluate(f"trusApp.view.mask.toLabels().every((value, i) => value === {own}[i])")
    for _ in range(3):
        shown.keyboard.press("Control+Shift+z")
    assert shown.evaluate(STATE) == state


def test_a_killed_tab_loses_nothing_that_is_a_second_old(shown):
    state = work(shown)
    shown.wait_for_timeout(1000)
    context = shown.context
    _crash(shown)
    other = again(context, shown)
    assert other.evaluate(STATE) == state
    assert other.evaluate("trusApp.history.position") == 3


def _crash(page: Page) -> None:
    with page.expect_event("crash"), suppress(Error):  # it can no longer answer
        page.goto("chrome://crash")


def test_it_is_saved_without_being_asked(shown):
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    for _ in range(50):
        if any("edit.history.brush" in record for record in shown.evaluate(KEPT)):
            break
        shown.wait_for_timeout(100)
    else:
        pytest.fail("the stroke is not in the database")


def test_removed_frames_come_back_after_a_reload(shown):
    names = steps.names(shown)
    shown.locator("#view").focus()
    shown.keyboard.press("Delete")
    steps.until(shown, "trusApp.app.frames.list.length === 2")
    editing.wait_until_saved(shown)
    shown.reload()
    steps.until(shown, "window.trusApp && trusApp.app.frames.list.length === 2")
    steps.until(shown, "trusApp.history.canUndo")
    steps.command(shown, "edit.undo").click()
    assert steps.names(shown) == names
    steps.wait_for_picture(shown)


def test_two_tabs_keep_their_own_work(shown, frames):
    first = work(shown)
    editing.wait_until_saved(shown)
    other = again(shown.context, shown)
    assert other.evaluate("trusApp.items.length") == 0
    steps.open_files(other, frames[1])
    steps.wait_for_mask(other)
    editing.choose(other, "eraser")
    editing.drag(other, (5, 40), (90, 40))
    second = other.evaluate(STATE)
    editing.wait_until_saved(other)
    for page, state, count in ((shown, first, 3), (other, second, 1)):
        page.reload()
        steps.until(page, f"window.trusApp && trusApp.items.length === {count}")
        assert page.evaluate(STATE) == state


def test_starting_afresh_keeps_the_earlier_work_to_be_opened(shown):
    state = work(shown)
    shown.get_by_role("tab", name="All frames").click()
    panel = shown.locator("[data-panel='storage']")
    panel.get_by_role("button", name="Start afresh").click()
    steps.until(shown, "trusApp.items.length === 0 && !trusApp.history.canUndo")
    expect(panel.locator(".storage-entry")).to_contain_text("3 frames")
    shown.reload()
    steps.until(shown, "window.trusApp && document.documentElement.dataset.ready")
    assert shown.evaluate("trusApp.items.length") == 0
    panel.get_by_role("button", name="Open", exact=True).click()
    steps.until(shown, "trusApp.items.length === 3")
    assert shown.evaluate(STATE) == state
    expect(panel.locator(".storage-entry")).to_have_count(0)


def test_window_and_chosen_class_come_back(shown):
    editing.choose_class(shown, "lesion")
    shown.evaluate("trusApp.app.windowing.set({ center: 90, width: 120 })")
    editing.wait_until_saved(shown)
    shown.reload()
    steps.until(shown, "window.trusApp && trusApp.items.length === 3")
    assert shown.evaluate("trusApp.app.windowing.get()") == {"center": 90, "width": 120}
    assert shown.evaluate("trusApp.store.get().activeClass") == "lesion"


def test_without_tls_tabs_ask_each_other_whose_the_work_is(modules):
    """Locks are a matter of secure origins; a clinic's server in the house may be none."""
    first = modules.page
    assert first.evaluate("navigator.locks === undefined")
    other = first.context.new_page()
    other.route(f"{ORIGIN}/**", serve)
    other.goto(f"{ORIGIN}/")
    take = """async () => {
        const { claim } = await import('/js/storage/claims.js');
        window.release = await claim('x');
        return release !== null;
    }"""
    assert first.evaluate(take)
    assert not other.evaluate(take)
    first.evaluate("window.release()")
    assert other.evaluate(take)
    other.close()


def test_steps_that_cannot_be_kept_end_what_can_be_undone_later(shown):
    """Those after them are there after a reload, and what is done then is kept beside them."""
    shown.evaluate("trusApp.history.run({ textKey: 'edit.history.brush', do() {}, undo() {} })")
    states = []
    editing.choose(shown, "brush")
    for visit in (1, 2, 3):
        states.append(shown.evaluate(STATE))
        editing.drag(shown, (5, 20 * visit), (60, 20 * visit))
        steps.until(shown, f"trusApp.history.list.filter((action) => action.kept).length === {visit}")
        editing.wait_until_saved(shown)
        shown.reload()
        steps.until(shown, f"window.trusApp && trusApp.history.position === {visit}")
        steps.wait_for_mask(shown)
        editing.choose(shown, "brush")
    for state in reversed(states):
        shown.keyboard.press("Control+z")
        assert shown.evaluate(STATE) == state
