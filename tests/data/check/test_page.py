"""The page: whole, safe with any name, bounded, and opened in a browser without a complaint or a request."""

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trus.data.check import page
from trus.data.check.page import choose_frames, render_page, write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NASTY = '<script>alert(1)</script>" onerror="x'
CYRILLIC = "кадр № 1 [копия]"


@pytest.fixture
def checked(data):
    """Frames of two patients: look-alikes across the test, a speck, an empty and a missing mask, a broken file."""
    speck = data.gland()
    speck[5:7, 5:7] = 1
    data.add(NASTY, mask=speck, split="train", source="synthetic phantom", device=NASTY)
    data.add(CYRILLIC, data.picture(1), data.gland(), split="train", patient_id="Иванов?")
    data.add("c", data.picture(1) // 2 + 20, data.gland() * 0, split="test", patient_id=NASTY)
    data.add("d", split="test", region_x0=10, region_y0=10, region_x1=90, region_y1=90)
    data.add("broken")
    (data.folder / "images" / "4.png").write_bytes(b"no image")
    return data.check()


def test_names_are_escaped_everywhere(checked):
    html = render_page(checked)
    assert "<script" not in html
    assert 'onerror="' not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert CYRILLIC in html


def test_the_page_needs_nothing_from_elsewhere(checked):
    html = render_page(checked)
    assert "default-src 'none'" in html
    targets = re.findall(r'(?:src|href|srcset|data|action)="([^"]*)"|url\(([^)]*)\)', html)
    assert {first[:5] if first.startswith("data:") else first[:1] for first, _ in targets} == {"data:", "#"}


def test_every_link_leads_somewhere(checked):
    html = render_page(checked)
    anchors = re.findall(r'\bid="([^"]+)"', html)
    assert len(anchors) == len({*anchors})
    assert {*re.findall(r'href="#([^"]+)"', html)} <= {*anchors}


def test_the_page_says_what_it_must(checked):
    html = render_page(checked)
    for text in (
        "SYNTHETIC",
        "1 of 5 frames",
        str(checked.path.resolve()),
        "none: the data has errors",
        "Research use",
    ):
        assert text in html
    for finding in checked.findings:
        assert f'id="{finding.code}"' in html
    assert html.count("cannot be read</div>") == 1
    assert len(re.findall(r"<img (?![^>]*alt=\"Frame)", html)) == 0


def test_the_hash_of_clean_data_stands_there(data):
    data.add("a", mask=data.gland())
    check = data.check()
    assert check.data_hash in render_page(check)


def test_a_page_without_frames_can_be_made(tmp_path, data):
    (tmp_path / "manifest.csv").write_text("image_id,mask\na,b\n")
    check = page.Check((tmp_path / "manifest.csv"), [], data_classes(data), [], [], frozenset(), None)
    assert "Nothing was found" in render_page(check)


def data_classes(data):
    data.add("a")
    return data.check().classes


def test_a_large_set_shows_those_with_findings_and_an_even_sample(data, monkeypatch):
    monkeypatch.setattr(page, "SHEET", 20)
    monkeypatch.setattr(page, "OTHERS", 4)
    for name in range(60):
        mask = data.gland()
        if name % 10 == 3:
            mask[5:7, 5:7] = 1
        data.add(str(name), mask=np.roll(mask, (name % 20, name // 20), (0, 1)))
    check = data.check()
    chosen = choose_frames(check)
    assert chosen[:6] == [5, 15, 25, 35, 45, 55]
    assert len(chosen) == len({*chosen}) == 20
    assert max(chosen) > 50
    assert render_page(check).count('<figure id="frame-') == 20


def test_a_page_of_noise_stays_small(data, monkeypatch):
    random = np.random.default_rng(0)
    data.add("a", random.integers(0, 256, (300, 300, 3), np.uint8), patient_id="p")
    text = render_page(data.check())
    picture = max(len(uri) for uri in re.findall(r'"data:image/jpeg;base64,[^"]*"', text))
    pictures = page.SHEET + 5 * page.ALIKE_GROUPS * page.ALIKE_FRAMES
    assert pictures * picture < 20e6 * 2
    assert len(text) - picture < 60e3


def test_endless_cells_do_not_make_an_endless_page(data):
    for name in range(3):
        endless = f"{name}" + "<" * 100_000
        data.add(endless, device=endless, patient_id=endless, split=endless, source=endless, annotator=endless)
    assert len(render_page(data.check())) < 150e3


def test_an_earlier_page_survives_a_failure(checked, tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    target.write_text("earlier")
    monkeypatch.setattr(page, "render_page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_page(checked, target)
    assert target.read_text() == "earlier"


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy that answers nothing and keeps the first line of each request."""
    requests: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(2000).decode("latin-1").split("\r\n")[0])

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1], requests
    server.close()


def open_in_browser(target: Path, profile: Path, port: int) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
        *("--enable-logging=stderr", "--dump-dom", f"--user-data-dir={profile}", f"--proxy-server=127.0.0.1:{port}"),
    )
    command = [CHROMIUM, *options, target.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def foreign(requests: list[str]) -> list[str]:
    """What the browser asks its maker for on its own is not the page's doing."""
    return [line for line in requests if not re.search(r"google|gvt1|gstatic", line)]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open the page")
def test_a_browser_opens_it_without_errors_and_without_requests(checked, tmp_path, proxy):
    port, requests = proxy
    write_page(checked, tmp_path / "page.html")
    done = open_in_browser(tmp_path / "page.html", tmp_path / "profile", port)
    assert "CONSOLE" not in done.stderr
    assert foreign(requests) == []
    assert done.stdout.count('<figure id="frame-') == 5
    assert "<script" not in done.stdout
    (tmp_path / "bad.html").write_text(
        '<img src="http://elsewhere.invalid/x.png"><script>console.error("seen")</script>'
    )
    control = open_in_browser(tmp_path / "bad.html", tmp_path / "profile", port)
    assert "CONSOLE" in control.stderr
    assert len(foreign(requests)) > 0
