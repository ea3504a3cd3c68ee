"""DICOM SEG of corrected masks: highdicom finds them at the frames that they belong to."""

import io
import zipfile

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom.seg import SegmentAlgorithmTypeValues

from .. import conftest
from .exporting import MODEL_CLASSES, export, frame_of, png, problem


@pytest.fixture(scope="module")
def clip() -> list[tuple[np.ndarray, np.ndarray]]:
    """Three frames (H, W) of one file, with their masks."""
    return [conftest.draw_frame(seed, (80, 96)) for seed in (3, 4, 5)]


def test_the_seg_holds_the_corrected_masks_of_the_chosen_frames(open_application, run, clip, make_us_dicom):
    content = make_us_dicom([i for i, _ in clip], SpecificCharacterSet="ISO_IR 144", PatientName="Кенарь^Иван")

    async def asked():
        async with open_application() as browser:
            study = await browser.open(content)
            frames = [frame_of(study, clip[n][1], "echo.dcm", frame=n, annotator="Петрова\\И=А^1") for n in (2, 0)]
            return await export(browser, "dicom-seg", frames)

    answer = run(asked())
    assert answer.headers["content-type"] == "application/dicom"
    seg = hd.seg.segread(io.BytesIO(answer.content))
    source = pydicom.dcmread(io.BytesIO(content))
    found = seg.get_pixels_by_source_frame(source.SOPInstanceUID, [1, 3])
    wanted = np.stack([np.moveaxis(MODEL_CLASSES.planes(clip[n][1]), 0, -1) for n in (0, 2)])
    np.testing.assert_array_equal(found, wanted)
    assert seg.StudyInstanceUID == source.StudyInstanceUID
    description = seg.get_segment_description(1)
    assert description.algorithm_type == SegmentAlgorithmTypeValues.SEMIAUTOMATIC
    assert str(seg.ContentCreatorName).startswith("Петрова И А 1")
    assert str(seg.PatientName) == "Кенарь^Иван"
    assert "ab" * 32 in seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters


def test_an_untouched_mask_is_the_models(open_application, run, clip, make_us_dicom):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(make_us_dicom([clip[0][0]]))
            frame = frame_of(study, clip[0][1], corrected=False, annotator="", thresholds={})
            return await export(browser, "dicom-seg", [frame])

    seg = hd.seg.segread(io.BytesIO(run(asked()).content))
    assert seg.get_segment_description(1).algorithm_type == SegmentAlgorithmTypeValues.AUTOMATIC
    assert not seg.get("ContentCreatorName")


def test_files_get_a_seg_each(open_application, run, clip, make_us_dicom):
    async def asked():
        async with open_application() as browser:
            studies = [await browser.open(make_us_dicom([image])) for image, _ in clip[:2]]
            frames = [frame_of(study, clip[n][1], f"{n}.dcm") for n, study in enumerate(studies)]
            return await export(browser, "dicom-seg", frames)

    with zipfile.ZipFile(io.BytesIO(run(asked()).content)) as archive:
        assert archive.namelist() == ["0_seg.dcm", "1_seg.dcm"]
        assert all(hd.seg.segread(io.BytesIO(archive.read(name))).NumberOfFrames == 2 for name in archive.namelist())


@pytest.mark.parametrize(("numbers", "kind"), [((0, 0), "no-such-frame"), ((0, 7), "no-such-frame")])
def test_frames_that_cannot_be_meant_are_refused(open_application, run, clip, make_us_dicom, numbers, kind):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(make_us_dicom([image for image, _ in clip]))
            return await export(browser, "dicom-seg", [frame_of(study, clip[0][1], frame=n) for n in numbers])

    answer = run(asked())
    assert (answer.status_code, problem(answer)) == (422, kind)


def test_a_file_that_is_no_dicom_gets_none(open_application, run, clip):
    async def asked():
        async with open_application() as browser:
            study = await browser.open(png(clip[0][0]))
            return await export(browser, "dicom-seg", [frame_of(study, clip[0][1])])

    assert problem(run(asked())) == "dicom-only"
