"""Every screen in both languages and themes fits its window; TRUS_SCREENSHOTS=FOLDER keeps the pictures."""

import pytest

from .screens import walk

SCREENS = [
    ("en", "light", (1280, 720)),
    ("ru", "dark", (1280, 720)),
    ("ru", "light", (1024, 768)),
    ("en", "dark", (1920, 1080)),
]
CUT = """() => [...document.querySelectorAll('button, .badge, label, h2, th, .caption')]
    .map((each) => [each, getComputedStyle(each)])
    .filter(([each, style]) => each.offsetParent && style.textOverflow !== 'ellipsis' && style.overflowX !== 'visible')
    .filter(([each]) => each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 2)
    .map(([each]) => each.outerHTML.slice(0, 120))"""
OUTSIDE = """() => [...document.querySelectorAll('#app button, #app input, #app select, dialog button')]
    .filter((each) => each.offsetParent && !each.closest('.side-body, .dialog-body, #filmstrip, #rail'))
    .map((each) => [each.getBoundingClientRect(), each])
    .filter(([box]) => box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < -1 || box.top < -1)
    .map(([, each]) => each.outerHTML.slice(0, 120))"""


CUT_BY_THE_SIDE = """() => [...document.querySelectorAll('.side-body *')]
    .filter((each) => each.offsetParent && !each.closest('.visually-hidden'))
    .filter((each) => each.getBoundingClientRect().right > each.closest('.side-body').getBoundingClientRect().right + 1)
    .map((each) => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("language", "theme", "size"), SCREENS)
def test_every_screen(open_page, dataset, save_screenshot, language, theme, size):
    width, height = size
    page = open_page(
        locale={"en": "en-US", "ru": "ru-RU"}[language], color_scheme=theme, viewport={"width": width, "height": height}
    )
    frames = [dataset / "images" / f"{name}.png" for name in ("p2_0", "p3_0", "p4_1")]
    for screen in walk(page, frames):
        save_screenshot(page, f"{screen}_{language}_{theme}_{width}x{height}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen
        assert not page.evaluate(CUT), screen
        assert not page.evaluate(OUTSIDE), screen
        assert not page.evaluate(CUT_BY_THE_SIDE), screen
