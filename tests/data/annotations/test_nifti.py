"""Label volumes of ITK-SNAP and 3D Slicer."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from trus.data.annotations.exchange import FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.nifti import read_nifti, write_nifti
from trus.data.annotations.objects import compose
from trus.data.classes import Classes
from trus.data.images import write_image
from trus.errors import AnnotationError

REAL = Path(__file__).parents[4] / "shared" / "data" / "trus_gland"
SNAP = """################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "gland"
    2     0  255    0        1  1  0    "вена 1"
    3     0    0  255      0.5  0  1    "Label 3"
"""


def put(path: Path, array: np.ndarray, spacing=(0.1, 0.2), direction=None, tags=()) -> Path:
    """`array` is (rows, columns) or (slices, rows, columns); spacing (row, column)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = sitk.GetImageFromArray(array)
    volume.SetSpacing([spacing[1], spacing[0], 1.5][: array.ndim])
    if direction:
        volume.SetDirection(direction)
        volume.SetOrigin([-40, 13, 7])
    for key, text in dict(tags).items():
        volume.SetMetaData(key, text)
    sitk.WriteImage(volume, str(path), True)
    return path


def mask(*shape, labels=(1, 2)) -> np.ndarray:
    """Different in every slice, and not like itself turned or mirrored."""
    array = np.zeros(shape, np.uint8)
    for number, label in enumerate(labels):
        array[..., 2 + number : 5 + number, 3 * number : 3 * number + 7] = label
    for number, plane in enumerate(array.reshape(-1, *shape[-2:])):
        plane[0, : number + 1] = labels[0]
    return array


def planes(source: Path, options: ReadOptions | None = None) -> dict[str, np.ndarray]:
    export = read_nifti(source, options or ReadOptions())
    assert export.refused == []
    return {frame.name: compose(frame.draw(), export.classes, frame.size)[0] for frame in export.frames}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".seg.nrrd"])
@pytest.mark.parametrize("mark", ["", "_mask", "-label", "_seg", "_Segmentation"])
def test_a_file_of_one_slice_belongs_to_the_frame_of_its_name(suffix, mark, tmp_path):
    array = mask(12, 20)
    put(tmp_path / f"P1 [a] кадр{mark}{suffix}", array)
    ((name, labels),) = planes(tmp_path).items()
    assert name == "P1 [a] кадр.png"
    np.testing.assert_array_equal(labels, array)


def test_a_single_slice_of_a_volume_is_a_frame_of_one_slice(tmp_path):
    put(tmp_path / "a.nii.gz", mask(1, 12, 20))
    assert list(planes(tmp_path)) == ["a.png"]


@pytest.mark.parametrize(
    "direction", [None, (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 0, 1, 1, 0, 0, 0, -1, 0)], ids=["plain", "LPS", "turned"]
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_slices_lie_along_the_third_axis_of_the_file_whatever_its_direction(direction, suffix, tmp_path):
    array = mask(4, 12, 20)
    put(tmp_path / f"stack{suffix}", array, direction=direction)
    found = planes(tmp_path)
    assert list(found) == [f"stack_{k:05d}.png" for k in range(4)]
    for number, labels in enumerate(found.values()):
        np.testing.assert_array_equal(labels, array[number])


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.uint16, np.int32])
def test_whole_numbers_of_any_type_are_labels(kind, tmp_path):
    put(tmp_path / "a.nii.gz", mask(12, 20).astype(kind))
    np.testing.assert_array_equal(planes(tmp_path)["a.png"], mask(12, 20))


def test_slices_can_be_asked_for_in_any_order(tmp_path):
    for name in "ab":
        put(tmp_path / f"{name}.nii.gz", mask(3, 12, 20))
    export = read_nifti(tmp_path, ReadOptions())
    for number in (5, 0, 3, 2, 4, 1):
        labels, _ = compose(export.frames[number].draw(), export.classes, (12, 20))
        np.testing.assert_array_equal(labels, mask(3, 12, 20)[number % 3])


