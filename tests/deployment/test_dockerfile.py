"""The Dockerfile, the compose file and what stands beside them."""

import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
DEPLOYMENT = [ROOT / "Dockerfile", ROOT / "scripts/build_image.sh", *(ROOT / "deploy").iterdir()]


def instructions() -> list[str]:
    """One a line, comments left out, in the order of the file."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    return re.sub(r"\\\n\s*", "", text).splitlines()


def last_stage() -> dict[str, str]:
    """Instruction -> arguments of the stage that becomes the image."""
    lines = [line.partition(" ") for line in instructions() if line]
    start = max(number for number, (name, _, _) in enumerate(lines) if name == "FROM")
    return {name: rest.strip() for name, _, rest in lines[start:]}


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_it_runs_as_a_numeric_user_without_a_shell():
    stage = last_stage()

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", stage["USER"])
    assert json.loads(stage["ENTRYPOINT"]) == ["/opt/trus/bin/trus"]
    assert json.loads(stage["CMD"])[0] == "serve"
    assert "RUN" not in stage
    assert "SHELL" not in stage


def test_its_command_is_one_that_trus_understands():
    from typer.testing import CliRunner

    from trus.cli import app

    said = CliRunner().invoke(app, ["serve", *json.loads(last_stage()["CMD"])[1:]]).exception

    assert "/run/secrets/trus_tokens" in str(said)  # refused for the token file that is not there, for nothing else


def test_everything_copied_is_there_and_sent_to_the_builder():
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    sent = [rule[1:] for rule in rules if rule.startswith("!")]
    copied = [
        source
        for line in instructions()
        if line.startswith("COPY ") and "--from" not in line
        for source in shlex.split(line)[1:-1]
    ]

    assert "*" in rules
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, each) for each in sent), source


@pytest.fixture
def probe():
    """The health check's command, asking another port than the image's."""
    check = last_stage()["HEALTHCHECK"]
    command = json.loads(check[check.index("[") :])
    assert command[0] == "/opt/trus/bin/python"

    def ask(port: int) -> int:
        code = command[2].replace("8321", str(port))
        return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False).returncode

    return ask


def test_the_health_check_is_that_of_a_ready_service(probe, tiny_model):
    command = [sys.executable, "-m", "trus.cli", "serve", "--model", str(tiny_model.onnx), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        address = service.stdout.readline()
        healthy = probe(int(address.rpartition(":")[2]))
        service.terminate()

    assert healthy == 0
    assert service.returncode == 0


def test_the_health_check_fails_where_nothing_listens_or_is_not_ready(probe):
    class NotReady(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503 if self.path == "/readyz" else 200)

    server = http.server.HTTPServer(("127.0.0.1", 0), NotReady)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert probe(server.server_port) == 1
    server.shutdown()
    server.server_close()
    assert probe(server.server_port) == 1


@pytest.mark.parametrize("name", ["trus", "proxy"])
def test_services_are_closed_in(name):
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert "pids_limit" in service
    assert not service.get("privileged")


def test_only_the_proxy_is_reached_from_outside():
    trus, proxy = COMPOSE["services"]["trus"], COMPOSE["services"]["proxy"]

    assert "ports" not in trus
    assert trus["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert trus["user"] == last_stage()["USER"]
    assert all(volume.endswith(":ro") for volume in trus["volumes"])
    assert proxy["cap_add"] == ["NET_BIND_SERVICE"]


def test_compose_starts_what_the_image_does_and_tells_the_name_that_the_proxy_asks_by():
    command = COMPOSE["services"]["trus"]["command"]
    image = json.loads(last_stage()["CMD"])

    assert command[: len(image)] == image
    assert command[len(image)] == "--allowed-host"


@pytest.mark.parametrize("path", DEPLOYMENT, ids=lambda path: path.name)
def test_no_registry_is_named(path):
    assert not re.search(r"\b[\w-]+\.(io|com|org|net|dev)\b/", path.read_text())


def test_slim_keeps_one_of_equal_files_and_no_tests(tmp_path):
    packages = tmp_path / "lib/python3.11/site-packages"
    (packages / "reader/tests").mkdir(parents=True)
    for name in ("reader/tests/test_it.py", "reader/types.pyi", "reader/a.so.1", "reader/a.so", "reader/b.so"):
        (packages / name).write_bytes((b"b" if "b.so" in name else b"a") * 20_000)

    subprocess.run([sys.executable, ROOT / "deploy/slim.py", tmp_path], check=True)

    left = {path.name: path.stat().st_ino for path in (packages / "reader").iterdir()}
    assert left.keys() == {"a.so", "a.so.1", "b.so"}
    assert left["a.so"] == left["a.so.1"] != left["b.so"]
