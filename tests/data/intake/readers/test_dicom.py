import logging
import struct
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from trus.data.intake.open import open_source
from trus.errors import IntakeError

DICOM_US = Path(__file__).parents[5] / "shared/data/dicom_us"
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (24, 30), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (24, 30, 3), dtype=np.uint8)
SMOOTH = np.add.outer(np.arange(24), np.arange(30)).astype(np.uint8) * 4


NATIVE = (ExplicitVRLittleEndian, ExplicitVRBigEndian)


def frames(path, wanted=None):
    return dict(open_source(path).frames(wanted))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY.astype(np.uint16) * 257], ids=["grey", "colour", "16 bit"])
def test_native_pixels_come_back_as_they_are(make_dicom, save, syntax, pixels):
    source = open_source(save(make_dicom(pixels, syntax)))
    assert (source.header.kind, source.header.frames, source.header.size) == ("dicom", 1, (24, 30))
    (frame,) = dict(source.frames()).values()
    assert frame.dtype == pixels.dtype
    np.testing.assert_array_equal(frame, pixels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY.astype(np.uint16) * 257], ids=["grey", "colour", "16 bit"])
def test_lossless_compression_comes_back_as_it_was(make_dicom, save, syntax, pixels):
    pixels = np.tile(pixels, (2, 2, 1)[: pixels.ndim])  # the encoder of JPEG 2000 needs 32 pixels
    dataset = make_dicom(np.stack([pixels, pixels[::-1]]))
    dataset.compress(syntax, generate_instance_uid=False)
    found = frames(save(dataset))
    np.testing.assert_array_equal(found[0], pixels)
    np.testing.assert_array_equal(found[1], pixels[::-1])


def test_lossless_jpeg(make_dicom, save_lossless_jpeg):
    path = save_lossless_jpeg(make_dicom(GREY))
    assert JPEGLosslessSV1.encode() in path.read_bytes()
    np.testing.assert_array_equal(frames(path)[0], GREY)


@pytest.mark.parametrize("offsets", [True, False])
def test_jpeg_clip_frame_by_frame(make_jpeg_clip, save, offsets):
    clip = [np.full((24, 32, 3), (200, 8 * number, 40), np.uint8) for number in range(5)]
    path = save(make_jpeg_clip(clip, offsets))
    found = frames(path)
    assert list(found) == [0, 1, 2, 3, 4]
    for number, frame in found.items():
        np.testing.assert_allclose(frame, clip[number], atol=4)
    assert list(frames(path, range(1, 5, 2))) == [1, 3]
    assert list(frames(path, range(4, 9))) == [4]
    assert frames(path, range(7, 9)) == {}


def test_only_the_wanted_frames_are_decoded(make_jpeg_clip, save):
    dataset = make_jpeg_clip([SMOOTH] * 3)
    dataset.PixelData = encapsulate([b"no jpeg", _jpeg_of(dataset), b"none either"])
    path = save(dataset)
    assert list(frames(path, range(1, 2))) == [1]
    with pytest.raises(IntakeError, match="no JPEG header"):
        frames(path)


def _jpeg_of(dataset):
    from pydicom.encaps import get_frame

    return get_frame(dataset.PixelData, 0, number_of_frames=3)


def test_a_native_clip_yields_the_wanted_frames(make_dicom, save):
    clip = RNG.integers(0, 256, (6, 11, 13), dtype=np.uint8)
    path = save(make_dicom(clip, ExplicitVRBigEndian))
    found = frames(path, range(1, 6, 2))
    assert list(found) == [1, 3, 5]
    for number, frame in found.items():
        np.testing.assert_array_equal(frame, clip[number])


def test_planes_of_colour_one_after_another(make_dicom, save):
    dataset = make_dicom(COLOUR, PlanarConfiguration=1, PixelData=np.moveaxis(COLOUR, 2, 0).tobytes())
    np.testing.assert_array_equal(frames(save(dataset))[0], COLOUR)


def test_native_ybr_becomes_rgb(make_dicom, save):
    ybr = np.full((4, 6, 3), (76, 85, 255), np.uint8)  # red by BT.601, full range
    frame = frames(save(make_dicom(ybr, PhotometricInterpretation="YBR_FULL")))[0]
    np.testing.assert_allclose(frame, np.broadcast_to((254, 0, 0), (4, 6, 3)), atol=1)


