"""`trus app` and `trus serve --app` as real processes: their start, their end, and what they leave behind."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import numpy as np
import pytest

from trus.app.port import CHOICE, usual_port

from . import running
from .in_process import API
from .running import ENTRANCE

NAME = "Kanareykin"


def frame_of(dataset) -> bytes:
    return (dataset / "images" / "p2_0.png").read_bytes()


def test_it_listens_on_this_computer_only(app_service):
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", app_service.port))


def test_nothing_of_a_file_reaches_the_log_or_the_metrics(start_app, make_us_dicom):
    service = start_app()
    frame = np.zeros((40, 50), np.uint8)
    good = make_us_dicom([frame], PatientName=f"{NAME}^Ivan", PatientID=NAME)
    with service.client() as client:
        for content in (good, good[:-500], NAME.encode() * 99):
            client.post(f"{API}/studies", content=content, headers={"Content-Type": f"text/{NAME}"})
        client.get(f"/app/{NAME}.js")
        client.get(f"{API}/studies/{NAME}/frames/0/result", params={"model": NAME})
        client.post(f"{API}/models", content=NAME.encode() * 99)
        client.get("/app/enter", params={"token": NAME})
    service.process.send_signal(signal.SIGTERM)
    output = service.process.stdout.read()
    assert service.process.wait(20) == 0
    log = service.log.read_text()
    token = service.entrance.rpartition("=")[2]
    for secret in (NAME, token, service.cookie[1]):
        assert secret not in log
        assert secret not in output, "only the first line held the token"


def test_it_ends_cleanly_by_ctrl_c(start_app, dataset):
    service = start_app()
    with service.client() as client:
        client.post(f"{API}/studies", content=frame_of(dataset))
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(20) == 0
    assert "Traceback" not in service.log.read_text()


def test_a_taken_port_is_one_clear_line(app_service, tmp_path):
    command = [sys.executable, "-m", "trus.cli", "app", "--no-browser", "--port", str(app_service.port)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: cannot listen on 127.0.0.1 port {app_service.port}")
    assert "--port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_model_file_that_is_none_is_one_clear_line(tmp_path):
    (tmp_path / "model.onnx").write_text("no model")
    command = [sys.executable, "-m", "trus.cli", "app", "--no-browser", "--port", "0", "--model", "model.onnx"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: model.onnx: ")
    assert len(ended.stderr.splitlines()) == 1


def test_without_a_model_it_starts_and_offers_what_lies_in_its_folder(start_app, tiny_model):
    service = start_app(model=None)
    folder = service.log.parent / "outputs" / "run"
    folder.mkdir(parents=True)
    with service.client() as client:
        assert client.get(f"{API}/session").json()["found"] == []
        (folder / "model.onnx").write_bytes(tiny_model.onnx.read_bytes())
        session = client.get(f"{API}/session").json()
        assert (session["default_model"], session["models"]) == (None, [])
        loaded = client.post(f"{API}/models", json={"id": session["found"][0]["id"]})
        assert loaded.json()["name"] == "tiny"


def test_the_only_model_that_is_found_is_taken(tiny_model, tmp_path):
    trained = tmp_path / "outputs" / "runs" / "2026-11-23" / "09-00-00"
    trained.mkdir(parents=True)
    (trained / "model.onnx").write_bytes(tiny_model.onnx.read_bytes())
    service = running.start(tmp_path)
    try:
        with service.client() as client:
            assert client.get(f"{API}/session").json()["default_model"] == "tiny"
    finally:
        assert service.end() == 0


def test_it_comes_back_at_the_same_address(monkeypatch, tmp_path):
    """A browser keeps work by origin: another port would be another, empty, drawer."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    port, is_usual = usual_port()
    assert is_usual
    assert port in CHOICE
    assert usual_port() == (port, True)
    with socket.create_server(("127.0.0.1", port)):
        other, is_usual = usual_port()
        assert other != port
        assert not is_usual
    assert usual_port() == (port, True)
    (tmp_path / "trus" / "app_port").write_text("22\n")
    assert usual_port()[0] in CHOICE, "what is no port of ours is not believed"


def test_where_nothing_can_be_remembered_it_starts_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "trus").write_text("a file in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert usual_port()[0] in CHOICE


def test_enter_in_its_window_gives_another_token(tiny_model, tmp_path):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trus.cli", "app", "--no-browser", "--port", "0", "--model", str(tiny_model.onnx)]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        first = ENTRANCE.search(process.stdout.readline()).group()
        assert "Ctrl-C" in process.stdout.readline()
        os.write(ours, b"\n")
        second = ENTRANCE.search(process.stdout.readline()).group()
        assert first != second
        assert [httpx.get(entrance).status_code for entrance in (second, first)] == [303, 303]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        os.close(ours)
        os.close(theirs)


def test_on_a_server_the_pages_are_beside_the_web_api(tiny_model, dataset, tmp_path):
    token = "a-token-of-the-clinic-42"
    (tmp_path / "tokens").write_text(token)
    (tmp_path / "tokens").chmod(0o600)
    command = [sys.executable, "-m", "trus.cli", "serve", "--app", "--model", str(tiny_model.onnx), "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--token-file", str(tmp_path / "tokens")], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        address = re.search(r"http://\S+", process.stdout.readline()).group()
        assert process.stdout.readline() == f"the application: {address}/app/\n"
        with httpx.Client(base_url=address) as client:
            assert client.get("/app/").status_code == 401
            assert client.post("/app/enter", data={"token": token}).status_code == 303
            session = client.get(f"{API}/session").json()
            assert (session["local"], session["found"], session["save_folder"]) == (False, [], None)
            assert client.post(f"{API}/studies", content=frame_of(dataset)).status_code == 201
            assert client.get("/v1/models").status_code == 401
            assert client.get("/v1/models", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
    log = (tmp_path / "log").read_text()
    assert '"route": "/app/api/studies"' in log
    assert token not in log
