"""DICOM in, DICOM SEG out: read back with highdicom, its pixels are those of the PNG, its references the source's."""

import io

import highdicom as hd
import numpy as np
import pydicom
import pytest
from PIL import Image

from trus.data.classes import Classes
from trus.data.images import read_frame


@pytest.fixture
def frames(dataset):
    return [read_frame(dataset / "images" / f"p{n}_0.png") for n in (2, 4, 6)]


@pytest.fixture
def answers(small_service):
    """`answers(content, (accept, options), ...)` -> an answer for each."""

    def asked(content: bytes, *requests):
        return [small_service.post(content, accept, **options) for accept, options in requests]

    return asked


def png(answer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def planes(labels: np.ndarray) -> np.ndarray:
    classes = Classes.from_dict({"labels": {"1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}})
    return np.moveaxis(classes.planes(labels), 0, -1)


def test_the_seg_holds_the_masks_and_refers_to_its_frames(answers, frames, make_us_dicom):
    content = make_us_dicom(frames)
    source = pydicom.dcmread(io.BytesIO(content))
    masks = [("image/png", {"frames": str(n)}) for n in range(3)]
    answer, *pictures = answers(content, ("application/dicom", {}), *masks)
    assert answer.headers["content-type"] == "application/dicom"
    seg = hd.seg.segread(io.BytesIO(answer.content))
    found = seg.get_pixels_by_source_frame(source.SOPInstanceUID, [1, 2, 3])
    assert np.array_equal(found, np.stack([planes(png(picture)) for picture in pictures]))
    assert found.any(axis=(1, 2)).all()
    assert [each.SegmentLabel for each in seg.SegmentSequence] == ["gland", "lesion"]
    assert (seg.StudyInstanceUID, seg.PatientID) == (source.StudyInstanceUID, "774411")
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID
    assert seg.ImageComments.startswith("Research use only")
    reference = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == source.SOPClassUID
    for description in seg.SegmentSequence:
        (algorithm,) = description.SegmentationAlgorithmIdentificationSequence
        assert answer.headers["trus-model-sha256"] in algorithm.AlgorithmParameters
    assert b"canaries" not in answer.content
    assert b"Aviary" not in answer.content


def test_chosen_frames_keep_their_numbers(answers, frames, make_us_dicom):
    content = make_us_dicom(frames, FrameOfReferenceUID="1.2.3.4")
    source = pydicom.dcmread(io.BytesIO(content))
    answer, picture = answers(
        content, ("application/dicom", {"frames": "2", "classes": "lesion"}), ("image/png", {"frames": "2"})
    )
    seg = hd.seg.segread(io.BytesIO(answer.content))
    found = seg.get_pixels_by_source_frame(source.SOPInstanceUID, [3])
    assert np.array_equal(found[0, ..., 0], png(picture) == 2)
    assert seg.FrameOfReferenceUID == "1.2.3.4"


def test_a_size_that_fills_no_whole_bytes(answers, make_us_dicom):
    random = np.random.default_rng(0).integers(0, 255, (3, 33, 37), np.uint8)
    content = make_us_dicom([*random])
    source = pydicom.dcmread(io.BytesIO(content))
    masks = [("image/png", {"frames": str(n), "threshold": "0.1"}) for n in range(3)]
    answer, *pictures = answers(content, ("application/dicom", {"threshold": "0.1"}), *masks)
    seg = hd.seg.segread(io.BytesIO(answer.content))
    found = seg.get_pixels_by_source_frame(source.SOPInstanceUID, [1, 2, 3])
    assert np.array_equal(found, np.stack([planes(png(picture)) for picture in pictures]))


def test_a_file_without_what_a_reference_needs_is_told(answers, frames, make_us_dicom):
    content = make_us_dicom(frames[:1], StudyInstanceUID="")
    seg, mask = answers(content, ("application/dicom", {}), ("image/png", {}))
    assert seg.status_code == 422
    assert "StudyInstanceUID" in seg.json()["detail"]
    assert mask.status_code == 200


def test_unusual_dates_are_no_obstacle(answers, frames, make_us_dicom):
    content = make_us_dicom(frames[:1]).replace(b"774411", b"774412")
    dataset = pydicom.dcmread(io.BytesIO(content))
    with pydicom.config.disable_value_validation():
        dataset.StudyTime, dataset.StudyDate, dataset.PatientBirthDate = "11:20:00", "2011.05.25", "unknown"
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    (answer,) = answers(buffer.getvalue(), ("application/dicom", {}))
    seg = pydicom.dcmread(io.BytesIO(answer.content))
    assert (seg.StudyTime, seg.StudyDate, seg.PatientBirthDate) == ("112000", "20110525", "")


def test_areas_are_certain_within_the_region_of_the_file_only(answers, frames, make_us_dicom, us_region):
    wide, narrow = us_region((0, 0, 96, 80)), us_region((0, 0, 20, 20))
    for item, area in ((wide, True), (narrow, False)):
        content = make_us_dicom(frames[:1], SequenceOfUltrasoundRegions=[item])
        document, inside = answers(content, ("application/json", {}), ("application/json", {"region": "file"}))
        gland = document.json()["frames"][0]["classes"][0]
        assert gland["area_mm2"] == (pytest.approx(gland["area_px"] * 0.04) if area else None)
        (one,) = inside.json()["frames"]
        assert one["regions"] == [[0, 0, 96, 80] if area else [0, 0, 20, 20]]
        assert one["spacing_mm"] == [0.2, 0.2]


def test_two_regions_are_segmented_each_by_itself(answers, frames, make_us_dicom, us_region):
    left, right = us_region((0, 0, 96, 80)), us_region((96, 0, 192, 80), 0.01)
    content = make_us_dicom([np.hstack(frames[:2])], SequenceOfUltrasoundRegions=[left, right])
    single = make_us_dicom(frames[:1], SequenceOfUltrasoundRegions=[left])
    document, picture = answers(content, ("application/json", {"region": "file"}), ("image/png", {"region": "file"}))
    (alone,) = answers(single, ("image/png", {"region": "file"}))
    assert np.array_equal(png(picture)[:, :96], png(alone))
    gland = document.json()["frames"][0]["classes"][0]
    parts = png(picture) > 0
    assert gland["area_mm2"] == pytest.approx(parts[:, :96].sum() * 0.04 + parts[:, 96:].sum() * 0.01)
