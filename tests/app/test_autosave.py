"""Work is kept in the browser: a closed, killed or reloaded tab loses nothing, and a purge leaves nothing."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from . import editing, steps
from .edit_modules import ORIGIN, modules, serve

__all__ = ["modules"]

NAME = "Ivanova_Maria_1961"
STATE = """JSON.stringify(trusApp.app.frames.list.map((item) => [
    item.id, item.name, item.edited, item.measurements, item.annotator,
    item.mask?.corrected ? [...item.mask.toLabels()] : null, item.mask?.thresholds]))"""
KEPT = """async () => {
    const found = [];
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((resolve) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => resolve(request.result);
        });
        for (const store of database.objectStoreNames) {
            const all = await new Promise((resolve) => {
                const request = database.transaction(store).objectStore(store).getAll();
                request.onsuccess = () => resolve(request.result);
            });
            found.push(...all.map((record) => JSON.stringify([store, record])));
        }
        database.close();
    }
    return [...found, JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
}"""


@pytest.fixture
def frames(dataset, tmp_path: Path) -> list[Path]:
    """Three pictures whose names say who the patient is."""
    paths = [tmp_path / f"{NAME}_{number}.png" for number in (1, 2, 3)]
    for number, path in enumerate(paths, 1):
        path.write_bytes((dataset / "images" / f"p{number}_0.png").read_bytes())
    return paths


@pytest.fixture
def shown(page: Page, frames: list[Path]) -> Page:
    """The frames, opened; the mask of the first one in the view."""
    steps.open_files(page, *frames)
    steps.wait_for_mask(page)
    return page


def work(page: Page) -> str:
    """A stroke, a threshold, a measurement; the state then."""
    editing.choose(page, "brush")
    editing.drag(page, (5, 5), (60, 20))
    steps.move_slider(page.locator(".class-row[data-class='gland'] input[type=range]"), 200)
    editing.choose(page, "calliper")
    editing.drag(page, (10, 10), (60, 60))
    steps.until(page, "trusApp.history.position === 3")
    return page.evaluate(STATE)


def again(context: BrowserContext, page: Page) -> Page:
    """The same address in a new tab, when its work is back."""
    other = context.new_page()
    other.goto(page.url)
    steps.until(other, "window.trusApp && document.documentElement.dataset.ready")
    return other


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


def test_a_purge_leaves_nothing_of_a_patient(shown):
    work(shown)
    shown.get_by_label("Your name").fill("Dr. Petrov")
    shown.get_by_label("Your name").press("Tab")
    editing.wait_until_saved(shown)
    kept = " ".join(shown.evaluate(KEPT))
    assert NAME in kept
    assert "Dr. Petrov" in kept
    shown.get_by_role("tab", name="All frames").click()
    shown.get_by_role("button", name="Delete everything").click()
    shown.locator("dialog").get_by_role("button", name="Delete everything").click()
    expect(shown.locator(".message", has_text="Everything was deleted")).to_be_visible()
    assert shown.evaluate("trusApp.items.length") == 0
    kept = " ".join(shown.evaluate(KEPT))
    assert NAME not in kept
    assert "Petrov" not in kept
    assert '"items"' not in kept
    shown.reload()
    steps.until(shown, "window.trusApp && document.documentElement.dataset.ready")
    assert shown.evaluate("trusApp.items.length") == 0


def test_a_purge_in_one_tab_stops_the_saving_of_another(shown, frames):
    other = again(shown.context, shown)
    steps.open_files(other, frames[0])
    steps.wait_for_mask(other)
    editing.wait_until_saved(other)
    shown.evaluate("trusApp.app.autosave.purge()")
    expect(other.locator(".message", has_text="deleted in another tab")).to_be_visible()
    editing.choose(other, "brush")
    editing.drag(other, (5, 5), (60, 20))
    other.wait_for_timeout(700)
    assert NAME not in " ".join(other.evaluate(KEPT))
    other.locator(".message", has_text="deleted in another tab").get_by_role("button", name="Save this tab").click()
    steps.until(other, "trusApp.store.get().autosave.state === 'saved'")
    assert NAME in " ".join(other.evaluate(KEPT))


def test_keeping_nothing_is_a_setting(shown, frames):
    editing.wait_until_saved(shown)
    shown.get_by_role("tab", name="All frames").click()
    keep = shown.get_by_role("switch", name="Save work in this browser")
    keep.click()
    shown.locator("dialog").get_by_role("button", name="Save nothing").click()
    steps.until(shown, "trusApp.store.get().autosave.state === 'off'")
    assert shown.evaluate("trusApp.items.length") == 3
    work(shown)
    shown.wait_for_timeout(700)
    assert NAME not in " ".join(shown.evaluate(KEPT))
    shown.reload()
    steps.until(shown, "window.trusApp && document.documentElement.dataset.ready")
    assert shown.evaluate("trusApp.items.length") == 0
    expect(keep).not_to_be_checked()
    keep.click()
    steps.open_files(shown, frames[0])
    steps.until(shown, "trusApp.store.get().autosave.state === 'saved'")
    assert NAME in " ".join(shown.evaluate(KEPT))


def test_no_room_is_said_and_work_goes_on(page, frames):
    session = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 10})
    steps.open_files(page, *frames)
    steps.wait_for_mask(page)
    expect(page.locator(".message", has_text="no room left")).to_be_visible()
    editing.choose(page, "brush")
    editing.drag(page, (5, 5), (60, 20))
    assert page.evaluate("trusApp.app.frames.selected.edited")
    assert page.evaluate("trusApp.store.get().autosave.state") == "failed"
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    editing.drag(page, (5, 60), (60, 70))
    steps.until(page, "trusApp.store.get().autosave.state === 'saved'")


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


def test_old_work_is_deleted(shown):
    editing.wait_until_saved(shown)
    shown.evaluate("trusApp.app.autosave.startAfresh()")
    steps.until(shown, "trusApp.items.length === 0")
    shown.evaluate(
        """async () => {
            const { openDatabase, readAll, write } = await import('/app/js/storage/database.js');
            const database = await openDatabase();
            const [old] = await readAll(database, 'sessions');
            const updated = Date.now() - 15 * 24 * 3600 * 1000;
            await write(database, (stores) => stores.sessions.put({ ...old, updated }));
            database.close();
        }"""
    )
    shown.reload()
    steps.until(shown, "window.trusApp && document.documentElement.dataset.ready")
    assert NAME not in " ".join(shown.evaluate(KEPT))


def test_who_leaves_a_clinics_server_is_asked_about_saved_work(shown):
    """The next one at this computer would be shown it."""
    editing.wait_until_saved(shown)
    ask = """async () => {
        const { askAndLeave } = await import('/app/js/storage/leaving.js');
        window.left = 0;
        await askAndLeave(trusApp.app, () => (window.left += 1));
    }"""
    for name, count, kept in (("Cancel", 0, True), ("Keep it", 1, True), ("Delete and", 1, False), (None, 1, False)):
        shown.evaluate(ask)
        if name:
            shown.locator("dialog").get_by_role("button", name=name).click()
        steps.until(shown, f"window.left === {count}")
        assert (NAME in " ".join(shown.evaluate(KEPT))) == kept
        expect(shown.locator("dialog")).to_have_count(0)


def test_work_that_cannot_be_read_is_told_and_left_as_it_is(shown, watch):
    watch.allow("RangeError|TypeError")
    work(shown)
    editing.wait_until_saved(shown)
    shown.evaluate(
        """async () => {
            const { openDatabase, readAll, write } = await import('/app/js/storage/database.js');
            const database = await openDatabase();
            const items = await readAll(database, 'items');
            await write(database, (stores) => items.forEach((item) => stores.items.put({ ...item, results: 7 })));
            database.close();
        }"""
    )
    shown.reload()
    expect(shown.locator(".message", has_text="could not be read")).to_be_visible()
    assert shown.evaluate("trusApp.items.length") == 0
    shown.get_by_role("tab", name="All frames").click()
    expect(shown.locator(".storage-entry")).to_contain_text("3 frames")


def test_a_damaged_mask_is_made_again_by_the_model(shown):
    work(shown)
    editing.wait_until_saved(shown)
    shown.evaluate(
        """async () => {
            const { openDatabase, readAll, write } = await import('/app/js/storage/database.js');
            const database = await openDatabase();
            const [item] = (await readAll(database, 'items')).filter((each) => each.mask);
            item.mask.edits[0] = item.mask.edits[0].slice(0, 2);
            await write(database, (stores) => stores.items.put(item));
            database.close();
        }"""
    )
    shown.reload()
    steps.until(shown, "window.trusApp && trusApp.items.length === 3")
    steps.wait_for_mask(shown)
    assert not shown.evaluate("trusApp.app.frames.selected.edited")
    assert shown.evaluate("trusApp.app.frames.selected.measurements.length") == 1