@pytest.mark.parametrize("file", ["labels.txt", "my labels.label"])
def test_itk_snap_names_labels_and_its_default_names_are_none(file, tmp_path):
    put(tmp_path / "a.nii.gz", mask(12, 20, labels=(1, 3)))
    (tmp_path / file).write_text(SNAP, encoding="utf-8")
    (tmp_path / "readme.txt").write_text('5 0 0 0 1 1 1 "no"\nbut some text\n', encoding="utf-8")
    assert read_nifti(tmp_path, ReadOptions()).classes.labels == {
        0: "background",
        1: "gland",
        2: "вена 1",
        3: "label_3",
    }


def test_two_descriptions_that_differ_are_an_error(tmp_path):
    put(tmp_path / "a.nii.gz", mask(12, 20))
    (tmp_path / "a.txt").write_text('1 0 0 0 1 1 1 "gland"\n', encoding="utf-8")
    (tmp_path / "b.txt").write_text('1 0 0 0 1 1 1 "lesion"\n', encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"b\.txt: calls label 1 'lesion', another description 'gland'"):
        read_nifti(tmp_path, ReadOptions())


def slicer(**names: int) -> dict[str, str]:
    tags = {}
    for number, (name, value) in enumerate(names.items()):
        tags |= {
            f"Segment{number}_Name": name,
            f"Segment{number}_LabelValue": str(value),
            f"Segment{number}_Layer": "0",
        }
    return tags


def test_slicer_names_labels_in_the_file_and_each_file_may_number_them_its_own_way(tmp_path):
    put(tmp_path / "a.seg.nrrd", mask(12, 20), tags=slicer(gland=1, lesion=2))
    assert read_nifti(tmp_path, ReadOptions()).classes.labels == {0: "background", 1: "gland", 2: "lesion"}
    put(tmp_path / "b.seg.nrrd", mask(12, 20, labels=(2, 1)), tags=slicer(lesion=1, gland=2))
    export = read_nifti(tmp_path, ReadOptions())
    assert any("differently" in note for note in export.notes)
    for frame in export.frames:
        labels, _ = compose(frame.draw(), export.classes, frame.size)
        np.testing.assert_array_equal(labels, mask(12, 20))


def test_without_names_labels_are_those_of_the_data_set_else_numbered(tmp_path):
    put(tmp_path / "a.nii.gz", mask(12, 20, labels=(2, 5)))
    assert read_nifti(tmp_path, ReadOptions()).classes.labels == {0: "background", 2: "label_2", 5: "label_5"}
    given = Classes.from_dict({"labels": {"2": "gland", "5": "lesion", "7": "vein"}})
    export = read_nifti(tmp_path, ReadOptions(given))
    assert export.classes.labels == given.labels
    assert any("taken as those" in note for note in export.notes)
    other = Classes.from_dict({"labels": {"1": "gland"}})
    assert read_nifti(tmp_path, ReadOptions(other)).classes.labels[5] == "label_5"


def test_empty_volumes_need_classes(tmp_path):
    put(tmp_path / "a.nii.gz", np.zeros((12, 20), np.uint8))
    with pytest.raises(AnnotationError, match="--classes"):
        read_nifti(tmp_path, ReadOptions())
    export = read_nifti(tmp_path, ReadOptions(Classes.from_dict({"labels": {"1": "gland"}})))
    assert export.frames[0].draw() == []


def test_volumes_with_a_marked_partner_are_pictures(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (3, 12, 20), np.uint8)
    put(tmp_path / "a.nii.gz", picture)
    put(tmp_path / "a_seg.nii.gz", mask(3, 12, 20))
    frames = read_nifti(tmp_path, ReadOptions()).frames
    assert [frame.name for frame in frames] == [f"a_{k:05d}.png" for k in range(3)]
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.picture(), picture[number])
        assert len(frame.draw()) == 2


def test_pictures_may_be_png_and_pictures_without_labels_are_not_annotated(tmp_path):
    put(tmp_path / "labels" / "a.nii.gz", mask(12, 20))
    put(tmp_path / "images" / "b.nii.gz", mask(12, 20))
    put(tmp_path / "images" / "c.nii.gz", mask(2, 12, 20))
    Image.fromarray(np.zeros((12, 20), np.uint8)).save(tmp_path / "images" / "a.png")
    frames = {frame.name: frame for frame in read_nifti(tmp_path, ReadOptions()).frames}
    assert set(frames) == {"a.png", "b.png", "c_00000.png", "c_00001.png"}
    assert frames["a.png"].image == tmp_path / "images" / "a.png"
    assert [name for name, frame in frames.items() if frame.draw is None] == ["b.png", "c_00000.png", "c_00001.png"]
    np.testing.assert_array_equal(frames["c_00001.png"].picture(), mask(2, 12, 20)[1])


