"""The OpenAPI document against a real server: schemathesis asks what the document allows, and what it does not."""

import io
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.transport.serialization import Binary

from trus.serving.guards.access import OPEN

TOKEN = "a-token-for-schemathesis"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
TENSOR = {"name": "image", "shape": [1, 1, 32, 32], "datatype": "FP32", "data": [0.5] * 1024}
EXAMPLES = 4


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 48), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def service(start_service, tmp_path_factory):
    """A client of a real `trus serve` that asks for a token."""
    tokens: Path = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.touch(0o600)
    tokens.write_text(TOKEN)
    running = start_service("--token-file", str(tokens))
    with httpx.Client(base_url=running.address, headers=HEADERS, timeout=30) as client:
        client.running = running
        yield client


def finished_jobs(service: httpx.Client, count: int) -> list[str]:
    made = [service.post("/v1/jobs", files={"file": png()}).json()["id"] for _ in range(count)]
    deadline = time.monotonic() + 30
    while any(service.get(f"/v1/jobs/{job}").json()["state"] != "finished" for job in made):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return made


def with_real_examples(document: dict[str, Any], service: httpx.Client) -> dict[str, Any]:
    """The document with the names of what is really there, so that each route can be asked for something."""
    kept, deleted = finished_jobs(service, 2)
    version = service.get("/v2/models/tiny").json()["versions"][0]
    values = {"model": "tiny", "name": "tiny", "version": version, "job_id": kept}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = deleted if method == "delete" else values[parameter["name"]]
            if path.endswith("/infer"):
                body = operation["requestBody"]["content"]["application/json"]
                del body["schema"]["example"]
                body["example"] = {"inputs": [TENSOR]}
    return document


def configure(address: str) -> SchemathesisConfig:
    """All phases and checks but two, which know nothing of what a file or a tensor of a model is."""
    return SchemathesisConfig.from_dict(
        {
            "seed": 5,
            "base-url": address,
            "headers": HEADERS,
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {"max-examples": EXAMPLES, "no-shrink": True, "database": "none"},
            "phases": {"stateful": {"max-steps": 3}},
            "checks": {"positive_data_acceptance": {"enabled": False}},
            # any bytes are a file; a bad one fails later, in its job
            "operations": [
                {"include-operation-id": "create_job", "checks": {"negative_data_rejection": {"enabled": False}}}
            ],
        }
    )


@pytest.fixture(scope="module")
def asked(service):
    """What was answered, statuses by operation, and what schemathesis found wrong."""
    files = st.sampled_from([png(), png()[:60]]) | st.binary(max_size=100)
    schemathesis.openapi.format("binary", files.map(Binary))
    document = with_real_examples(service.get("/openapi.json").json(), service)
    schema = schemathesis.openapi.from_dict(document, config=configure(str(service.base_url)))
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    wrong: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(event))
        if isinstance(event, events.ScenarioFinished):
            for case, interaction in event.recorder.interactions.items():
                label = event.recorder.cases[case].value.operation.label
                statuses[label][interaction.response.status_code if interaction.response else 0] += 1
            failed = [check for checks in event.recorder.checks.values() for check in checks if check.failure_info]
            wrong += [f"{c.name}: {c.failure_info.failure.message}\n{c.failure_info.code_sample}" for c in failed]
    return document, statuses, wrong


def test_nothing_is_answered_that_the_document_does_not_say(asked):
    _, _, wrong = asked
    assert not wrong, "\n\n".join(wrong[:5])


def test_no_request_makes_the_service_fail(asked, service):
    _, statuses, _ = asked
    assert {status for counter in statuses.values() for status in counter if status >= 500 or not status} == set()
    assert '"fault"' not in service.running.log.read_text()


def test_each_route_was_asked_with_success(asked):
    document, statuses, _ = asked
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    successful = {label for label, counter in statuses.items() if any(200 <= status < 300 for status in counter)}
    assert successful == operations


def test_each_route_but_the_probes_wants_the_token(asked):
    _, statuses, _ = asked
    without_token = {label.partition(" ")[2] for label, counter in statuses.items() if 401 not in counter}
    assert without_token == {*OPEN}
