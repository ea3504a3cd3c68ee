import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from trus.data.intake.dicom_palette import palette_of
from trus.data.intake.open import open_source
from trus.errors import IntakeError

RNG = np.random.default_rng(3)
INDICES = RNG.integers(0, 256, (16, 20), dtype=np.uint8)


def elements(tables, bits, first=0, order="<", segmented=False):
    found = {}
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        content = np.asarray(table, f"{order}u{bits // 8}").tobytes()
        if bits == 8 and order == ">":
            content = np.frombuffer(content, "<u2").astype(">u2").tobytes()
        found[f"{name}PaletteColorLookupTableDescriptor"] = [256, first, bits]
        found[f"{'Segmented' * segmented}{name}PaletteColorLookupTableData"] = content
    return {"PhotometricInterpretation": "PALETTE COLOR", **found}


@pytest.mark.parametrize(("syntax", "order"), [(ExplicitVRLittleEndian, "<"), (ExplicitVRBigEndian, ">")])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_becomes_rgb(make_dicom, save, syntax, order, bits):
    tables = RNG.integers(0, 2**bits, (3, 256))
    dataset = make_dicom(INDICES, syntax, **elements(tables, bits, order=order))
    for name in ("Red", "Green", "Blue"):
        dataset[f"{name}PaletteColorLookupTableData"].VR = "OW"
        dataset[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
    (frame,) = dict(open_source(save(dataset)).frames()).values()
    np.testing.assert_array_equal(frame, (tables >> (bits - 8)).T[INDICES])


def test_a_palette_of_greys_is_grey(make_dicom, save):
    ramp = np.arange(256)[::-1]
    (frame,) = dict(open_source(save(make_dicom(INDICES, **elements([ramp] * 3, 8)))).frames()).values()
    np.testing.assert_array_equal(frame, 255 - INDICES)


def dataset_of(tables, bits, first=0, segmented=False):
    dataset = Dataset()
    dataset.set_original_encoding(False, True, "iso8859")
    for name, value in elements(tables, bits, first, segmented=segmented).items():
        setattr(dataset, name, value)
    return dataset


def test_values_outside_the_table_have_the_colour_of_its_ends():
    dataset = dataset_of(RNG.integers(0, 65536, (3, 256)), 16, first=100)
    expected = apply_color_lut(np.arange(4096, dtype=np.uint16), dataset) >> 8
    np.testing.assert_array_equal(palette_of(dataset, 12, False), expected)


def test_8_bit_colours_in_a_16_bit_palette_are_not_black():
    tables = RNG.integers(0, 256, (3, 256))
    np.testing.assert_array_equal(palette_of(dataset_of(tables, 16), 8, False), tables.T)


SEGMENTS_16 = [0, 2, 0, 512, 1, 100, 51200, 2, 1, 8, 0, 1, 54, 3]  # discrete, linear, a copy of the linear, linear
SEGMENTS_8 = [0, 2, 0, 9, 1, 100, 200, 2, 1, 4, 0, 0, 0, 1, 54, 3]


@pytest.mark.parametrize(("segments", "bits", "end"), [(SEGMENTS_16, 16, 51200), (SEGMENTS_8, 8, 200)])
def test_segments_expand_as_in_pydicom(segments, bits, end):
    """Its copies apart: it takes the byte offset of a copy for a number of entries."""
    plain = [*segments[:4], 1, 100, end, 1, 100, end, 1, 54, 3]
    reference = dataset_of([plain + [0] * (len(plain) % 2)] * 3, bits, segmented=True)
    expected = apply_color_lut(np.arange(256, dtype=np.uint8), reference) >> (bits - 8)
    np.testing.assert_array_equal(palette_of(dataset_of([segments] * 3, bits, segmented=True), 8, False), expected)


BOMB = [0, 1, 5, *[1, 65535, 5, 1, 65535, 6] * 50, *[2, 60000, 6, 0] * 1000]


@pytest.mark.parametrize(
    "segments",
    [
        BOMB,
        [0, 1, 5, 2, 65535, 6, 0],
        [1, 5, 5],
        [9, 1, 1],
        [0, 0, 0],
        [0, 10, 1],
        [2, 1, 0, 0],
        [0, 1, 5, 2, 1, 255, 255],
    ],
)
def test_damaged_segments_are_refused_without_being_expanded(segments):
    with pytest.raises(IntakeError, match="palette"):
        palette_of(dataset_of([segments] * 3, 16, segmented=True), 8, False)


def test_a_palette_that_is_too_short_or_absent_is_refused():
    with pytest.raises(IntakeError, match="damaged"):
        palette_of(dataset_of(np.zeros((3, 200)), 8), 8, False)
    with pytest.raises(IntakeError, match="missing"):
        palette_of(Dataset(), 8, False)