def test_a_picture_volume_of_another_size_is_refused_when_it_is_asked_for(tmp_path):
    put(tmp_path / "images" / "a.nii.gz", mask(12, 21))
    put(tmp_path / "labels" / "a.nii.gz", mask(12, 20))
    (frame,) = read_nifti(tmp_path, ReadOptions()).frames
    with pytest.raises(AnnotationError, match="not of the size of its labels"):
        frame.picture()


def test_spacing_comes_back_as_it_was_written_and_1_mm_means_none(tmp_path):
    put(tmp_path / "a.nii.gz", mask(12, 20), (0.1, 0.123))
    put(tmp_path / "b.nii.gz", mask(12, 20), (1, 1))
    export = read_nifti(tmp_path, ReadOptions())
    assert [frame.spacing for frame in export.frames] == [(0.1, 0.123), None]
    assert any("1 x 1 mm" in note for note in export.notes)


def four_axes(path: Path) -> None:
    series = sitk.JoinSeries([sitk.GetImageFromArray(mask(3, 12, 20))] * 2)
    sitk.WriteImage(series, str(path))


def announcing(path: Path, *extents: int) -> None:
    """A NIfTI header of 348 bytes that announces `extents` and holds next to nothing."""
    put(path.with_name("x.nii"), mask(12, 20))
    head = bytearray(path.with_name("x.nii").read_bytes()[:352])
    path.with_name("x.nii").unlink()
    struct.pack_into("<8h", head, 40, len(extents), *extents, *[1] * (7 - len(extents)))
    path.write_bytes(gzip.compress(bytes(head) + bytes(100)))


BAD = {
    "four axes": four_axes,
    "colours": lambda path: sitk.WriteImage(
        sitk.GetImageFromArray(np.zeros((5, 5, 3), np.uint8), isVector=True), str(path)
    ),
    "fractions": lambda path: put(path, mask(12, 20).astype(np.float32) * 0.5),
    "negative": lambda path: put(path, np.full((5, 5), -1, np.int16)),
    "above 255": lambda path: put(path, np.full((5, 5), 256, np.int16)),
    "a picture": lambda path: put(path, np.arange(240, dtype=np.uint8).reshape(12, 20)),
    "empty file": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"hello " * 100),
    "truncated": lambda path: (put(path, mask(40, 12, 20)), path.write_bytes(path.read_bytes()[:200])),
    "too large": lambda path: announcing(path, 20_000, 20_000, 3),
    "far too large": lambda path: announcing(path, 32_767, 32_767, 32_767),
    "no extent": lambda path: announcing(path, 0, 5),
    "announces more than it holds": lambda path: announcing(path, 500, 500, 3),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_volume_is_refused_by_a_line_and_the_rest_goes_on(make, tmp_path, capfd):
    make(tmp_path / "bad.nii.gz")
    put(tmp_path / "good.nii.gz", mask(12, 20))
    export = read_nifti(tmp_path, ReadOptions())
    assert [frame.name for frame in export.frames] == ["good.png"]
    assert len(export.refused) == 1
    assert export.refused[0].startswith("bad.nii.gz: ")
    assert "\n" not in export.refused[0]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(value, tmp_path):
    """In NRRD; the library that reads NIfTI makes 0 of it, which is the background."""
    put(tmp_path / "a.nrrd", np.full((5, 5), value, np.float32))
    with pytest.raises(AnnotationError, match=r"a\.nrrd: holds the value"):
        read_nifti(tmp_path, ReadOptions())


def test_overlapping_segments_of_slicer_are_refused_with_the_way_out(tmp_path):
    layers = sitk.GetImageFromArray(np.zeros((3, 12, 20, 2), np.uint8), isVector=True)
    sitk.WriteImage(layers, str(tmp_path / "a.seg.nrrd"))
    with pytest.raises(AnnotationError, match="overlapping segments: in 3D Slicer export them as a label map"):
        read_nifti(tmp_path, ReadOptions())


