"""A real `trus serve` in a process of its own: its start, its sockets, its end."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from trus.cli.serve import name_models
from trus.errors import ConfigError
from trus.serving.guards.tokens import read_tokens
from trus.serving.server import open_listener
from trus.serving.settings import ServeSettings

TOKEN = "a-token-of-the-clinic-42"


def serve(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "trus.cli", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def service(start_service, tmp_path_factory):
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(f"{TOKEN}\n\n  another-token-of-the-clinic\n")
    tokens.chmod(0o600)
    return start_service("--token-file", str(tokens), "--max-bytes", "100000")


def infer(address: str, client: httpx.Client) -> httpx.Response:
    tensor = {"name": "image", "shape": [1, 1, 32, 32], "datatype": "FP32", "data": [0.5] * 1024}
    return client.post(f"{address}/v2/models/tiny/infer", json={"inputs": [tensor]})


def test_what_cannot_be_served_ends_in_one_line():
    ended = serve("--model", "nowhere.onnx", "--port", "0")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "error: nowhere.onnx: no such model file\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_off_loopback_it_does_not_start_without_a_token(host):
    with pytest.raises(ConfigError, match="--token-file"):
        open_listener(ServeSettings(host=host, port=0))
    open_listener(ServeSettings(host=host, port=0, tokens=("0" * 64,))).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_needs_none(host):
    open_listener(ServeSettings(host=host, port=0)).close()


def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match=r"no\.such\.host\.invalid"):
        open_listener(ServeSettings(host="no.such.host.invalid"))


@pytest.mark.parametrize(
    ("models", "said"), [(["a/b=nowhere.onnx"], "letters"), (["=x.onnx"], "letters"), (["a=x", "a=y"], "same name")]
)
def test_a_models_name_is_checked(models, said):
    with pytest.raises(ConfigError, match=said):
        name_models(models)


def test_a_file_whose_name_holds_an_equals_sign_is_a_file(tmp_path: Path):
    (tmp_path / "fold=0.onnx").touch()

    assert name_models([f"{tmp_path}/fold=0.onnx", "b=x.onnx"]) == [
        (None, tmp_path / "fold=0.onnx"),
        ("b", Path("x.onnx")),
    ]


def test_a_port_that_is_taken_is_named(service):
    with pytest.raises(ConfigError, match=f"port {service.port}: Address already in use"):
        open_listener(ServeSettings(port=service.port))


def test_it_is_ready_when_it_prints_its_address(service):
    assert httpx.get(f"{service.address}/readyz").status_code == 200


def test_tokens_of_the_file_open_it(service):
    path = f"{service.address}/v1/models"
    known = [TOKEN, "another-token-of-the-clinic"]

    assert httpx.get(path).status_code == 401
    assert [httpx.get(path, headers={"Authorization": f"Bearer {t}"}).status_code for t in known] == [200, 200]


def test_a_rebound_name_is_refused(service):
    assert httpx.get(f"{service.address}/v1/models", headers={"Host": "evil.example"}).status_code == 421


def test_a_connection_is_used_again(service):
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answers = [infer(service.address, client).status_code for _ in range(20)]

    assert answers == [200] * 20


def test_the_log_has_a_line_a_request_and_neither_token_nor_address(service):
    httpx.get(f"{service.address}/v1/models/planted?name=planted", headers={"Authorization": f"Bearer {TOKEN}"})
    for _ in range(500):  # the line is written after the answer
        log = service.log.read_text()
        if log.endswith("\n") and json.loads(log.splitlines()[-1])["route"] == "/v1/models/{name}":
            break
        time.sleep(0.02)

    assert json.loads(log.splitlines()[-1])["route"] == "/v1/models/{name}"
    assert "planted" not in log
    assert TOKEN not in log
    assert "127.0.0.1" not in log


def test_sigterm_under_load_loses_no_request_and_exits_with_0(start_service):
    """Clients ask without a pause, each on a connection it keeps, until they are told to go or find nobody."""
    running, outcomes = start_service("--queue", "100"), []

    def ask():
        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    answer = infer(running.address, client)
                except httpx.ConnectError:
                    return
                except httpx.HTTPError as error:
                    outcomes.append(repr(error))
                    return
                outcomes.append(answer.status_code)
                if answer.status_code == 503:
                    assert answer.headers["connection"] == "close"
                    return

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    while outcomes.count(200) < 50:
        time.sleep(0.01)
    running.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()
    code, log = running.end()

    assert set(outcomes) <= {200, 503}
    assert code == 0
    assert "fault" not in log


def test_while_a_request_is_in_hand_it_stays_and_a_second_signal_ends_it(start_service):
    running = start_service("--drain", "60")
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        httpx.get(f"{running.address}/healthz")  # the request above was read before this one
        running.process.send_signal(signal.SIGTERM)
        while httpx.get(f"{running.address}/readyz").status_code == 200:
            time.sleep(0.01)
        alive = running.process.poll()
        running.process.send_signal(signal.SIGTERM)

        assert (alive, running.end()[0]) == (None, 128 + signal.SIGTERM)


def test_a_client_that_leaves_takes_its_request_along_and_what_stays_is_cut_off_in_the_end(start_service):
    running = start_service("--drain", "1")
    unfinished = b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(unfinished)
        httpx.get(f"{running.address}/healthz")
    metrics = ""
    while "trus_requests_in_flight 1.0" not in metrics:
        metrics = httpx.get(f"{running.address}/metrics").text
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(unfinished)
        httpx.get(f"{running.address}/healthz")
        running.process.send_signal(signal.SIGINT)
        code, _ = running.end()

    assert 'status="499"' in metrics
    assert code == 1


def test_a_token_file_that_others_may_read_is_warned_of(tmp_path: Path):
    tokens, warnings = tmp_path / "tokens", []
    tokens.write_text(TOKEN)
    tokens.chmod(0o644)
    digests = read_tokens(tokens, warnings.append)

    assert len(digests) == 1
    assert TOKEN not in digests[0]
    assert "chmod 600" in warnings[0]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"short", b"long enough but with spaces", b"l\xc3\xa4nger-als-sechzehn"]
)
def test_a_token_file_without_good_tokens_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "tokens").write_bytes(content)

    with pytest.raises(ConfigError) as refused:
        read_tokens(tmp_path / "tokens", print)
    assert "short" not in str(refused.value)
