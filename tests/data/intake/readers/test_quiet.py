import errno
import logging
import os
import threading
import warnings

import pytest

from trus.data.intake.metered import Metered
from trus.data.intake.quiet import quietly
from trus.errors import IntakeError


def noisy(secret):
    warnings.warn(secret, stacklevel=1)
    logging.getLogger("pydicom.pixels").error(secret)
    os.write(2, secret.encode())
    return len(secret)


def fail(error):
    raise error


def test_libraries_say_nothing(capfd, caplog):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert quietly("words", noisy, "secret") == 6
        warnings.warn("heard again", stacklevel=1)
    logging.getLogger("pydicom").error("heard again")
    os.write(2, b"heard again")
    assert [str(each.message) for each in caught] == ["heard again"]
    assert [record.message for record in caplog.records] == ["heard again"]
    assert capfd.readouterr().err == "heard again"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("secret"), "our words"),
        (OSError("secret"), "our words"),
        (OSError(errno.ENOSPC, "secret"), "more memory"),
        (RecursionError("secret"), "nested too deeply"),
        (MemoryError("secret"), "more memory"),
        (ModuleNotFoundError("secret"), "pip install"),
        (IntakeError("its own"), "its own"),
    ],
)
def test_errors_are_in_our_words(error, words):
    with pytest.raises(IntakeError, match=words) as caught:
        quietly("our words", fail, error)
    assert "secret" not in str(caught.value)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt):
        quietly("words", fail, KeyboardInterrupt())


def test_threads_share_one_silence(capfd):
    """The first to come in leaves while the second is still inside: stderr stays shut, and opens at the end."""
    second_in, first_out = threading.Event(), threading.Event()

    def second():
        second_in.set()
        first_out.wait(10)
        os.write(2, b"secret")

    def first():
        thread.start()
        second_in.wait(10)

    thread = threading.Thread(target=quietly, args=("words", second))
    quietly("words", first)
    first_out.set()
    thread.join()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_a_meter_stops_reading(tmp_path):
    (tmp_path / "x").write_bytes(bytes(100))
    with (tmp_path / "x").open("rb") as file:
        metered = Metered(file)
        metered.allow(50, 3)
        assert len(metered.read(40)) == 40
        with pytest.raises(IntakeError, match="larger"):
            metered.read(11)
        metered.allow(1000, 1)
        with pytest.raises(IntakeError, match="truncated"):
            metered.read(90)
        with pytest.raises(IntakeError, match="larger"):
            metered.read(1)