def test_a_cropped_segmentation_of_slicer_is_refused_with_the_way_out(tmp_path):
    tags = slicer(gland=1) | {"Segmentation_ReferenceImageExtentOffset": "3 0 0"}
    put(tmp_path / "a.seg.nrrd", mask(2, 12, 20), tags=tags)
    with pytest.raises(AnnotationError, match="Crop to minimal extent"):
        read_nifti(tmp_path, ReadOptions())


def test_a_detached_header_is_refused(tmp_path):
    put(tmp_path / "a.nhdr", mask(2, 12, 20))
    with pytest.raises(AnnotationError, match=r"a\.nhdr: .*detached"):
        read_nifti(tmp_path, ReadOptions())


def test_a_volume_that_leads_out_of_the_folder_is_not_read(tmp_path):
    outside = put(tmp_path / "secret.nii.gz", mask(12, 20))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.nii.gz").symlink_to(outside)
    with pytest.raises(AnnotationError, match="holds no label volume"):
        read_nifti(tmp_path / "in", ReadOptions())


def test_two_files_about_one_frame_are_both_refused(tmp_path):
    put(tmp_path / "a_mask.nii.gz", mask(12, 20))
    put(tmp_path / "a_seg.nii.gz", mask(12, 20))
    export = read_nifti(tmp_path, ReadOptions())
    assert export.frames == []
    assert export.refused == ["a.png: is annotated 2 times; keep one of them in the tool"]


def frame_out(name: str, labels, spacing, picture) -> FrameOut:
    return FrameOut(
        name, f"{name}.png", picture.shape[:2], lambda: labels, lambda path: write_image(path, picture), spacing
    )


def test_what_is_written_says_its_spacing_and_what_it_could_not_hold(tmp_path):
    grey, colour = np.full((12, 20), 7, np.uint8), np.full((12, 20, 3), 9, np.uint8)
    classes = Classes.from_dict({"labels": {"1": 'gl"and', "2": "lesion"}})
    frames = [frame_out("a", mask(12, 20), (0.1, 0.2), grey), frame_out("b", mask(12, 20), None, colour)]
    notes = write_nifti(frames, classes, tmp_path, WriteOptions())
    assert [note.split()[:2] for note in notes] == [["1", "frame(s)"], ["1", "coloured"]]
    volume = sitk.ReadImage(str(tmp_path / "labels" / "a.nii.gz"))
    assert volume.GetSize() == (20, 12)
    np.testing.assert_allclose(volume.GetSpacing(), (0.2, 0.1), rtol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(volume), mask(12, 20))
    assert sitk.ReadImage(str(tmp_path / "labels" / "b.nii.gz")).GetSpacing() == (1, 1)
    export = read_nifti(tmp_path, ReadOptions())
    assert export.classes.labels == {0: "background", 1: "gl'and", 2: "lesion"}
    assert [frame.spacing for frame in export.frames] == [(0.1, 0.2), None]


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
def test_label_volumes_of_four_axes_are_refused_with_words():
    with pytest.raises(AnnotationError, match=r"obs000\.nii\.gz: has 4 dimensions, a series or several values a voxel"):
        read_nifti(REAL / "us_labels" / "obs000.nii.gz", ReadOptions())


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is absent")
def test_a_real_gland_saved_as_a_volume_of_three_axes_lies_on_its_picture(tmp_path):
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(REAL / "us_labels" / "obs000.nii.gz")))[0]
    image = sitk.ReadImage(str(REAL / "us_images" / "obs000.nii.gz"))
    volume = sitk.GetImageFromArray(labels)
    volume.CopyInformation(image)
    sitk.WriteImage(volume, str(tmp_path / "obs000_mask.nii.gz"))
    sitk.WriteImage(image, str(tmp_path / "obs000.nii.gz"))
    export = read_nifti(tmp_path, ReadOptions())
    assert len(export.frames) == labels.shape[0] == 44
    found = [compose(frame.draw(), export.classes, frame.size)[0] for frame in export.frames]
    np.testing.assert_array_equal(np.stack(found), labels)
