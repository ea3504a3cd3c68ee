"""What the viewer computes by itself: label PNGs, notes in two languages, a result taken apart, window and level."""

import base64
import io
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import trus

from .edit_modules import Modules, modules

__all__ = ["modules"]

SOURCE = Path(trus.__file__).parent
NOTES = (
    "data/intake/dicom_regions.py",
    "data/intake/clips.py",
    "data/intake/stills.py",
    "serving/segmentation.py",
    "app/regions.py",
)
"""Files that write what a page shows of a frame."""
PLACES = {"_mm(": "0.1x0.2 mm a pixel", "len(items)": "40", "MOST_REGIONS": "16"}


WRITTEN = re.compile(
    r"Calibration\(|return None, f?\"|spacing_note=f|Region\(box, None, f|note = .*\"|, \(\"|note or \"|FOUND = \""
)
"""What stands before a note in its line."""


def sentences() -> set[str]:
    """Every note of those files, formatted parts filled in."""
    lines = [line for name in NOTES for line in (SOURCE / name).read_text().splitlines() if WRITTEN.search(line)]
    found = {text for line in lines for text in re.findall(r'"([a-z{P][^"\n]{18,})"', line)}
    return {re.sub(r"\{([^}]*)\}", lambda part: _filled(part[1]), text) for text in found}


def _filled(expression: str) -> str:
    return next((value for start, value in PLACES.items() if expression.startswith(start)), "1")


def png(values: np.ndarray, mode: str, **options: object) -> str:
    image = Image.fromarray(values)
    if mode == "P":
        image = image.convert("L")
        image.putpalette([value * 7 % 256 for value in range(768)])
    content = io.BytesIO()
    (image.convert("1", dither=Image.Dither.NONE) if mode == "1" else image).save(content, "PNG", **options)
    return base64.b64encode(content.getvalue()).decode()


READ = """async (content) => {
    const m = await import('/js/files/png_labels.js');
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const found = await m.readLabels(new Blob([bytes]));
    return found && [found.width, found.height, [...found.values]];
}"""


@pytest.mark.parametrize(("mode", "bits"), [("L", 8), ("P", 8), ("P", 4), ("P", 2), ("1", 1)])
def test_labels_of_a_png_are_read_as_they_are_stored(modules: Modules, mode, bits):
    values = np.random.default_rng(3).integers(0, 2**bits, (37, 53)).astype(np.uint8)
    shown = values * 255 if mode == "1" else values
    width, height, read = modules.page.evaluate(READ, png(shown, mode, **({"bits": bits} if mode == "P" else {})))
    assert (width, height) == (53, 37)
    assert (np.reshape(read, (37, 53)) == values).all()


@pytest.mark.parametrize("made", ["colour", "sixteen", "jpeg", "cut"])
def test_what_holds_no_labels_is_refused(modules: Modules, made):
    content = io.BytesIO()
    image = Image.new({"sixteen": "I;16"}.get(made, "RGB"), (9, 9))
    image.save(content, "JPEG" if made == "jpeg" else "PNG")
    data = content.getvalue()[:20] if made == "cut" else content.getvalue()
    refused = modules.page.evaluate(
        f"(content) => ({READ})(content).catch(() => null)", base64.b64encode(data).decode()
    )
    assert refused is None


def test_every_note_of_the_service_has_words_in_both_languages(modules: Modules):
    said = sorted(sentences())
    assert len(said) >= 15
    left = modules.page.evaluate(
        """async (said) => {
            const { loadTexts, setLanguage } = await import('/js/i18n.js');
            const { noteText } = await import('/js/notes.js');
            await loadTexts();
            const left = [];
            for (const language of ['en', 'ru']) {
                setLanguage(language);
                left.push(...said.filter((text) => noteText(text) === text || /\\{\\w+\\}/.test(noteText(text))));
            }
            return left;
        }""",
        said,
    )
    assert left == []


def test_an_answer_is_taken_apart_and_a_damaged_one_is_a_problem(modules: Modules):
    head = {"size": [2, 3], "targets": [{"name": "gland", "value": 1, "threshold": 0.5}], "contains": {}}
    text = json.dumps(head).encode()
    answer = struct.pack("<I", len(text)) + text + bytes(range(6)) + bytes([0, 1, 1, 0, 0, 1])
    read = """async ([content, left]) => {
        const { parseResult } = await import('/js/api.js');
        const bytes = Uint8Array.from(content).slice(0, content.length - left);
        try {
            const result = parseResult(bytes.buffer);
            return [[...result.planes[0]], [...result.labels]];
        } catch (problem) {
            return problem.kind;
        }
    }"""
    assert modules.page.evaluate(read, [list(answer), 0]) == [[0, 1, 2, 3, 4, 5], [0, 1, 1, 0, 0, 1]]
    assert modules.page.evaluate(read, [list(answer), 1]) == "damaged-answer"


def test_a_window_is_linear_and_goes_to_the_files_values_and_back(modules: Modules):
    center, width = 100.0, 80.0
    table = modules.call("viewer/windowing.js", "Array.from(m.levels({ center: 100, width: 80 }))")
    expected = np.clip((np.arange(256) - (center - width / 2)) / width, 0, 1) * 255
    assert np.abs(np.array(table) - expected).max() <= 0.5 + 1e-9
    there = modules.call("viewer/windowing.js", "m.toValues({ center: 100, width: 80 }, [-1000, 3080])")
    assert there == {"center": 600, "width": 1280}
    back = modules.call("viewer/windowing.js", "m.fromValues({ center: 600, width: 1280 }, [-1000, 3080])")
    assert back == pytest.approx({"center": center, "width": width})
