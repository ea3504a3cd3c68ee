"""Undo and redo of everything, in order, without limit; who corrected, and how long."""

import pytest
from playwright.sync_api import Page, expect

from . import editing, steps

STATE = """JSON.stringify(trusApp.app.frames.list.map(({ id, edited, measurements, mask }) => {
    const kept = mask?.corrected ? mask.serialize() : null;
    return [id, edited, measurements, kept && kept.thresholds, kept && kept.edits.map((part) => [...part])];
}))"""


@pytest.fixture
def shown(page: Page, dataset) -> Page:
    """Three frames, the first one with its mask."""
    steps.open_files(page, *(dataset / "images" / f"p{number}_0.png" for number in (1, 2, 3)))
    steps.wait_for_mask(page)
    return page


def work(page: Page) -> list[str]:
    """Deeds of every kind on two frames; the state at the beginning and after each of them."""
    states = [page.evaluate(STATE)]

    def did() -> None:
        steps.until(page, f"trusApp.history.position === {len(states)}")
        states.append(page.evaluate(STATE))

    editing.choose(page, "brush")
    editing.drag(page, (5, 5), (60, 20))
    did()
    steps.move_slider(page.locator(".class-row[data-class='gland'] input[type=range]"), 200)
    did()
    steps.command(page, "edit.clear").click()
    did()
    editing.choose(page, "calliper")
    editing.drag(page, (10, 10), (60, 60))
    did()
    editing.choose(page, "brush")
    page.locator("#view").focus()
    page.keyboard.press("ArrowRight")
    steps.wait_for_mask(page)
    editing.drag(page, (5, 70), (90, 70))
    did()
    page.locator("#view").focus()
    page.keyboard.press("Delete")
    did()
    assert page.evaluate("trusApp.app.frames.list.length") == 2
    return states


def test_everything_is_undone_and_done_again_in_order(shown):
    states = work(shown)
    assert len(set(states)) == len(states)
    for _ in range(2):
        passed = [shown.evaluate(STATE)]
        while shown.evaluate("trusApp.history.canUndo"):
            shown.keyboard.press("Control+z")
            passed.append(shown.evaluate(STATE))
        assert passed == states[::-1]
        while shown.evaluate("trusApp.history.canRedo"):
            shown.keyboard.press("Control+Shift+z")
        assert shown.evaluate(STATE) == states[-1]


def test_undoing_shows_the_frame_concerned(shown):
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    shown.locator("#view").focus()
    shown.keyboard.press("ArrowRight")
    steps.until(shown, "trusApp.app.frames.position === 1")
    steps.command(shown, "edit.undo").click()
    assert shown.evaluate("trusApp.app.frames.position") == 0
    assert not shown.evaluate("trusApp.app.frames.selected.edited")


def test_a_new_deed_ends_what_could_be_done_again(shown):
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    shown.keyboard.press("Control+z")
    expect(steps.command(shown, "edit.redo")).to_be_enabled()
    editing.drag(shown, (5, 60), (60, 70))
    expect(steps.command(shown, "edit.redo")).to_be_disabled()
    expect(steps.command(shown, "edit.undo")).to_be_enabled()


def test_the_list_goes_back_and_forth(shown):
    before = editing.plane(shown)
    editing.choose(shown, "brush")
    for y in (4, 12, 70):
        editing.drag(shown, (5, y), (60, y))
    after = editing.plane(shown)
    shown.locator("[data-panel='history'] .panel-toggle").click()
    entries = shown.locator(".history-entry")
    expect(entries).to_have_count(4)
    expect(entries.first).to_contain_text("Painted: gland")
    entries.last.click()
    assert editing.plane(shown) == before
    expect(shown.locator(".history-entry.is-undone")).to_have_count(3)
    entries.first.click()
    assert editing.plane(shown) == after


def test_there_is_no_limit_and_a_step_is_small(shown):
    """Three hundred steps, all undone; a stroke is kept in a few hundred bytes."""
    before = editing.plane(shown)
    size = shown.evaluate(
        """() => {
            const { app } = trusApp;
            return import('/app/js/edit/stroke.js').then(({ editOnce }) => {
                for (let i = 0; i < 300; i += 1) {
                    const box = { x0: i % 80, y0: i % 70, x1: (i % 80) + 9, y1: (i % 70) + 9 };
                    editOnce(app, 'edit.history.brush', (mask) => mask.apply(0, box, (now) => 1 - now));
                }
                const bytes = app.history.list.map(({ kept }) => kept.change.edits)
                    .flatMap(({ before, after }) => [...before, ...after]).map((part) => part?.length ?? 0);
                return bytes.reduce((sum, each) => sum + each, 0) / 300;
            });
        }"""
    )
    assert size < 500
    assert shown.evaluate("trusApp.history.position") == 300
    shown.evaluate("trusApp.history.goTo(0)")
    assert editing.plane(shown) == before


def test_nothing_is_undone_in_the_middle_of_a_stroke(shown):
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    shown.mouse.move(*editing.on_screen(shown, 5, 60))
    shown.mouse.down()
    shown.mouse.move(*editing.on_screen(shown, 60, 70), steps=3)
    shown.keyboard.press("Control+z")
    shown.mouse.up()
    assert shown.evaluate("trusApp.history.position") == 2


def test_corrections_outlive_another_model_and_are_undone_on_it(shown):
    """The mask that was corrected stays the frame's when the same model gives a new answer."""
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    after = editing.plane(shown)
    shown.evaluate(
        """() => { const { app } = trusApp, item = app.frames.selected;
            const result = [...item.results.values()][0];
            app.results.useResult(item, { ...result, sha256: '0'.repeat(64) }); }"""
    )
    assert editing.plane(shown) == after


def test_who_corrected_and_how_long(shown):
    editing.choose(shown, "brush")
    editing.drag(shown, (5, 5), (60, 20))
    message = shown.locator(".message", has_text="Who is correcting?")
    message.get_by_role("button", name="Give a name").click()
    expect(shown.get_by_label("Your name")).to_be_focused()
    shown.keyboard.type("Dr. Ivanova")
    shown.keyboard.press("Tab")
    item = shown.evaluate("(({ annotator, seconds }) => ({ annotator, seconds }))(trusApp.app.frames.selected)")
    assert item["annotator"] == "Dr. Ivanova"
    assert item["seconds"] > 0
    shown.reload()
    steps.until(shown, "window.trusApp && trusApp.app.frames.list.length === 3")
    expect(shown.get_by_label("Your name")).to_have_value("Dr. Ivanova")
    editing.choose(shown, "brush")
    steps.wait_for_mask(shown)
    editing.drag(shown, (5, 60), (60, 70))
    expect(shown.locator(".message", has_text="Who is correcting?")).to_have_count(0)


def test_pauses_do_not_count(shown):
    """A minute without a deed adds nothing; ten seconds between two deeds do."""
    seconds = shown.evaluate(
        """() => {
            const item = trusApp.app.frames.selected, start = item.seconds;
            const deed = (at) => {
                const event = new KeyboardEvent('keydown', { key: 'F20', bubbles: true });
                Object.defineProperty(event, 'timeStamp', { value: at });
                document.body.dispatchEvent(event);
            };
            const now = performance.now() + 1e6;
            for (const at of [0, 10e3, 70e3, 75e3]) deed(now + at);
            return item.seconds - start;
        }"""
    )
    assert seconds == pytest.approx(15, abs=0.1)
