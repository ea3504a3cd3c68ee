"""The scripts that measure and attack the service work, and notice what they are there for."""

import json
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trus.errors import TrusError
from trus.serving.server import open_listener
from trus.serving.settings import ServeSettings

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / script, *options]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=SCRIPTS.parent)


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


def test_every_figure_is_measured_and_nothing_fails_but_speed(tmp_path):
    done = run("benchmark_service.py", "--smallest", "--json")
    figures = {figure["name"]: figure for figure in json.loads(done.stdout)}
    assert len(figures) == 6, done.stderr
    overload = next(figure for name, figure in figures.items() if name.startswith("overload"))
    assert {*overload["details"]["answers"]} <= {"200", "429"}
    assert overload["details"]["every 429 has Retry-After"]
    ended = next(figure for name, figure in figures.items() if name.startswith("SIGTERM"))
    assert ended["value"] == 0
    assert ended["details"]["exit codes"] == {"0": 1}
    assert ended["details"]["answers"]["200"] > 0


def test_fuzzing_finds_nothing_in_a_few_inputs(tmp_path):
    done = run("fuzz.py", "--made", "--inputs", 10, "--json", "--out", tmp_path)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["target"] for report in reports] == ["image", "dicom", "metadata", "model", "rle", "upload"]
    assert all(report["inputs"] == 10 and not report["findings"] for report in reports), done.stdout
    assert done.returncode == 0
    assert not [*tmp_path.iterdir()]


def damaged(kind: str):
    """A reader with a fault of each kind in it."""

    def read(path: Path) -> None:
        content = path.read_bytes()
        if content == b"seed":
            return
        if kind == "uncaught":
            raise IndexError("out of the table")
        if kind == "crash":
            import ctypes

            ctypes.string_at(0)
        if kind == "time":
            while True:
                pass
        raise TrusError("refused")

    return read


@pytest.mark.parametrize("kind", ["uncaught", "crash", "time", "refused"])
def test_a_fault_of_a_reader_is_found_and_the_next_input_is_read(scripts, tmp_path, monkeypatch, kind):
    from fuzzing import isolation, targets

    monkeypatch.setattr(isolation, "CPU_SECONDS", 0.2)
    reader = isolation.Reader(targets.Target((), damaged(kind)), tmp_path)
    assert reader.read(b"seed").kind == "accepted"
    assert reader.read(b"other").kind == kind
    assert reader.read(b"seed").kind == "accepted"
    reader.close()


def test_memory_beyond_the_limit_is_found(scripts, tmp_path):
    from fuzzing import isolation, targets

    reader = isolation.Reader(targets.Target((), lambda path: bytearray(2**30)), tmp_path)
    assert "MemoryError" in reader.read(b"seed").text
    reader.close()


def test_the_same_seed_makes_the_same_inputs_and_others_differ(scripts):
    from fuzzing.mutation import mutate
    from fuzzing.targets import TARGETS

    for name in ("image", "dicom", "metadata", "rle"):
        seeds = [seed for make in TARGETS[name].made for seed in make()]
        first, again, other = ([mutate(seeds, number) for _ in range(30)] for number in map(random.Random, (1, 1, 2)))
        assert first == again
        assert first != other
        assert len({*first}) > 20


def test_a_connection_that_breaks_after_the_service_accepted_it_is_lost(scripts):
    from service_load.client import LOST, REFUSED, segment_expecting

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert (
            _broken(listener, b"HTTP/1.1 100 Continue\r\n\r\n", lambda: segment_expecting("127.0.0.1", port, b"x"))
            == LOST
        )
        assert _broken(listener, b"", lambda: segment_expecting("127.0.0.1", port, b"x")) == REFUSED


def _broken(listener: socket.socket, said: bytes, ask) -> int:
    """The status of a request whose connection is closed after `said`."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        connection, _ = listener.accept()
        connection.recv(10_000)
        connection.sendall(said)
        connection.close()
        return answer.result().status


def test_answers_are_not_held_back_by_nagle():
    with open_listener(ServeSettings(port=0)) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()


def test_no_more_uploads_are_decoded_than_are_served(tiny_model):
    from trus.inference.predictor import open_predictor
    from trus.serving.engine import Engine
    from trus.serving.problems import Problem

    engine = Engine(open_predictor(tiny_model.onnx, 1), queue=2)
    with engine.place(), engine.place():
        with pytest.raises(Problem) as caught, engine.place():
            pass
        assert caught.value.status == 429
        assert int(caught.value.headers["Retry-After"]) >= 1
    with engine.place():
        pass
    engine.close()
