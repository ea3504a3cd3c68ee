import gzip
import struct

import numpy as np
import pytest

SimpleITK = pytest.importorskip("SimpleITK")

from trus.data.intake import volumes  # noqa: E402
from trus.data.intake.open import open_source  # noqa: E402
from trus.errors import IntakeError  # noqa: E402

VOXELS = np.random.default_rng(2).integers(0, 256, (4, 5, 6), dtype=np.uint8)  # k, j, i


def write(path, voxels=VOXELS, spacing=(0.1, 0.2, 0.3)):
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacing[: image.GetDimension()])
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("name", ["объём (1).nii", "объём.nii.gz", "x.nrrd"])
@pytest.mark.parametrize(
    ("axis", "spacing", "slices"),
    [
        (0, (0.3, 0.2), [VOXELS[:, :, i] for i in range(6)]),
        (1, (0.3, 0.1), [VOXELS[:, j, :] for j in range(5)]),
        (2, (0.2, 0.1), [VOXELS[k] for k in range(4)]),
    ],
)
def test_slices_along_each_axis(tmp_path, name, axis, spacing, slices):
    source = open_source(write(tmp_path / name), axis)
    assert (source.header.frames, source.header.size) == (len(slices), slices[0].shape)
    assert source.header.spacing == pytest.approx(spacing)
    found = dict(source.frames())
    assert list(found) == list(range(len(slices)))
    for number, frame in found.items():
        assert frame.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(frame, slices[number])
    assert list(dict(source.frames(range(1, 99, 2)))) == list(range(len(slices)))[1::2]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_the_suffix_says_nothing(tmp_path, suffix):
    path = write(tmp_path / f"x{suffix}").rename(tmp_path / "снимок.png")
    assert [frame.shape for _, frame in open_source(path).frames()] == [(5, 6)] * 4


def test_an_axis_that_is_none(tmp_path):
    with pytest.raises(IntakeError, match="axis 3"):
        open_source(write(tmp_path / "x.nii"), 3)


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (np.array([[[0.0, 200.0]]], np.float32), [[0, 200]]),
        (np.array([[[0.0, 0.25, 1.0]]], np.float32), [[0, 64, 255]]),
        (np.array([[[-1.0, np.nan, np.inf, 1.0]]], np.float32), [[0, 0, 255, 255]]),
        (np.array([[[-100, 0, 155]]], np.int16), [[0, 25700, 65535]]),
        (np.array([[[0, 4095]]], np.uint16), [[0, 65535]]),
        (np.array([[[7, 255]]], np.int32), [[7, 255]]),
    ],
)
def test_grey_values_are_kept_or_spread_by_the_range_of_the_volume(tmp_path, voxels, expected):
    ((_, frame),) = open_source(write(tmp_path / "x.nrrd", voxels)).frames()
    assert frame.dtype in (np.uint8, np.uint16)
    np.testing.assert_array_equal(frame, expected)


def test_the_range_is_the_volumes_not_the_slices(tmp_path):
    voxels = np.array([[[0.0, 0.5]], [[0.0, 1.0]]], np.float32)
    found = dict(open_source(write(tmp_path / "x.nii", voxels)).frames())
    assert [frame.tolist() for frame in found.values()] == [[[0, 128]], [[0, 255]]]


def test_12_bit_levels_all_survive(tmp_path):
    voxels = np.arange(4096, dtype=np.int16).reshape(1, 64, 64) - 1000
    ((_, frame),) = open_source(write(tmp_path / "x.nii", voxels)).frames()
    assert len(np.unique(frame)) == 4096


def test_a_volume_without_a_number_is_refused(tmp_path):
    path = write(tmp_path / "x.nrrd", np.full((1, 2, 2), np.nan, np.float32))
    with pytest.raises(IntakeError, match="no finite value"):
        list(open_source(path).frames())


def test_a_flat_volume_is_black(tmp_path):
    ((_, frame),) = open_source(write(tmp_path / "x.nii", np.full((1, 2, 2), 0.5, np.float32))).frames()
    assert frame.max() == 0


def patched(path, changes):
    """The NIfTI file at `path` with bytes of its header replaced."""
    content = bytearray(path.read_bytes())
    for offset, value in changes.items():
        content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("units", "certain"), [(2, True), (2 | 8, True), (0, False), (1, False), (3, False)])
