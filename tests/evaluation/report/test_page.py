"""The report: what it says, that it holds everything itself, and that a real browser shows it without complaint."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from trus.data.images import read_mask, write_image
from trus.evaluation.run import run_evaluation

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def report(evaluation, cv_folder, tmp_path):
    """The page of a cross-validation in which one lesion was wiped from its mask after training."""
    path = cv_folder.path.parents[1] / "dataset/masks/p3_1.png"
    labels = read_mask(path)
    labels[labels == 2] = 1
    write_image(path, labels)
    run_evaluation(evaluation(f"cv_run={cv_folder.path}", "smallest_component=5", "strata=[source,patient_id]"))
    return tmp_path / "evaluation/report.html"


def test_the_page_says_what_was_evaluated_and_the_headline_before_all_else(report, summary):
    text = report.read_text()
    found = summary()
    for part in (
        found["data_hash"],
        found["split_hash"],
        "Research use only",
        "tiny dice",
        "200 resamples of patients",
    ):
        assert part in text
    iou = found["all"]["iou"]
    headline = f"<b>{iou['value']:.3f}</b> 95 % interval {iou['low']:.3f} to {iou['high']:.3f}"
    assert headline in text
    assert text.index(headline) < text.index("<table")
    assert "SYNTHETIC" not in text


def test_the_page_names_false_positives_folds_strata_gains_and_changed_masks(report):
    text = report.read_text()
    assert re.search(r"False positive: predicted.*?p3_1.*?lesion", text, re.S)
    assert "mask changed: 1 frame (p3_1)" in text
    for title in ("All metrics", "Options: gain and cost", "Frames with contours", "Strata", "Folds", "Frame by frame"):
        assert f"<h2>{title}</h2>" in text
    assert "components under 5 px dropped" in text
    assert "By patient_id" in text


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.ids, self.targets, self.tags, self.alts = [], set(), [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.sources += [found[name] for name in ("src", "srcset", "data", "poster") if name in found]
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a":
            self.targets.append(found["href"])
        if tag == "img":
            self.alts.append(found["alt"])


def test_nothing_comes_from_elsewhere_and_links_lead_somewhere(report):
    page = _Links()
    page.feed(report.read_text())
    assert not {"script", "link", "iframe", "object"} & {*page.tags}
    assert page.sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert all(target.removeprefix("#") in page.ids for target in page.targets)
    assert len(page.alts) == 7  # fewer than 18 frames: each once
    assert all("gland" in alt for alt in page.alts)
    assert "://" not in re.sub(r"base64,[^\"]*", "", report.read_text())


def test_names_are_text_and_never_markup(evaluation, tiny_model, edit_cell, tmp_path):
    path = edit_cell("p5_0", "device", "x")
    text = path.read_text().replace(",device", "").replace("p6_0,", "<b>&p6_0,")
    path.write_text(text)
    run_evaluation(evaluation(f"model_file={tiny_model.onnx}", f"data.manifest={path}"))
    page = (tmp_path / "evaluation/report.html").read_text()
    assert "<b>&p6_0" not in page
    assert "&lt;b&gt;&amp;p6_0" in page


PROBE = """<script>
const wrong = [];
addEventListener('error', e => wrong.push('error ' + e.message), true);
addEventListener('securitypolicyviolation', e => wrong.push('policy ' + e.blockedURI));
addEventListener('load', () => {
  const pictures = [...document.images];
  wrong.push(...pictures.filter(image => !image.naturalWidth).map(image => 'picture ' + image.alt));
  const requests = performance.getEntriesByType('resource').filter(one => !one.name.startsWith('data:'));
  wrong.push(...requests.map(one => 'request ' + one.name));
  const wide = Math.max(document.documentElement.scrollWidth - innerWidth, 0);
  document.title = 'probe ' + [wide, pictures.length, ...wrong].join(' | ');
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open the page")
def test_a_browser_shows_it_without_errors_requests_or_sideways_scrolling(report, tmp_path):
    text = report.read_text().replace('loading="lazy"', "")  # so that the page's load waits for them
    text = text.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    (tmp_path / "probe.html").write_text(text.replace("<head>", "<head>" + PROBE, 1))
    for width in (1280, 800, 500):
        assert opened(tmp_path, width) == "0 | 7", width


def opened(folder: Path, width: int) -> str:
    """How far the page is too wide in px, its pictures, and everything that went wrong."""
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}/chromium",
             f"--window-size={width},1000", "--dump-dom"]  # fmt: skip
    command = [CHROMIUM, *flags, (folder / "probe.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    (found,) = re.findall(r"<title>probe (.*?)</title>", done.stdout)
    return found
