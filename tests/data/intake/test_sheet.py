import numpy as np
from PIL import Image

from trus.data.images import write_image
from trus.data.intake.intake import intake
from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import Settings
from trus.data.intake.sheet import BACKGROUND, CAPTION, GAP, MARGIN, PAIRS, REGION_COLOUR, TEXT_COLOUR, TILE, TITLE

BOX = (40, 50, 280, 230)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def holds(picture, colour):
    return bool((picture == colour).all(-1).any())


def test_before_and_after_stand_side_by_side_and_text_is_boxed(tmp_path, make_dicom, screen):
    make_dicom(tmp_path / "raw" / "a.dcm", [screen(1)], PatientID="1")
    make_dicom(tmp_path / "raw" / "b.dcm", [screen(2, inside="PETROV P.")], PatientID="1")
    result = intake([tmp_path / "raw"], tmp_path / "out", Settings(PatientRule()))
    assert (result.sheets.sheets, result.sheets.pairs, result.sheets.frames) == (2, 2, 2)
    sheets = tmp_path / "out-private" / "contact_sheets"
    released, held = pixels(sheets / "released_001.png"), pixels(sheets / "quarantine_001.png")
    left, right = (
        (slice(TITLE, TITLE + TILE[1]), slice(MARGIN, MARGIN + TILE[0])),
        (
            slice(TITLE, TITLE + TILE[1]),
            slice(MARGIN + TILE[0] + GAP, MARGIN + 2 * TILE[0] + GAP),
        ),
    )
    assert holds(released[left], REGION_COLOUR)
    assert not holds(released[right], REGION_COLOUR)
    assert holds(held[left], TEXT_COLOUR)
    assert (released[0, 0] == BACKGROUND).all()
    assert released.shape[0] == TITLE + TILE[1] + CAPTION + GAP + MARGIN


def test_a_large_intake_shows_a_fixed_sample_with_every_patient(tmp_path, make_dicom, screen):
    frames = [screen(n % 4) + np.uint8(n // 4) for n in range(PAIRS + 10)]
    make_dicom(tmp_path / "raw" / "clip.dcm", frames, PatientID="1")
    make_dicom(tmp_path / "raw" / "still.dcm", [screen(9)], PatientID="2")
    settings = Settings(PatientRule())
    result = intake([tmp_path / "raw"], tmp_path / "out", settings)
    assert (result.sheets.pairs, result.sheets.frames) == (PAIRS, PAIRS + 11)
    sheets = tmp_path / "out-private" / "contact_sheets"
    first = [path.read_bytes() for path in sorted(sheets.iterdir())]
    intake([tmp_path / "raw"], tmp_path / "out", settings)
    assert [path.read_bytes() for path in sorted(sheets.iterdir())] == first


def test_a_raw_file_that_is_gone_does_not_stop_the_sheets(tmp_path, screen):
    for n in range(2):
        write_image(tmp_path / "raw" / f"{n}.png", screen(n))
    settings = Settings(PatientRule("none"), region=BOX)
    intake([tmp_path / "raw"], tmp_path / "out", settings)
    (tmp_path / "raw" / "0.png").unlink()
    assert intake([tmp_path / "raw"], tmp_path / "out", settings).sheets.pairs == 2
