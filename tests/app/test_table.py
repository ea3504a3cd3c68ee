"""The table of results: its order, its filters, its keys, and that it stays quick with many frames."""

import re

import pytest
from playwright.sync_api import Page, expect

from . import steps
from .edit_modules import Modules, modules

__all__ = ["modules"]

ROWS = ".table-row"


@pytest.fixture
def table(page: Page, dataset) -> Page:
    """Six frames, segmented, the second one corrected; the table is open."""
    steps.open_files(page, *sorted((dataset / "images").glob("*.png"))[:6])
    steps.wait_for_mask(page)
    page.keyboard.press("Shift+B")
    steps.until(page, "trusApp.app.frames.list.every((item) => item.status === 'done')")
    page.evaluate("trusApp.app.frames.list[1].edited = true")
    page.keyboard.press("Shift+T")
    expect(page.locator(ROWS)).to_have_count(6)
    return page


def cells(page: Page, column: int) -> list[str]:
    """Of one column, from the top."""
    return page.locator(ROWS).evaluate_all(
        """(rows, column) => rows
            .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
            .map((row) => row.children[column].textContent)""",
        column,
    )


def test_the_lowest_confidence_comes_first(table):
    table.get_by_role("columnheader").filter(has_text="Lowest confidence").get_by_role("button").click()
    shares = [int(text.rstrip("%")) for text in cells(table, 3) if text]
    assert shares == sorted(shares)
    head = table.get_by_role("columnheader").filter(has_text="Lowest confidence")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(head.get_by_role("button")).to_be_focused()
    expect(table.locator(f"{ROWS}.is-current")).to_have_attribute("id", "row-0")
    table.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    shares = [int(text.rstrip("%")) for text in cells(table, 3) if text]
    assert shares == sorted(shares, reverse=True)


def test_filters(table):
    table.get_by_label("Which frames").select_option("corrected")
    expect(table.locator(ROWS)).to_have_count(1)
    assert cells(table, 0) == ["2"]
    table.get_by_label("Which frames").select_option("failed")
    expect(table.get_by_text("No frame passes these filters.")).to_be_visible()
    table.get_by_label("Which frames").select_option("")
    name = steps.names(table)[4]
    table.get_by_label("Name contains").fill(name.removesuffix(".png").upper())
    expect(table.locator(ROWS)).to_have_count(1)
    expect(table.locator(ROWS)).to_contain_text(name)


def test_frames_with_and_without_a_class_are_all_frames(table):
    choose = table.get_by_label("Class", exact=True)
    choose.select_option("present lesion")
    having = table.locator(ROWS).count()
    choose.select_option("absent lesion")
    assert having + table.locator(ROWS).count() == 6


def test_a_row_opens_its_frame(table):
    table.locator(ROWS).nth(3).click()
    expect(table.get_by_role("dialog")).to_have_count(0)
    assert table.evaluate("trusApp.app.frames.position") == 3


def test_keys_move_and_enter_opens(table):
    table.keyboard.press("End")
    table.keyboard.press("ArrowUp")
    expect(table.locator(f"{ROWS}.is-current")).to_have_attribute("id", "row-4")
    expect(table.get_by_role("grid")).to_have_attribute("aria-activedescendant", "row-4")
    table.keyboard.press("Enter")
    assert table.evaluate("trusApp.app.frames.position") == 4


def test_it_follows_what_is_done(table):
    table.evaluate("trusApp.app.frames.remove([trusApp.app.frames.list[5].id])")
    expect(table.locator(ROWS)).to_have_count(5)
    expect(table.get_by_text("5 of 5 frames")).to_be_visible()


def test_only_rows_in_sight_are_in_the_page(table):
    add = """async () => {
        const { createItem } = await import('/app/js/frames.js');
        const one = trusApp.app.frames.list[0];
        const items = Array.from({ length: 500 }, (_, n) => createItem({ id: `made${n}`, fileId: one.fileId,
            name: `made${n}.png`, size: one.size, mask: one.mask, results: one.results, status: 'done' }));
        trusApp.app.frames.add(items);
    }"""
    table.evaluate(add)
    expect(table.get_by_text("506 of 506 frames")).to_be_visible()
    assert table.locator(ROWS).count() < 60
    table.get_by_role("grid").focus()
    table.keyboard.press("End")
    expect(table.locator(f"{ROWS}.is-current")).to_contain_text("made499.png")


def test_frames_without_a_value_come_last_in_either_order(modules: Modules):
    rows = [{"position": n, "confidence": value} for n, value in enumerate([0.5, None, 0.9, 0.1])]
    for descending, wanted in ((False, [3, 0, 2, 1]), (True, [2, 0, 3, 1])):
        expression = (
            "m.sortRows(rows, { key: 'confidence', descending }, new Intl.Collator('en')).map((row) => row.position)"
        )
        assert modules.call("table/rows.js", expression, rows=rows, descending=descending) == wanted


def test_names_are_sorted_as_people_count(modules: Modules):
    rows = [{"position": n, "item": {"name": name}} for n, name in enumerate(["f10", "f9", "F1"])]
    expression = (
        "m.sortRows(rows, { key: 'name' }, new Intl.Collator('en', { numeric: true })).map((row) => row.item.name)"
    )
    assert modules.call("table/rows.js", expression, rows=rows) == ["F1", "f9", "f10"]


def test_in_russian(open_page, dataset, save_screenshot):
    page = open_page(locale="ru-RU")
    steps.open_files(page, *sorted((dataset / "images").glob("*.png"))[:2])
    steps.wait_for_mask(page)
    page.keyboard.press("Shift+T")
    expect(page.locator(ROWS).first).to_contain_text(re.compile("готов"))
    save_screenshot(page, "table-ru")
