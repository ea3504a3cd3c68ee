"""The port of `trus app` is the same at every start: a browser keeps work for an address with its port."""

import socket

import pytest

from trus.app.ports import HOST, PORTS, usual_port


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user who never started it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def test_it_is_kept(home):
    first = usual_port()
    assert first in PORTS
    assert usual_port() == first
    assert (home / "trus" / "app-port").read_text() == f"{first}\n"


def test_where_it_is_taken_any_other_does_and_the_usual_one_comes_back():
    usual = usual_port()
    with socket.create_server((HOST, usual)):
        assert usual_port() == 0
    assert usual_port() == usual


@pytest.mark.parametrize("content", ["", "trus", "80", "99999999999999999999"])
def test_a_damaged_file_is_written_anew(home, content):
    (home / "trus").mkdir()
    (home / "trus" / "app-port").write_text(content)
    assert usual_port() == usual_port() in PORTS


def test_a_home_that_cannot_be_written_is_no_hindrance(home, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "file"))
    (home / "file").write_text("")
    assert usual_port() in PORTS
