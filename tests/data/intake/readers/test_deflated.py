import io
import resource
import zlib

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from trus.data.intake import deflated
from trus.data.intake.deflated import inflate
from trus.data.intake.open import open_source
from trus.errors import IntakeError


def packed(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


def inflated(content: bytes, announced: int) -> bytes:
    with inflate(io.BytesIO(content), lambda file: announced) as file:
        return file.read()


@pytest.fixture(autouse=True)
def small_header(monkeypatch):
    monkeypatch.setattr(deflated, "HEADER_BYTES", 2**16)


@pytest.mark.parametrize("size", [0, 1, 1000, 2**16, 2**16 + 1, 2**19 + 12345])
def test_inflates_what_the_header_announces(size):
    content = np.random.default_rng(size).integers(0, 4, size, np.uint8).tobytes()
    assert inflated(packed(content), size) == content


def test_the_header_is_read_from_the_first_bytes():
    seen = []

    def announced(file):
        seen.append(file.read(10))
        return 0

    inflate(io.BytesIO(packed(b"header and pixels")), announced).close()
    assert seen == [b"header and"]


def test_more_than_announced_is_refused():
    with pytest.raises(IntakeError, match="more than the 100 bytes"):
        inflated(packed(bytes(deflated.HEADER_BYTES + 101)), 100)
    assert len(inflated(packed(bytes(deflated.HEADER_BYTES + 100)), 100)) == deflated.HEADER_BYTES + 100


def test_an_honest_giant_is_refused_from_its_header():
    with pytest.raises(IntakeError, match="at most 2147483648 are inflated"):
        inflated(packed(b"small"), deflated.LARGEST + 1)


@pytest.mark.parametrize("content", [b"", packed(bytes(10**6))[:-20], b"\xff" * 50])
def test_damaged_and_truncated_streams(content):
    with pytest.raises(IntakeError, match=r"damaged|truncated"):
        inflated(content, 10**6)


def test_a_bomb_costs_little_memory(make_dicom, save):
    """256 pixels are announced; what follows would inflate to 256 MiB."""
    path = save(make_dicom(np.zeros((16, 16), np.uint8), DeflatedExplicitVRLittleEndian))
    content = path.read_bytes()
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    dataset = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = stream.compress(dataset) + b"".join(stream.compress(bytes(2**24)) for _ in range(16)) + stream.flush()
    path.write_bytes(content[:start] + bomb)
    assert path.stat().st_size < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IntakeError, match="more than the 256 bytes of pixels"):
        open_source(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