def test_nifti_units_other_than_mm_are_not_certain(tmp_path, units, certain):
    header = open_source(patched(write(tmp_path / "x.nii"), {123: bytes([units])})).header
    assert (header.spacing is not None) == certain
    assert bool(header.spacing_note) != certain


@pytest.mark.parametrize("spacing", [(0.0001, 0.1, 1), (50.0, 0.1, 1)])
def test_implausible_spacing_is_none(tmp_path, spacing):
    header = open_source(write(tmp_path / "x.nii", spacing=spacing)).header
    assert header.spacing is None
    assert "no pixel" in header.spacing_note


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({40: struct.pack("<5h", 4, 6, 5, 2, 2)}, "4 dimensions"),
        ({40: struct.pack("<6h", 5, 6, 5, 4, 1, 3)}, "5 dimensions"),
        ({40: struct.pack("<4h", 3, -6, 5, 4)}, "valid extents"),
        ({40: struct.pack("<4h", 9, 6, 5, 4)}, "valid extents"),
        ({40: struct.pack("<4h", 3, 32767, 32767, 100)}, "bytes of voxels"),
        ({40: struct.pack("<4h", 3, 3000, 3000, 3000)}, "bytes of voxels"),
        ({108: struct.pack("<f", 1e9)}, "header of the volume cannot"),
        ({108: struct.pack("<f", float("nan"))}, "header of the volume cannot"),
        ({70: struct.pack("<2h", 128, 24)}, "several values a voxel"),
        ({70: struct.pack("<2h", 32, 64)}, "several values a voxel"),
        ({70: struct.pack("<2h", 999, 24)}, "cannot be read"),
    ],
)
def test_headers_that_are_not_believed(tmp_path, changes, words, capfd):
    path = patched(write(tmp_path / "Zhivagova.nii"), changes)
    for packed in (False, True):
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        with pytest.raises(IntakeError, match=words) as caught:
            list(open_source(path).frames())
        assert caught.value.__context__ is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.nrrd"])
def test_a_truncated_volume_is_refused(tmp_path, name, capfd):
    path = write(tmp_path / name, np.random.default_rng(0).integers(0, 256, (20, 30, 40), np.uint8))
    path.write_bytes(path.read_bytes()[:-10000])
    with pytest.raises(IntakeError, match=r"damaged|truncated"):
        list(open_source(path).frames())
    assert capfd.readouterr() == ("", "")


def test_a_volume_in_two_files_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(120))
    for key in ("data file", "datafile"):
        path = tmp_path / "x.nrrd"
        path.write_text(f"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 6 5 4\nencoding: raw\n{key}: secret\n\n")
        with pytest.raises(IntakeError, match="detached"):
            open_source(path)


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ("space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,1)", ""),
        ("space: RAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)", ""),
        ('space dimension: 3\nspace units: "mm" "mm" "mm"\nspace directions: (1,0,0) (0,1,0) (0,0,1)', ""),
        ('space dimension: 3\nspace units: "m" "m" "m"\nspace directions: (1,0,0) (0,1,0) (0,0,1)', "not mm"),
        ("spacings: 1 1 1", "neither units"),
        ('spacings: 1 1 1\nunits: "mm" "mm" "mm"', ""),
        ("", "states no spacing"),
    ],
)
def test_nrrd_spacing_is_certain_in_mm_only(tmp_path, fields, note):
    head = f"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 6 5 4\nencoding: raw\n{fields}".rstrip("\n")
    (tmp_path / "x.nrrd").write_bytes(f"{head}\n\n".encode() + VOXELS.tobytes())
    header = open_source(tmp_path / "x.nrrd").header
    assert (header.spacing == (1, 1)) == (not note)
    assert note in header.spacing_note


def test_a_volume_larger_than_the_bound_is_refused_from_its_header(tmp_path, monkeypatch):
    path = write(tmp_path / "x.nrrd")
    monkeypatch.setattr(volumes, "LARGEST", 119)
    with pytest.raises(IntakeError, match="announces 120 bytes"):
        open_source(path)


def test_a_gzip_bomb_behind_a_volume_is_not_inflated(tmp_path):
    content = write(tmp_path / "x.nii").read_bytes()
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(content) + gzip.compress(bytes(2**24)) * 40)
    assert len(dict(open_source(tmp_path / "x.nii.gz").frames())) == 4
