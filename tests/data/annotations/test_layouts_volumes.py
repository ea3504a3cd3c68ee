"""Public data sets that are volumes: µ-RegPro, and Micro-US on a made folder of its layout."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trus.data.annotations.exchange import ReadOptions
from trus.data.annotations.layouts import read_microus, read_muregpro
from trus.data.annotations.layouts.volumes import MAX_VOXELS
from trus.errors import AnnotationError, TrusError

SHARED = Path(__file__).parents[4] / "shared/data"
OPTIONS = ReadOptions()
SHAPE = (5, 12, 9)
"""slices, rows, columns"""


def put_volume(path: Path, voxels: np.ndarray, spacing: tuple[float, ...] = (0.3, 0.4, 2.0)) -> np.ndarray:
    image = sitk.GetImageFromArray(voxels) if voxels.ndim == 3 else _four_axes(voxels)
    image.SetSpacing([*spacing, 1.0][: image.GetDimension()])
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return voxels


def _four_axes(voxels: np.ndarray) -> sitk.Image:
    return sitk.JoinSeries([sitk.GetImageFromArray(channel) for channel in voxels])


def noise(seed: int = 0, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def gland(shape=SHAPE, first: int = 1) -> np.ndarray:
    labels = np.zeros(shape, np.float64)
    labels[first:4, 2:7, 1:8] = 1
    return labels


@pytest.fixture
def muregpro(tmp_path):
    for number in range(3):
        put_volume(tmp_path / f"us_images/obs00{number}.nii.gz", noise(number))
        landmark = np.zeros(SHAPE)
        landmark[0, 0, number] = 1
        put_volume(tmp_path / f"us_labels/obs00{number}.nii.gz", np.stack([gland(), landmark]))
    (tmp_path / "patient_groups.csv").write_text("obs,group\nobs000,7\nobs001,7\nobs002,8\n")
    return tmp_path


def test_muregpro_slices_patients_spacing(muregpro):
    export = read_muregpro(muregpro, OPTIONS)
    assert len(export.frames) == 15
    assert export.classes.targets == ("gland",)
    assert [frame.patient_id for frame in export.frames] == ["7"] * 10 + ["8"] * 5
    frame = export.frames[6]
    assert (frame.name, frame.image_id) == ("obs001_00001.png", "obs001_00001")
    assert frame.spacing == (0.4, 0.3)  # row, column
    assert frame.size == (12, 9)
    assert np.array_equal(frame.picture(), noise(1)[1])
    assert frame.picture().dtype == np.uint8
    (drawn,) = frame.draw()
    assert drawn.name == "gland"
    assert np.array_equal(drawn.plane, gland()[1] > 0)
    assert export.frames[5].draw() == []  # a landmark is no gland
    assert any("landmarks" in note for note in export.notes)


def test_muregpro_without_groups_warns_of_the_leak(muregpro):
    (muregpro / "patient_groups.csv").unlink()
    export = read_muregpro(muregpro, OPTIONS)
    assert {frame.patient_id for frame in export.frames} == {"obs000", "obs001", "obs002"}
    assert any("each of the 3 volumes counts as a patient" in note for note in export.notes)


def test_muregpro_one_bad_volume_never_stops_the_rest(muregpro):
    (muregpro / "us_images/obs000.nii.gz").write_bytes(b"")
    put_volume(muregpro / "us_labels/obs001.nii.gz", gland((5, 12, 8)))
    put_volume(muregpro / "us_labels/obs009.nii.gz", gland())
    put_volume(muregpro / "us_images/obs010.nii.gz", noise())
    export = read_muregpro(muregpro, OPTIONS)
    assert {frame.patient_id for frame in export.frames} == {"8"}
    lines = "\n".join(export.refused)
    assert len(export.refused) == 4
    for part in (
        "obs000.nii.gz: cannot be read as a NIfTI volume",
        "obs001.nii.gz: is 8x12x5, its picture 9x12x5 voxels",
        "obs009.nii.gz: there is no picture volume of that name",
        "obs010 is not in patient_groups.csv",
    ):
        assert part in lines


@pytest.mark.parametrize("text", ["obs,patient\nobs000,1\n", "obs,group\nobs000,1\nobs000,2\n", "obs,group\nobs000,\n"])
def test_muregpro_wrong_groups_stop_the_import(muregpro, text):
    (muregpro / "patient_groups.csv").write_text(text)
    with pytest.raises(AnnotationError, match=r"patient_groups\.csv"):
        read_muregpro(muregpro, OPTIONS)


def test_muregpro_parts_of_the_challenge(tmp_path):
    for part in ("train", "val", "test"):
        put_volume(tmp_path / part / "us_images/case000000.nii.gz", noise())
    put_volume(tmp_path / "train/us_labels/case000000.nii.gz", gland())
    export = read_muregpro(tmp_path, OPTIONS)
    assert {(f.patient_id, f.split, f.draw is None) for f in export.frames} == {
        ("train/case000000", "train", False),
        ("val/case000000", "train", True),
        ("test/case000000", "test", True),
    }
    assert len({frame.image_id for frame in export.frames}) == 15
    with pytest.raises(AnnotationError, match="no us_images/ in it"):
        read_muregpro(tmp_path / "train/us_labels", OPTIONS)


def test_labels_of_several_values_are_refused_when_drawn(muregpro):
    labels = gland()
    labels[2, 3, 3] = 0.5
    put_volume(muregpro / "us_labels/obs000.nii.gz", labels)
    frames = read_muregpro(muregpro, OPTIONS).frames
    with pytest.raises(AnnotationError, match="holds several values besides 0"):
        frames[2].draw()
    assert len(frames[7].draw()) == 1


def test_grey_values_beyond_eight_bits_are_scaled_over_the_volume(muregpro):
    wide = noise().astype(np.int16) * 8 - 100
    put_volume(muregpro / "us_images/obs000.nii.gz", wide)
    put_volume(muregpro / "us_images/obs001.nii.gz", noise(1).astype(np.float32))
    frames = read_muregpro(muregpro, OPTIONS).frames
    expected = np.rint((wide - float(wide.min())) / (wide.max() - float(wide.min())) * 255)
    assert np.array_equal(np.stack([frame.picture() for frame in frames[:5]]), expected)
    assert np.array_equal(frames[5].picture(), noise(1)[0])


def test_one_millimetre_everywhere_is_no_spacing(muregpro):
    put_volume(muregpro / "us_images/obs000.nii.gz", noise(), spacing=(1, 1, 1))
    export = read_muregpro(muregpro, OPTIONS)
    assert export.frames[0].spacing is None
    assert export.frames[5].spacing is not None
    assert any("5 frames have no spacing" in note for note in export.notes)


def test_a_huge_volume_is_refused_from_its_header(muregpro):
    path = muregpro / "us_images/obs000.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[42:48] = np.array([32000, 32000, 32000], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))
    refused = read_muregpro(muregpro, OPTIONS).refused
    assert len(refused) == 1
    assert f"at most {MAX_VOXELS} are read" in refused[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 351), value=st.integers(0, 255), cut=st.integers(0, 900))
def test_damaged_volumes_are_refused_or_read_whole(muregpro, position, value, cut):
    path = muregpro / "us_images/obs000.nii"
    if not path.exists():
        (muregpro / "us_images/obs000.nii.gz").unlink()
    put_volume(path, noise())
    content = bytearray(path.read_bytes())
    content[position] = value
    path.write_bytes(bytes(content[: len(content) - cut]))
    try:
        frames = [frame for frame in read_muregpro(muregpro, OPTIONS).frames if frame.image_id.startswith("obs000")]
        pictures = [frame.picture() for frame in frames]
    except TrusError:
        return
    assert all(picture.shape == frame.size for picture, frame in zip(pictures, frames, strict=True))


@pytest.fixture
def microus(tmp_path):
    root = tmp_path / "Micro_Ultrasound_Prostate_Segmentation_Dataset"
    for part, annotators in (("train", ("expert", "non_expert")), ("test", ("expert", "clinician"))):
        for number in (1, 2):
            put_volume(root / part / f"micro_ultrasound_scans/microUS_{part}_{number:02d}.nii.gz", noise(number))
            for annotator in annotators:
                name = f"{annotator.replace('_', '')}_annotation_{part}_{number:02d}.nii.gz"
                labels = gland(first=2 if annotator == "expert" else 1).astype(np.uint8)
                put_volume(root / part / f"{annotator}_annotations" / name, labels)
    return tmp_path


def test_microus_takes_the_expert_by_default(microus):
    export = read_microus(microus, OPTIONS)
    assert len(export.frames) == 20
    assert {(f.patient_id, f.split, f.annotator) for f in export.frames} == {
        ("train_01", "train", "expert"), ("train_02", "train", "expert"),
        ("test_01", "test", "expert"), ("test_02", "test", "expert"),
    }  # fmt: skip
    assert export.frames[0].image_id == "microUS_train_01_00000"
    assert [len(frame.draw()) for frame in export.frames[:5]] == [0, 0, 1, 1, 0]
    assert any("--annotator takes those of clinician, non_expert" in note for note in export.notes)


def test_microus_another_annotator_has_the_same_frames(microus):
    expert = read_microus(microus, OPTIONS)
    other = read_microus(microus, ReadOptions(annotator="non_expert"))
    assert [frame.image_id for frame in other.frames] == [frame.image_id for frame in expert.frames]
    assert [len(frame.draw()) for frame in other.frames[:5]] == [0, 1, 1, 1, 0]
    assert all(frame.draw is None and frame.annotator is None for frame in other.frames[10:])
    assert any("non_expert drew nothing of 2 patients" in note for note in other.notes)
    with pytest.raises(AnnotationError, match=r"no drawings of annotator 'x'; there are clinician, expert, non_expert"):
        read_microus(microus, ReadOptions(annotator="x"))


def test_microus_says_what_does_not_fit(microus):
    train = microus / "Micro_Ultrasound_Prostate_Segmentation_Dataset/train"
    put_volume(train / "expert_annotations/expert_annotation_train_01.nii.gz", gland((5, 12, 8)))
    put_volume(train / "expert_annotations/expert_annotation_train_77.nii.gz", gland())
    put_volume(train / "micro_ultrasound_scans/снимок.nii.gz", noise())
    put_volume(train / "micro_ultrasound_scans/copy_02.nii.gz", noise())
    export = read_microus(microus, OPTIONS)
    lines = "\n".join(export.refused)
    assert len(export.refused) == 4
    for part in (
        "is 8x12x5, its picture 9x12x5",
        "there is no scan 77",
        "ends in no number",
        "number 02 is there twice",
    ):
        assert part in lines
    assert len(export.frames) == 15
    with pytest.raises(AnnotationError, match="no train/micro_ultrasound_scans/"):
        read_microus(train, OPTIONS)


@pytest.mark.real_data
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
def test_trus_gland_has_75_patients():
    export = read_muregpro(SHARED / "trus_gland", OPTIONS)
    assert export.refused == []
    assert len(export.frames) == 108 * 44
    assert len({frame.patient_id for frame in export.frames}) == 75
    assert {frame.spacing for frame in export.frames} == {(1.5, 1.5)}
    drawn = [frame.draw() for frame in export.frames]
    assert sum(map(len, drawn)) == 3590
    whole = sitk.GetArrayFromImage(sitk.ReadImage(str(SHARED / "trus_gland/us_images/obs050.nii.gz")))
    assert np.array_equal(export.frames[50 * 44 + 20].picture(), whole[20])