def test_subsampled_ybr_stores_two_thirds(make_dicom, save):
    content = bytes((76, 76, 85, 255)) * 12
    dataset = make_dicom(np.zeros((4, 6, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422", PixelData=content)
    np.testing.assert_allclose(frames(save(dataset))[0], np.broadcast_to((254, 0, 0), (4, 6, 3)), atol=1)


def test_equal_channels_become_grey(make_dicom, save):
    frame = frames(save(make_dicom(np.repeat(GREY[..., np.newaxis], 3, axis=2))))[0]
    np.testing.assert_array_equal(frame, GREY)


def test_all_frames_of_a_clip_have_one_shape(make_dicom, save):
    clip = np.stack([np.zeros_like(COLOUR), COLOUR])
    assert {frame.shape for frame in frames(save(make_dicom(clip))).values()} == {(24, 30, 3)}


def test_monochrome1_is_inverted(make_dicom, save):
    dataset = make_dicom(GREY, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(frames(save(dataset))[0], 255 - GREY)


def test_12_bits_move_to_the_full_scale_without_loss(make_dicom, save):
    values = RNG.integers(0, 4096, (8, 9), dtype=np.uint16)
    frame = frames(save(make_dicom(values, BitsStored=12, HighBit=11)))[0]
    assert frame.dtype == np.uint16
    np.testing.assert_array_equal(frame, values * 16)


def test_signed_values_keep_their_order(make_dicom, save):
    values = np.array([[-32768, -1], [0, 32767]], np.int16)
    np.testing.assert_array_equal(frames(save(make_dicom(values)))[0], [[0, 32767], [32768, 65535]])
    eight = np.array([[-128, -1], [0, 127]], np.int8)
    np.testing.assert_array_equal(frames(save(make_dicom(eight)))[0], [[0, 127], [128, 255]])


def test_overlay_bits_above_the_stored_ones_are_masked(make_dicom, save):
    values = np.array([[0x8001, 0x0FFF]], np.uint16)
    frame = frames(save(make_dicom(values, BitsStored=12, HighBit=11)))[0]
    np.testing.assert_array_equal(frame, [[16, 65520]])


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Rows": 65535, "Columns": 65535}, "65535x65535 pixels"),
        ({"Rows": 0}, "30x0 pixels"),
        ({"NumberOfFrames": 1_000_000}, "1000000 frames"),
        ({"NumberOfFrames": -1}, "-1 frames"),
        ({"SamplesPerPixel": 4}, "4 values a pixel"),
        ({"BitsAllocated": 32}, "32 bits"),
        ({"BitsStored": 9}, "9 of 8 bits"),
        ({"HighBit": 3}, "HighBit"),
        ({"PixelRepresentation": 7}, "must be 0 or 1"),
        ({"PhotometricInterpretation": "CMYK"}, "colour model"),
        ({"PhotometricInterpretation": None}, "colour model"),
        ({"Columns": None}, "Columns is missing"),
        ({"NumberOfFrames": 3}, "truncated: the header announces 2160 bytes of pixels, the file holds 720"),
    ],
)
def test_what_the_header_announces_is_checked_before_pixels(make_dicom, save, elements, words):
    path = save(make_dicom(GREY, **elements))
    with pytest.raises(IntakeError, match=words):
        open_source(path)


def test_a_truncated_native_file_is_refused(make_dicom, save):
    path = save(make_dicom(GREY))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IntakeError, match="truncated: the header announces 720 bytes of pixels, the file holds 620"):
        open_source(path)


def test_a_truncated_clip_yields_what_it_has_then_says_so(make_jpeg_clip, save):
    path = save(make_jpeg_clip([SMOOTH] * 4))
    path.write_bytes(path.read_bytes()[:-300])
    decoded = open_source(path).frames()
    assert next(decoded)[0] == 0
    with pytest.raises(IntakeError, match="truncated"):
        list(decoded)


def test_fewer_frames_than_announced_is_an_error_at_the_end(make_jpeg_clip, save):
    path = save(make_jpeg_clip([SMOOTH] * 3, NumberOfFrames=5))
    seen = []
    with pytest.raises(IntakeError, match="announces 5 frames, the file holds 3"):
        seen.extend(number for number, _ in open_source(path).frames())
    assert seen == [0, 1, 2]


def test_more_frames_than_announced_are_not_lost_in_silence(make_dicom, make_jpeg_clip, save):
    with pytest.raises(IntakeError, match="announces 720 bytes of pixels, but there are 2160"):
        open_source(save(make_dicom(np.stack([GREY] * 3), NumberOfFrames=1)))
    for offsets in (True, False):
        path = save(make_jpeg_clip([SMOOTH] * 4, offsets, NumberOfFrames=2))
        with pytest.raises(IntakeError, match=r"but there are more|of 2 frames|cannot be"):
            frames(path)


def test_full_colours_under_the_name_of_subsampled_ones_are_refused(make_dicom, save):
    with pytest.raises(IntakeError, match="frames or colours"):
        open_source(save(make_dicom(COLOUR, PhotometricInterpretation="YBR_FULL_422")))


def test_12_bit_jpeg_is_refused_in_words(make_jpeg_clip, save):
    dataset = make_jpeg_clip([SMOOTH], BitsAllocated=16, BitsStored=12, HighBit=11)
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    with pytest.raises(IntakeError, match="JPEG of 12 bits"):
        open_source(save(dataset))


def test_a_frame_larger_than_the_header_says_is_not_decoded(make_jpeg_clip, save):
    path = save(make_jpeg_clip([np.zeros((240, 300), np.uint8)], Rows=24, Columns=30))
    with pytest.raises(IntakeError, match="another size"):
        frames(path)


def test_files_without_preamble_and_without_meta_information(make_dicom, save):
    dataset = make_dicom(GREY, ImplicitVRLittleEndian)
    whole = save(dataset, "whole").read_bytes()
    bare = [_without_meta(make_dicom(GREY, syntax), save) for syntax in (dataset.file_meta.TransferSyntaxUID, *NATIVE)]
    for number, content in enumerate([whole[132:], *bare]):
        path = save(dataset, f"bare {number}")
        path.write_bytes(content)
        np.testing.assert_array_equal(frames(path)[0], GREY)


def _without_meta(dataset, save):
    content = save(dataset, "with").read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def test_patients_are_told_apart(make_dicom, save):
    dataset = make_dicom(
        GREY,
        SpecificCharacterSet="ISO_IR 144",
        PatientID=" 1 ",
        IssuerOfPatientID="Больница 4",
        PatientName="ИВАНОВ^Иван  Иванович=ignored",
        PatientBirthDate="19500102",
        PatientSex="M",
        Manufacturer="BK Medical",
        ManufacturerModelName="bk3000",
    )
    header = open_source(save(dataset)).header
    assert header.patient_id == "1^^^Больница 4"
    assert header.identity == ("иванов^иван иванович", "19500102", "M")
    assert header.device == "BK Medical bk3000"
    bare = open_source(save(make_dicom(GREY))).header
    assert (bare.patient_id, bare.identity, bare.device) == (None, (), None)


@pytest.mark.parametrize("charset", ["ISO_IR 192", ["", "ISO 2022 IR 144"], "no such set"])
def test_every_character_set_gives_some_name(make_dicom, save, charset):
    header = open_source(save(make_dicom(GREY, SpecificCharacterSet=charset, PatientName="Petrova^Anna"))).header
    assert header.identity[0] == "petrova^anna"


def test_files_without_pictures_say_what_they_are(make_dicom, save):
    report = make_dicom(GREY, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    del report.PixelData
    with pytest.raises(IntakeError, match=r"without pixels \(Comprehensive SR Storage\)"):
        open_source(save(report))
    report.SOPClassUID = "1.2.840.10008.1.3.10"
    with pytest.raises(IntakeError, match="DICOMDIR"):
        open_source(save(report))
    floats = make_dicom(GREY)
    del floats.PixelData
    floats.FloatPixelData = np.zeros((24, 30), np.float32).tobytes()
    with pytest.raises(IntakeError, match="floating-point"):
        open_source(save(floats))


def test_a_transfer_syntax_that_is_not_read_is_named(make_jpeg_clip, save):
    dataset = make_jpeg_clip([SMOOTH])
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    with pytest.raises(IntakeError, match=r"MPEG-4 .* is not read"):
        open_source(save(dataset))


def test_nested_sequences_are_refused_in_our_words(make_dicom, save):
    path = save(make_dicom(GREY))
    content = path.read_bytes()
    level = struct.pack("<HH2sHL", 0x0018, 0x6011, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    start = content.index(struct.pack("<HH", 0x0028, 0x0002))
    path.write_bytes(content[:start] + level * 5000 + content[start:])
    with pytest.raises(IntakeError, match="nested too deeply"):
        open_source(path)


def test_a_sequence_of_a_million_items_is_not_parsed(make_dicom, save):
    path = save(make_dicom(GREY))
    content = path.read_bytes()
    start = content.index(struct.pack("<HH", 0x0028, 0x0002))
    items = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 1_000_000
    for length, words in {len(items): "more ultrasound regions", 0xFFFFFFFF: "damaged"}.items():
        head = struct.pack("<HH2sHL", 0x0018, 0x6011, b"SQ", 0, length)
        path.write_bytes(content[:start] + head + items + content[start:])
        with pytest.raises(IntakeError, match=words):
            open_source(path)


def refusal(path):
    try:
        frames(path)
    except IntakeError as error:
        return error
    return None


SECRET = "Zhivagova^Larissa"


def test_nothing_of_the_file_reaches_messages_logs_or_stderr(make_dicom, save, caplog, capfd):
    dataset = make_dicom(GREY, PatientName=SECRET, PatientID=SECRET)
    path = save(dataset, f"{SECRET}.dcm")
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HH", 0x0028, 0x0010))
    content[place + 8 : place + 10] = b"\xff\xff"
    for position in range(140, len(content) - 720, 7):
        broken = bytearray(content)
        broken[position] ^= 0x55
        path.write_bytes(broken)
        with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
            warnings.simplefilter("always")
            error = refusal(path)
        if error is not None:
            assert (error.__context__, error.__cause__) == (None, None)
            assert "Zhivagova" not in str(error)
        assert not caught
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_memory_does_not_grow_with_the_number_of_frames(make_dicom, save):
    pixels = np.zeros((2000, 64, 64), np.uint8)
    path = save(make_dicom(pixels))
    peaks = []
    for wanted in (range(20), range(2000)):
        tracemalloc.start()
        assert sum(1 for _ in open_source(path).frames(wanted)) == len(wanted)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 64 * 64 * 10


def test_without_the_extra_the_way_out_is_named(make_dicom, save):
    path = save(make_dicom(GREY))
    script = (
        "import sys; sys.modules['pydicom'] = None\n"
        "from pathlib import Path; from trus.data.intake.open import open_source\n"
        f"open_source(Path({str(path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "pip install 'trus[data]'" in done.stderr


@pytest.mark.real_data
@pytest.mark.skipif(not DICOM_US.is_dir(), reason="../shared/data/dicom_us is absent")
def test_every_real_file_is_read_whole():
    counts = {path.name: sum(1 for _ in open_source(path).frames()) for path in DICOM_US.iterdir()}
    assert len(counts) == 15
    assert {name: count for name, count in counts.items() if count > 1} == {
        "DIRW0007": 65, "OBXXXX1A_rle_2frame.dcm": 2, "examples_ybr_color.dcm": 30
    }  # fmt: skip


@pytest.mark.real_data
@pytest.mark.skipif(not DICOM_US.is_dir(), reason="../shared/data/dicom_us is absent")
def test_real_regions():
    regions = {path.name: open_source(path).header.regions for path in DICOM_US.iterdir()}
    assert regions["examples_ybr_color.dcm"] == regions["examples_palette.dcm"] == ()
    assert [each.box for each in regions["gdcm-US-ALOKA-16.dcm"]] == [(32, 24, 336, 416), (336, 24, 640, 416)]
    (scaled,) = regions["DIRW0007"]
    assert scaled.spacing == pytest.approx((0.5248, 0.5248), abs=1e-4)
    (clipped,) = regions["OBXXXX1A.dcm"]
    assert clipped.box == (120, 60, 800, 519)
