import hashlib
import json
import logging

import pytest

TOKEN = "a-token-of-the-clinic-42"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
PLANTED = "Mustermann"


def get(open_service, run, path="/v1/models", headers=None, **settings):
    async def scenario():
        async with open_service(**settings) as client:
            return await client.get(path, headers=headers)

    return run(scenario())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST:1", "trus.clinic.example"])
def test_its_own_names_are_answered(open_service, run, name):
    assert get(open_service, run, headers={"Host": name}, allowed_hosts=("trus.clinic.example",)).status_code == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]:8321", "10.0.0.9"]
)
def test_a_rebound_name_is_refused(open_service, run, name):
    answer = get(open_service, run, headers={"Host": name})

    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert name not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://[", "file://", "http://127.0.0.1:3000"])
def test_a_page_of_another_site_is_refused(open_service, run, origin):
    assert get(open_service, run, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8321", "https://127.0.0.1:8321"])
def test_a_page_of_its_own_address_is_answered_without_cors(open_service, run, origin):
    answer = get(open_service, run, headers={"Origin": origin})

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Basic " + TOKEN, TOKEN, "Bearer", f"Bearer {TOKEN}x", "Bearer ä"]
)
def test_without_a_valid_token_nothing_is_answered(open_service, run, header):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = get(open_service, run, headers=headers, tokens=(DIGEST,))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "urn:trus:problem:token"


def test_any_of_the_tokens_opens(open_service, run):
    headers = {"Authorization": f"bearer {TOKEN}"}

    assert get(open_service, run, headers=headers, tokens=("0" * 64, DIGEST, "1" * 64)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_neither_token_nor_name(open_service, run, path):
    assert get(open_service, run, path, {"Host": "10.1.2.3"}, tokens=(DIGEST,)).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/nowhere", "/healthz/", "//healthz"])
def test_all_else_needs_one(open_service, run, path):
    assert get(open_service, run, path, tokens=(DIGEST,)).status_code == 401


def test_the_log_holds_templates_and_no_word_of_the_request(open_service, run, caplog):
    caplog.set_level(logging.INFO, "trus.serving")
    headers = {"User-Agent": PLANTED, "X-Request-Id": PLANTED, "Authorization": f"Bearer {PLANTED}"}
    answer = get(open_service, run, f"/v1/models/{PLANTED}?name={PLANTED}", headers)
    lines = [json.loads(record.getMessage()) for record in caplog.records]

    assert PLANTED not in caplog.text + answer.text + str(answer.headers)
    assert [line["route"] for line in lines] == ["/v1/models/{name}"]
    assert lines[0]["request"] == answer.headers["x-request-id"]
    assert answer.json()["instance"].endswith(lines[0]["request"])
    assert {"request", "method", "route", "status", "ms", "bytes"} == {*lines[0]}


def test_a_fault_is_answered_and_logged_without_its_text(open_service, run, caplog):
    async def scenario():
        async with open_service() as client:

            async def fail():
                raise RuntimeError(PLANTED)

            client.app.add_api_route("/fail", fail)
            return await client.get("/fail"), (await client.get("/metrics")).text

    answer, metrics = run(scenario())

    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
    assert "RuntimeError" in caplog.text
    assert "test_access.py" in caplog.text
    assert PLANTED not in caplog.text + answer.text
    assert 'trus_requests_total{method="GET",route="/fail",status="500"} 1.0' in metrics


def test_an_error_of_a_user_is_one_of_the_request(open_service, run):
    from trus.errors import ImageError

    async def scenario():
        async with open_service() as client:

            async def fail():
                raise ImageError("the frame is empty")

            client.app.add_api_route("/fail", fail)
            return await client.get("/fail")

    answer = run(scenario())

    assert (answer.status_code, answer.json()["detail"]) == (422, "the frame is empty")


def test_wrong_parameters_are_named_but_not_repeated(open_service, run):
    async def scenario():
        async with open_service() as client:

            async def count(number: int):
                return number

            client.app.add_api_route("/count", count)
            return await client.get("/count", params={"number": PLANTED})

    answer = run(scenario())

    assert answer.status_code == 422
    assert "query.number" in answer.json()["detail"]
    assert PLANTED not in answer.text


def test_unknown_addresses_and_methods_are_problems(open_service, run):
    async def scenario():
        async with open_service() as client:
            return await client.get("/nowhere"), await client.delete("/v1/models")

    missing, wrong = run(scenario())

    assert (missing.status_code, missing.json()["type"]) == (404, "about:blank")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert wrong.headers["content-type"] == "application/problem+json"
