"""The export dialog and the report: what is saved, what is told, and that nothing is lost when it fails."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Download, Page, expect

from . import steps
from .edit_modules import Modules, modules

__all__ = ["modules"]


@pytest.fixture
def page_with_masks(page: Page, dataset) -> Page:
    """Three frames with their masks."""
    return with_masks(page, dataset)


def with_masks(page: Page, dataset) -> Page:
    steps.open_files(page, *sorted((dataset / "images").glob("*.png"))[:3])
    steps.wait_for_mask(page)
    page.keyboard.press("Shift+B")
    steps.until(page, "trusApp.app.frames.list.every((item) => item.status === 'done')")
    return page


def choose(page: Page, *formats: str, scope: str = "all") -> None:
    """Open the dialog and tick these only."""
    page.locator("#view").focus()
    page.keyboard.press("Control+e")
    page.locator(f"input[name=export-scope][value={scope}]").check()
    for box in page.locator(".export-form input[type=checkbox][value]").all():
        if box.is_enabled():
            box.set_checked(box.get_attribute("value") in formats)


def run(page: Page) -> None:
    page.locator(".dialog-foot .is-primary").click()


def saved(page: Page, *formats: str, scope: str = "all") -> Download:
    choose(page, *formats, scope=scope)
    with page.expect_download() as download:
        run(page)
    return download.value


def archive(download: Download) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(download.path().read_bytes()))


def shown_labels(page: Page, n: int) -> np.ndarray:
    """The mask of a frame as the page has it."""
    height, width = page.evaluate(f"trusApp.app.frames.list[{n}].size")
    return np.reshape(page.evaluate(f"Array.from(trusApp.app.frames.list[{n}].mask.toLabels())"), (height, width))


def add_callipers(page: Page, ends: list) -> None:
    """To the frame that is shown, between points of it."""
    add = """async (ends) => {
        const { addMeasurement } = await import('/app/js/measure/actions.js');
        const point = ([x, y]) => ({ x, y });
        ends.forEach((pair, n) => addMeasurement(trusApp.app, trusApp.app.frames.selected,
            { id: String(n), type: 'calliper', points: pair.map(point) }));
    }"""
    page.evaluate(add, ends)


def test_one_frame_in_one_format_is_one_file(page_with_masks):
    download = saved(page_with_masks, "mask", scope="shown")
    assert download.suggested_filename.endswith("_mask.png")
    labels = np.asarray(Image.open(download.path()))
    assert (labels == shown_labels(page_with_masks, 0)).all()
    expect(page_with_masks.get_by_role("dialog")).to_have_count(0)


def test_several_formats_are_one_archive_with_a_folder_each(page_with_masks):
    files = archive(saved(page_with_masks, "mask", "overlay", "csv", "coco", "labelme"))
    assert files.testzip() is None
    names = files.namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"mask", "overlay", "csv", "coco", "labelme"}
    masks = [name for name in names if name.startswith("mask/masks/")]
    assert len(masks) == 3
    stems = [name.removesuffix(".png") for name in steps.names(page_with_masks)]
    for n, stem in enumerate(stems):
        labels = np.asarray(Image.open(io.BytesIO(files.read(f"mask/masks/{stem}.png"))))
        assert (labels == shown_labels(page_with_masks, n)).all()
    coco = json.loads(files.read(next(name for name in names if name.startswith("coco/"))))
    assert len(coco["images"]) == 3
    table = files.read("csv/trus-table.csv").decode("utf-8-sig")
    assert len({line.split(",")[0] for line in table.splitlines()[1:]}) == 3


def test_corrections_measurements_and_the_annotator_are_in_the_table(page_with_masks):
    page = page_with_masks
    add_callipers(page, [((0, 0), (3, 4))])
    choose(page, "csv", scope="shown")
    page.get_by_role("textbox", name="Annotator").fill("Dr. Heron")
    page.get_by_label("Patient (pseudonym)").fill("P7")
    with page.expect_download() as download:
        run(page)
    text = download.value.path().read_text(encoding="utf-8-sig")
    calliper = next(line for line in text.splitlines() if "calliper" in line)
    assert ",5.0,px," in calliper
    assert "Dr. Heron" in calliper
    assert "P7" in calliper


def test_a_dicom_seg_is_offered_for_dicom_only(page_with_masks, make_us_dicom, tmp_path):
    page = page_with_masks
    choose(page, "mask")
    expect(page.locator("input[value=dicom-seg]")).to_be_disabled()
    page.keyboard.press("Escape")
    (tmp_path / "clip.dcm").write_bytes(make_us_dicom([np.full((48, 64), 90, np.uint8)] * 2))
    steps.open_files(page, tmp_path / "clip.dcm")
    page.keyboard.press("Shift+B")
    steps.until(page, "trusApp.app.frames.list.every((item) => item.status === 'done')")
    download = saved(page, "dicom-seg")
    import pydicom

    assert pydicom.dcmread(download.path()).Modality == "SEG"


def test_frames_go_into_the_training_folder(page_with_masks, app_service):
    page = page_with_masks
    choose(page)
    page.get_by_text("Add to the training data on this computer").click()
    page.get_by_text("Take frames with what looks like text").click()
    run(page)
    expect(page.locator(".export-summary")).to_contain_text("3 frames are in the training data.")
    expect(page.locator(".export-summary")).to_contain_text(str(app_service.save_folder))
    rows = (app_service.save_folder / "manifest.csv").read_text().splitlines()
    assert len(rows) >= 4
    run(page)
    expect(page.locator(".export-summary")).to_contain_text("New: 0.")


def test_an_error_is_told_and_the_choice_stays(page_with_masks, watch):
    page = page_with_masks
    watch.allow("status of 507")
    full = {"type": "urn:trus:problem:disk-full", "title": "Disk full", "status": 507, "detail": "no space left"}
    page.route(
        "**/exports/**", lambda route: route.fulfill(status=507, json=full, content_type="application/problem+json")
    )
    choose(page, "overlay")
    run(page)
    expect(page.get_by_role("alert").filter(has_text="no space left")).to_be_visible()
    expect(page.locator("input[value=overlay]")).to_be_checked()
    page.unroute("**/exports/**")
    with page.expect_download():
        run(page)


def test_a_lost_service_loses_no_choice(page_with_masks, watch):
    page = page_with_masks
    watch.allow("ERR_FAILED")
    page.route("**/exports/**", lambda route: route.abort())
    choose(page, "csv")
    run(page)
    expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
    expect(page.locator(".dialog-foot .is-primary")).to_be_enabled()


def test_an_export_can_be_cancelled(page_with_masks):
    page = page_with_masks
    page.route("**/exports/**", lambda _route: None)
    choose(page, "csv")
    run(page)
    page.locator(".dialog-foot").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. No file was saved")).to_be_visible()
    expect(page.locator(".dialog-foot .is-primary")).to_be_enabled()


def test_files_that_the_service_lost_are_sent_again(page_with_masks, watch):
    page = page_with_masks
    watch.allow("status of 404")
    page.evaluate("""Promise.all(trusApp.app.frames.list.map(async (item) => {
        const study = await trusApp.app.files.study(item.fileId);
        await fetch(`/app/api/studies/${study.id}`, { method: 'DELETE' });
    }))""")
    files = archive(saved(page, "overlay"))
    assert len(files.namelist()) == 3


def test_the_report_prints_to_one_page(page_with_masks, save_screenshot):
    page = page_with_masks
    add_callipers(page, [((n, 0), (30, 40)) for n in range(9)])
    page.locator("#view").focus()
    with page.expect_popup() as opened:
        page.keyboard.press("Control+p")
    report = opened.value
    expect(report.get_by_role("heading", name="Ultrasound measurement report")).to_be_visible()
    sheet = report.locator("#sheet")
    for text in ("Research use only", "gland", "Model file (SHA-256)", page.evaluate("trusApp.view.mask.sha256")):
        expect(sheet).to_contain_text(text)
    expect(sheet).to_contain_text(re.compile(r"50\.0\spx"))
    assert report.locator("img.picture").evaluate("(image) => image.decode().then(() => image.naturalWidth > 100)")
    pdf = report.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert sheet.evaluate("(sheet) => sheet.scrollHeight <= sheet.clientHeight")
    findings = Axe().run(report, options={"resultTypes": ["violations"]}).response["violations"]
    assert [each["id"] for each in findings if each["impact"] in ("serious", "critical")] == []
    save_screenshot(report, "report")
    report.get_by_role("button", name="Русский").click()
    expect(report.get_by_role("heading", name="Отчёт об измерениях по УЗИ")).to_be_visible()
    save_screenshot(report, "report-ru")


def test_a_report_without_its_application_says_what_to_do(open_page, app_service):
    page = open_page()
    page.goto(f"{app_service.address}/app/report.html")
    expect(page.get_by_text("make the report again")).to_be_visible()


def test_the_archive_of_the_page_is_read_by_others(modules: Modules):
    expression = """Promise.resolve(m.zip([{ name: 'ä/б.txt', bytes: new Uint8Array([1, 2, 3]) },
        { name: 'e', bytes: new Uint8Array() }], new Date(2026, 10, 23, 18, 0, 2)).arrayBuffer())
        .then((buffer) => Array.from(new Uint8Array(buffer)))"""
    files = zipfile.ZipFile(io.BytesIO(bytes(modules.call("export/zip.js", expression))))
    assert files.testzip() is None
    assert files.namelist() == ["ä/б.txt", "e"]
    assert files.read("ä/б.txt") == b"\1\2\3"
    assert files.getinfo("e").date_time == (2026, 11, 23, 18, 0, 2)


def test_the_page_reads_archives_of_the_service(modules: Modules):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("б.json", "x" * 5000, zipfile.ZIP_DEFLATED)
        made.writestr("b.png", b"\0\1", zipfile.ZIP_STORED)
    expression = """m.unzip(new Blob([Uint8Array.from(content)]))
        .then((files) => files.map(({ name, bytes }) => [name, bytes.length, bytes[0]]))"""
    found = modules.call("export/unzip.js", expression, content=list(buffer.getvalue()))
    assert found == [["б.json", 5000, ord("x")], ["b.png", 2, 0]]


def test_no_two_names_are_alike(modules: Modules):
    names = ["a.png", "a.png", "a-2.png", "b"]
    assert modules.call("export/zip.js", "m.uniqueNames(names)", names=names) == ["a.png", "a-2.png", "a-2-2.png", "b"]


def test_in_russian(open_page, dataset, save_screenshot):
    page = with_masks(open_page(locale="ru-RU", color_scheme="dark"), dataset)
    page.keyboard.press("Control+e")
    expect(page.get_by_role("dialog")).to_contain_text("Какие кадры")
    save_screenshot(page, "export-ru")


def test_what_the_table_shows_is_exported(page_with_masks):
    page = page_with_masks
    page.keyboard.press("Shift+T")
    name = steps.names(page)[1]
    page.get_by_label("Name contains").fill(name)
    page.get_by_role("button", name="Export these").click()
    expect(page.get_by_label("Those in the table (1)")).to_be_checked()
    for box in page.locator(".export-formats input").all():
        if box.is_enabled():
            box.set_checked(box.get_attribute("value") == "mask")
    with page.expect_download() as download:
        run(page)
    assert download.value.suggested_filename == f"{name.removesuffix('.png')}_mask.png"
