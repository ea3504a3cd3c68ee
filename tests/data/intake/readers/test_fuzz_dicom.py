"""Damaged DICOM is read or refused with an IntakeError, and nothing else happens."""

import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from trus.data.intake.open import open_source
from trus.errors import IntakeError

BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RNG = np.random.default_rng(5)


@pytest.fixture
def content(make_dicom, save, region):
    """Bytes of a palette clip with regions and people: most readers of the header have something to do."""
    tables = {}
    for name in ("Red", "Green", "Blue"):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = RNG.integers(0, 65536, 256, np.uint16).tobytes()

    def make(syntax):
        items = Sequence([region(0, 0, 29, 29), region(30, 0, 59, 29, RegionDataType=3)])
        dataset = make_dicom(
            RNG.integers(0, 256, (2, 40, 60), dtype=np.uint8), syntax, PatientName="Иванов^Иван", PatientID="1",
            SpecificCharacterSet="ISO_IR 192", PhotometricInterpretation="PALETTE COLOR", PixelSpacing=[0.1, 0.1],
            SequenceOfUltrasoundRegions=items, **tables,
        )  # fmt: skip
        for name in tables:
            dataset[name].VR = "OW" if name.endswith("Data") else "US"
        return save(dataset, "fuzzed").read_bytes()

    return make


def read_or_refused(path, content):
    path.write_bytes(content)
    try:
        source = open_source(path)
        _, frame = next(source.frames())
    except IntakeError as error:
        return str(error)
    assert frame.shape[:2] == source.header.size
    assert frame.dtype in (np.uint8, np.uint16)
    return None


PLACE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@given(flips=st.lists(st.tuples(PLACE, st.integers(0, 255)), min_size=1, max_size=8), kept=PLACE | st.just(1.0))
@BOUNDED
def test_flipped_and_missing_bytes_of_a_header(content, tmp_path, syntax, flips, kept):
    whole = bytearray(content(syntax))
    header = len(whole) - 4800
    for place, value in flips:
        whole[int(place * header)] = value
    read_or_refused(tmp_path / "x", whole[: int(kept * len(whole))] if kept > 0.1 else whole)


@given(
    values=st.dictionaries(
        st.sampled_from(
            ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
             "PlanarConfiguration"]
        ),
        st.integers(0, 65535) | st.sampled_from([0, 1, 3, 8, 12, 16]),
        min_size=1,
    ),
    frames=st.sampled_from(["0", "1", "2", "-5", "99999", "2147483647", "10\\20", "x", ""]),
)  # fmt: skip
@BOUNDED
def test_absurd_values_in_the_header(make_dicom, save, tmp_path, values, frames):
    whole = bytearray(save(make_dicom(np.zeros((2, 40, 60), np.uint8), **values), "absurd").read_bytes())
    place = whole.index(struct.pack("<HH2s", 0x0028, 0x0008, b"IS"))
    text = frames.encode().ljust(len(frames) + len(frames) % 2)
    length = int.from_bytes(whole[place + 6 : place + 8], "little")
    whole[place + 6 : place + 8 + length] = len(text).to_bytes(2, "little") + text
    read_or_refused(tmp_path / "x", whole)


FUZZ_CODEC = """
import random, sys
from pathlib import Path
from trus.data.intake.open import open_source
from trus.errors import IntakeError
path, damaged = Path(sys.argv[1]), Path(sys.argv[1] + ".damaged")
content = path.read_bytes()
start = content.rindex(bytes.fromhex("e07f1000"))
rng = random.Random(0)
refused = 0
for _ in range(100):
    broken = bytearray(content)
    for _ in range(rng.choice([1, 1, 3, 20])):
        broken[rng.randrange(start, rng.choice([start + 150, len(broken)]))] = rng.choice([0, 255, rng.randrange(256)])
    damaged.write_bytes(broken if rng.random() < 0.8 else broken[: rng.randrange(start, len(broken))])
    try:
        for _ in open_source(damaged).frames():
            pass
    except IntakeError:
        refused += 1
print(refused)
"""


def survives(path):
    """How many of 100 damaged copies a process of its own refuses: a codec may take the process down."""
    done = subprocess.run([sys.executable, "-c", FUZZ_CODEC, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_damaged_frames_of_a_codec(make_dicom, save, syntax):
    dataset = make_dicom(RNG.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8))
    dataset.compress(syntax, generate_instance_uid=False)
    assert 5 < survives(save(dataset)) < 100


def test_damaged_frames_of_jpeg(make_jpeg_clip, save):
    clip = [RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(2)]
    assert 5 < survives(save(make_jpeg_clip(clip))) < 100


def test_damaged_frames_of_lossless_jpeg(make_dicom, save_lossless_jpeg):
    """GDCM ends the process on a frame header that it does not expect: those must be found before."""
    assert 5 < survives(save_lossless_jpeg(make_dicom(RNG.integers(0, 256, (48, 64), dtype=np.uint8)))) < 100
