"""English and Russian are both complete, and the page has no text that is in neither."""

import ast
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

import trus.app
import trus.serving

from . import steps
from .screens import walk

STATIC = Path(trus.app.__file__).parent / "static"
TEXTS = STATIC / "js" / "i18n"
PARTS = ("shell", "viewer", "edit", "measure", "batch", "export", "problems")
ANY_PART = "|".join(PARTS)
KEY = re.compile(rf"""["'`]((?:{ANY_PART})\.[\w.-]*\w)["'`]""")
PREFIX = re.compile(rf"""["'`]((?:{ANY_PART})\.[\w.-]*)\$\{{""")
PLURALS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}
LATIN = """
trus PNG JPEG BMP TIFF DICOM SEG AVI MP4 COCO LabelMe CSV PDF HTML JSON ZIP ONNX onnx Dice IoU SHA sha256 IM ROI
Ctrl Shift Alt Enter Esc Escape Tab Space Delete Backspace Home End PageUp PageDown Pageup Pagedown Cmd Meta F1
make train app serve model manifest csv English EN RU URL IndexedDB Chromium Firefox Page Up Down
"""
"""Names of formats, keys, programs and commands, which Russian writes as they are."""
OF_THE_DATA = "tiny p2 p3 p4 gland lesion background png"
COMMANDS = "import('/app/js/keyboard.js').then(({ allCommands }) => allCommands().map(({ id }) => id))"
ENGLISH_LEFT = """(allowed) => {
    const own = (element) => element.closest('[translate=no], [lang=en], script, style, kbd, noscript, option, #live');
    const words = new Map();
    const take = (text, element) => {
        for (const word of text.replace(/\\/\\S+/g, ' ').match(/[A-Za-z][A-Za-z0-9]+/g) ?? []) {
            if (!allowed.includes(word)) words.set(`${word}: ${text.trim().slice(0, 60)}`, element.tagName);
        }
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!own(element)) take(walker.currentNode.data, element);
    }
    for (const name of ['title', 'aria-label', 'placeholder', 'aria-valuetext']) {
        for (const element of document.querySelectorAll(`[${name}]`)) {
            if (!own(element)) take(element.getAttribute(name), element);
        }
    }
    return [...words.keys()];
}"""


@pytest.fixture
def texts(page: Page) -> dict[str, dict[str, dict]]:
    """language -> part -> key -> text or plural forms, as the page itself reads them."""
    read = "(url) => import(url).then((module) => module.default)"
    address = "/app/js/i18n/{}/{}.js"
    return {
        language: {part: page.evaluate(read, address.format(language, part)) for part in PARTS} for language in PLURALS
    }


def flat(parts: dict[str, dict]) -> dict[str, str | dict[str, str]]:
    return {key: text for part in parts.values() for key, text in part.items()}


def forms(text: str | dict[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else [*text.values()]


def placeholders(text: str | dict[str, str]) -> set[str]:
    return {name for form in forms(text) for name in re.findall(r"\{(\w+)\}", form)}


def sources() -> dict[str, str]:
    """Our pages and modules, the texts aside, by their place under static/."""
    paths = [path for path in STATIC.rglob("*") if path.suffix in (".js", ".html") and TEXTS not in path.parents]
    return {str(path.relative_to(STATIC)): path.read_text() for path in paths}


def problem_kinds() -> set[str]:
    """The kinds of problem that the service can answer the pages with."""
    roots = [Path(trus.app.__file__).parent, Path(trus.serving.__file__).parent]
    others = {"jobs", "open_inference", "jobs.py", "open_inference.py", "limits.py", "segment.py"}
    others |= {"multipart.py", "accept.py"}  # the web API's
    found = set()
    for path in (path for root in roots for path in root.rglob("*.py") if not {*path.parts} & others):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem" and len(node.args) > 3:
                found |= {node.args[3].value} if isinstance(node.args[3], ast.Constant) else set()
    return found - {"", "given-up"}  # the latter is read by nobody


def test_both_languages_have_the_same_keys(texts):
    for part in PARTS:
        english, russian = texts["en"][part], texts["ru"][part]
        assert english.keys() == russian.keys(), part
        assert all(key.startswith(f"{part}.") for key in english), part


def test_placeholders_agree_and_plurals_are_whole(texts):
    english, russian = flat(texts["en"]), flat(texts["ru"])
    assert not [key for key in english if placeholders(english[key]) != placeholders(russian[key])]
    for language, found in (("en", english), ("ru", russian)):
        plurals = {key: {*text} for key, text in found.items() if isinstance(text, dict)}
        assert not {key: PLURALS[language] - given for key, given in plurals.items() if PLURALS[language] - given}


def test_every_key_that_the_page_uses_exists(texts, page):
    known = {*flat(texts["en"]), *page.evaluate(COMMANDS)}
    used = {f"{name}: {key}": key for name, text in sources().items() for key in KEY.findall(text)}
    assert not [place for place, key in used.items() if key not in known]


def test_every_text_is_used(texts):
    everything = "\n".join(sources().values())
    used, prefixes = {*KEY.findall(everything)}, tuple({*PREFIX.findall(everything)})
    assert not [key for key in flat(texts["en"]) if key not in used and not key.startswith(prefixes)]


def test_every_problem_of_the_service_has_its_words(texts):
    lacking = {kind for kind in problem_kinds() if f"problems.{kind}" not in texts["en"]["problems"]}
    assert len(problem_kinds()) > 10
    assert not lacking


def test_russian_is_russian(texts):
    for key, text in flat(texts["ru"]).items():
        for form in forms(text):
            words = re.findall(r"[A-Za-z][A-Za-z0-9]+", re.sub(r"\{\w+\}|--?[\w-]+", " ", form))
            assert not {*words} - {*LATIN.split()}, f"{key}: {form}"


def test_no_text_is_written_into_the_page():
    """Of the HTML: what is between tags comes from data-t; what tells of missing JavaScript cannot."""
    for path in STATIC.rglob("*.html"):
        body = re.sub(r"(?s)<(title|svg|noscript)\b.*?</\1>|<!--.*?-->", "", path.read_text())
        assert not re.findall(r"<(?![^<>]*data-t)[a-z][^<>]*>\s*[^<>\s][^<>]*<", body), path


@pytest.mark.parametrize("theme", ["dark"])
def test_no_screen_has_english_left_in_russian(open_page, dataset, theme):
    page = open_page(locale="ru-RU", color_scheme=theme)
    frames = [dataset / "images" / f"{name}.png" for name in ("p2_0", "p4_1")]
    left = {screen: page.evaluate(ENGLISH_LEFT, (LATIN + OF_THE_DATA).split()) for screen in walk(page, frames)}
    assert not {screen: words for screen, words in left.items() if words}


def test_the_language_changes_at_once_keeps_the_work_and_is_remembered(page, dataset):
    steps.open_files(page, dataset / "images" / "p2_0.png")
    steps.wait_for_mask(page)
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#topbar .language").click()
    assert page.locator("html").get_attribute("lang") == "ru"
    assert steps.area(page) > 500
    assert not page.evaluate(ENGLISH_LEFT, (LATIN + OF_THE_DATA).split())
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    assert page.locator("html").get_attribute("lang") == "ru"
