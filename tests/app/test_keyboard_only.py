"""Everything can be done without a pointer."""

import re
from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from . import steps

COMMANDS = """async () => (await import('/app/js/keyboard.js')).allCommands()
    .map(({ id, keys, textKey }) => ({ id, keys: keys ?? [], textKey }))"""
FOCUSED = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    return {
        name: element.getAttribute('aria-label') || element.innerText || element.getAttribute('aria-labelledby')
            || element.labels?.[0]?.innerText || element.title || '',
        html: element.outerHTML.slice(0, 160),
        place: element.closest('[id]')?.id ?? '',
        ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none',
        body: element === document.body,
    };
}"""


@pytest.fixture
def shown(page: Page, dataset) -> Page:
    """Three frames, opened by the keyboard alone."""
    paths = [dataset / "images" / f"{name}.png" for name in ("p2_0", "p4_0", "p4_1")]
    steps.choose(page, lambda: page.keyboard.press("Control+o"), *paths)
    steps.wait_for_frames(page, 3)
    steps.wait_for_mask(page)
    return page


def test_no_two_commands_share_a_key(page):
    keys = Counter(key for command in page.evaluate(COMMANDS) for key in command["keys"])
    assert not [key for key, count in keys.items() if count > 1]


def test_the_help_sheet_names_every_key(shown):
    shown.keyboard.press("F1")
    sheet = shown.get_by_role("dialog")
    expect(sheet).to_be_visible()
    wanted = shown.evaluate(
        """async () => {
            const [{ allCommands }, { t }] = [await import('/app/js/keyboard.js'), await import('/app/js/i18n.js')];
            return allCommands().filter(({ keys }) => keys?.length).map(({ textKey }) => t(textKey));
        }"""
    )
    text = sheet.inner_text()
    assert not [words for words in wanted if words not in text]
    shown.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_tab_reaches_every_part_with_a_name_and_a_visible_focus(shown):
    stops = []
    for _ in range(150):
        shown.keyboard.press("Tab")
        stop = shown.evaluate(FOCUSED)
        if stops and stop["body"]:
            break
        stops.append(stop)
    assert len(stops) > 20
    assert not [stop for stop in stops if not stop["name"].strip()]
    assert not [stop for stop in stops if not stop["ring"]]
    controls = "[...document.querySelectorAll('#topbar button, #rail button')].filter((each) => !each.disabled).length"
    assert len(stops) >= shown.evaluate(controls)


def test_frames_thresholds_and_layers_by_keys(shown):
    shown.keyboard.press("ArrowRight")
    steps.wait_for_mask(shown)
    assert shown.evaluate("trusApp.app.frames.position") == 1
    slider = shown.get_by_role("slider", name=re.compile("gland", re.I)).first
    slider.focus()
    before = steps.area(shown)
    for _ in range(3):
        shown.keyboard.press("PageDown")
    steps.until(shown, "trusApp.view.mask.thresholds[0] !== null && trusApp.view.mask.thresholds[0] < 100")
    assert steps.area(shown) >= before
    shown.keyboard.press("Control+z")
    shown.locator("#view").focus()
    full = steps.painted(shown)
    shown.keyboard.press("m")
    steps.until(shown, "!trusApp.store.get().display.mask")
    assert steps.painted(shown) == 0 < full


def test_letters_work_in_a_russian_layout(shown):
    """The key where M is, which types a Russian letter there."""
    event = "new KeyboardEvent('keydown', { key: 'ь', code: 'KeyM', bubbles: true, cancelable: true })"
    shown.evaluate(f"document.body.dispatchEvent({event})")
    assert not shown.evaluate("trusApp.store.get().display.mask")


def test_keys_of_one_character_can_be_switched_off(shown):
    """WCAG 2.1.4: speech input presses them by accident. F1 and keys with Ctrl go on."""
    shown.keyboard.press("F1")
    switch = shown.get_by_role("dialog").get_by_role("switch")
    switch.focus()
    shown.keyboard.press("Space")
    shown.keyboard.press("Escape")
    shown.keyboard.press("m")
    shown.keyboard.press("Shift+w")
    assert shown.evaluate("trusApp.store.get().display.mask")
    shown.reload()
    shown.wait_for_selector("html[data-ready=true]")
    shown.keyboard.press("?")
    expect(shown.get_by_role("dialog")).to_have_count(0)
    shown.keyboard.press("F1")
    expect(switch).not_to_be_checked()


def test_every_tool_has_a_key_and_can_be_chosen(shown):
    tools = [command for command in shown.evaluate(COMMANDS) if command["id"].startswith("tool.")]
    assert len(tools) >= 7
    for command in tools:
        assert command["keys"], command["id"]
        shown.evaluate(f"import('/app/js/keyboard.js').then(({{ run }}) => run('{command['id']}'))")
        steps.until(shown, f"trusApp.store.get().toolId === '{command['id'].removeprefix('tool.')}'")


def test_a_dialog_holds_the_focus_and_gives_it_back(shown):
    button = shown.locator(".model-button")
    button.focus()
    shown.keyboard.press("Enter")
    dialog = shown.get_by_role("dialog")
    expect(dialog).to_be_visible()
    inside = "[document.body, ...document.querySelectorAll('dialog *')].includes(document.activeElement)"
    for _ in range(12):
        shown.keyboard.press("Tab")
        assert shown.evaluate(inside)
    shown.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


def test_typing_in_a_field_runs_no_command(shown):
    shown.locator("input[type=number]:visible").first.focus()
    shown.keyboard.type("m1")
    assert shown.evaluate("trusApp.store.get().display.mask")
