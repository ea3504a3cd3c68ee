"""What the browser keeps is deleted when it is told to, in time, or with the page; what it cannot keep is said."""

from playwright.sync_api import expect

from . import editing, steps
from .keeping import KEPT, NAME, again, frames, shown, work

__all__ = ["frames", "shown"]


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
