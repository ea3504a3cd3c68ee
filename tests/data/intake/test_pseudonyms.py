import re
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trus.data.intake.pseudonyms import Pseudonyms, load_key, make_key
from trus.errors import IntakeError

NAMES = Pseudonyms(b"k" * 32)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_the_same_patient_has_one_pseudonym_and_another_one_another(one, other):
    assert re.fullmatch("P-[0-9a-f]{10}", NAMES.patient(one))
    assert NAMES.patient(one) == Pseudonyms(b"k" * 32).patient(f" {one} ")
    assert NAMES.patient(one) != Pseudonyms(b"K" * 32).patient(one)
    if one.strip() != other.strip() and one.isascii() and other.isascii():
        assert NAMES.patient(one) != NAMES.patient(other)


def test_unicode_forms_of_a_cyrillic_name_are_one_patient():
    assert NAMES.patient("Андре\u0439") == NAMES.patient("Андре\u0438\u0306")


def test_kinds_of_things_do_not_share_names():
    digests = {NAMES.patient("1")[2:], NAMES.file("1"), NAMES.device("1")[2:], NAMES.identity(("1",))[0]}
    assert len(digests) == 4
    assert re.fullmatch("D-[0-9a-f]{4}", NAMES.device("Made Up 7"))


def test_identity_keeps_what_is_not_stated_apart():
    known, unstated = NAMES.identity(("ivanov^ivan", "1950", "")), NAMES.identity(("IVANOV^IVAN", "", ""))
    assert known[0] == unstated[0]
    assert unstated[1:] == ("", "")


def test_key_file_is_private_read_back_and_never_written_over(tmp_path):
    path = tmp_path / "папка" / "my.key"
    made = make_key(path)
    assert load_key(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(IntakeError, match="cannot be written"):
        make_key(path)
    assert load_key(path) == made
    assert make_key(tmp_path / "other.key") != made


@pytest.mark.parametrize("content", [b"", b"abc", b"g" * 64, "ключ".encode(), b"\xff" * 40])
def test_a_file_that_is_no_key_is_refused(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(IntakeError, match="64 hex digits"):
        load_key(path)
