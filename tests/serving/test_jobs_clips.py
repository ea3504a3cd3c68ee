"""Clips as jobs: DICOM with a DICOM SEG as its result, and AVI, which does not say how many frames it has."""

import io
import os
from pathlib import Path

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests.conftest import draw_frame
from tests.serving.job_client import ended, parts
from trus.inference.predictor import open_predictor

DICOM = {"Accept": "application/dicom"}
REAL = Path(os.environ.get("TRUS_DATA", Path(__file__).parents[3] / "shared/data")) / "dicom_us"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([draw_frame(seed, (80, 96))[0] for seed in range(5)])


@pytest.fixture(scope="module")
def clip(images) -> bytes:
    """A multi-frame ultrasound DICOM file, as a scanner would write it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = pydicom.uid.UltrasoundMultiFrameImageStorage
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(dataset, name, generate_uid())
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Mueller^Hans", "1234", "US"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = images.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = images.tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def job(open_service, run):
    """`job(contents, requests, **form)`: the ended job's document, and the answers to these requests for its result."""

    def done(contents, *headers, **form):
        async def work():
            async with open_service() as client:
                created = await client.post("/v1/jobs", files=parts(*contents), data=form)
                assert created.status_code == 202, created.text
                document = await ended(client, created.headers["Location"])
                path = created.headers["Location"] + "/result"
                return document, [await client.get(path, headers=each) for each in headers]

        return run(work())

    return done


def test_a_dicom_clip_comes_back_as_one_segmentation_of_its_frames(job, clip, images, tiny_model):
    document, (segmentation, result) = job([clip], DICOM, {})
    assert (document["frames_done"], document["frames_total"]) == (5, 5)
    assert segmentation.headers["content-type"] == "application/dicom"
    found = hd.seg.segread(io.BytesIO(segmentation.content))
    source = pydicom.dcmread(io.BytesIO(clip))
    assert found.StudyInstanceUID == source.StudyInstanceUID
    predictor = open_predictor(tiny_model.onnx, 1)
    planes = found.get_pixels_by_source_frame(source.SOPInstanceUID, [1, 2, 3, 4, 5])
    for number, image in enumerate(images):
        expected = predictor.classes.planes(predictor.predict(image).labels)
        np.testing.assert_array_equal(planes[number].transpose(2, 0, 1), expected)
    assert [frame["frame"] for frame in result.json()["files"][0]["frames"]] == [0, 1, 2, 3, 4]


def test_chosen_frames_only(job, clip):
    document, (segmentation, result) = job([clip], DICOM, {}, frames="0-1,4")
    assert document["frames_total"] == 3
    assert [frame["frame"] for frame in result.json()["files"][0]["frames"]] == [0, 1, 4]
    referred = {
        int(source.ReferencedFrameNumber)
        for group in pydicom.dcmread(io.BytesIO(segmentation.content)).PerFrameFunctionalGroupsSequence
        for source in group.DerivationImageSequence[0].SourceImageSequence
    }
    assert referred <= {1, 2, 5}


def test_frames_beyond_the_clip_fail_it_and_a_batch_has_no_segmentation(job, clip):
    document, _ = job([clip], frames="3-7")
    assert document["state"] == "failed"
    assert "holds 5 frames" in document["files"][0]["error"]["detail"]
    _, (refused,) = job([clip, clip], DICOM)
    assert refused.status_code == 406
    assert "one DICOM file" in refused.json()["detail"]


def avi(folder, images) -> bytes:
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (96, 80), isColor=False)
    for image in images:
        writer.write(image)
    writer.release()
    return path.read_bytes()


def test_an_avi_clip_is_segmented_to_its_end(job, images, tmp_path):
    document, (result, refused) = job([avi(tmp_path, images)], {}, DICOM)
    assert (document["state"], document["frames_done"], document["frames_total"]) == ("finished", 5, 5)
    assert len(result.json()["files"][0]["frames"]) == 5
    assert refused.status_code == 406


def test_a_frame_that_the_scanner_announced_and_dropped_is_not_missed(job, images, tmp_path):
    content = bytearray(avi(tmp_path, images))
    length = content.index(b"strh") + 8 + 32
    assert int.from_bytes(content[length : length + 4], "little") == 5
    content[length] = 6
    document, (result,) = job([bytes(content)], {})
    assert (document["state"], document["frames_done"], document["frames_total"]) == ("finished", 5, 5)
    assert result.json()["files"][0]["frames_held"] == 6
    document, _ = job([bytes(content)], frames="5")
    assert document["files"][0]["error"]["title"] == "No such frame"


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
def test_a_real_clip(job):
    content = (REAL / "DIRW0007").read_bytes()
    document, (segmentation, result) = job([content], DICOM, {}, frames="0-64")
    assert (document["state"], document["frames_done"]) == ("finished", 65)
    assert segmentation.status_code == 200
    source = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    assert hd.seg.segread(io.BytesIO(segmentation.content)).StudyInstanceUID == source.StudyInstanceUID
    assert len(result.json()["files"][0]["frames"]) == 65
