"""axe-core finds nothing serious on any screen, in either theme."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from . import steps
from .screens import walk

SERIOUS = ("serious", "critical")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": STANDARDS, "resultTypes": ["violations"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_finding(open_page, dataset, theme):
    page = open_page(color_scheme=theme)
    frames = [dataset / "images" / f"{name}.png" for name in ("p2_0", "p3_0", "p4_1")]
    found = {}
    for screen in walk(page, frames):
        for violation in Axe().run(page, options=RULES).response["violations"]:
            if violation["impact"] in SERIOUS:
                places = [node["target"][-1] for node in violation["nodes"]][:4]
                found.setdefault(f"{violation['id']}: {violation['help']} {places}", []).append(screen)
    assert not found


def test_what_happens_is_said_to_screen_readers(page, dataset):
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_mask(page)
    description = page.locator("#view").get_attribute("aria-label")
    assert "p2_0.png" in description
    assert "gland" in description


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forced_colours_on_a_tablet_lose_nothing_beyond_the_edge(open_page, dataset, theme):
    page = open_page(color_scheme=theme, forced_colors="active", viewport={"width": 1024, "height": 768})
    for _ in walk(page, [dataset / "images" / "p2_0.png"]):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


def test_the_page_of_who_is_not_logged_in(chromium, app_service):
    page = chromium.new_page()
    page.goto(f"{app_service.address}/app/")
    found = Axe().run(page, options=RULES).response["violations"]
    assert not [violation["help"] for violation in found if violation["impact"] in SERIOUS]
    page.close()
