import httpx


def test_a_ready_service_says_so(open_service, run):
    async def scenario():
        async with open_service() as client:
            return [(await client.get(path)).json()["status"] for path in ("/healthz", "/readyz")]

    assert run(scenario()) == ["alive", "ready"]


def test_metrics_are_counted_by_route_template(open_service, run):
    async def scenario():
        async with open_service() as client:
            for name in ("tiny", "other", "third"):
                await client.get(f"/v1/models/{name}")
            return await client.get("/metrics")

    answer = run(scenario())

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'trus_requests_total{method="GET",route="/v1/models/{name}",status="404"} 2.0' in answer.text
    assert 'trus_request_seconds_count{route="/v1/models/{name}"} 3.0' in answer.text
    assert 'trus_queue_depth{model="tiny"} 0.0' in answer.text
    assert 'trus_inference_seconds_count{model="tiny"} 1.0' in answer.text  # the warm-up
    assert "trus_requests_in_flight 1.0" in answer.text
    assert "other" not in answer.text


def test_two_services_count_for_themselves(open_service, run):
    async def scenario():
        async with open_service() as first, open_service() as second:
            await first.get("/healthz")
            return (await second.get("/metrics")).text

    assert "/healthz" not in run(scenario())


def test_head_is_get_without_a_body(start_service):
    address = start_service().address
    for path in ("/healthz", "/readyz", "/v1/models", "/v2"):
        got, asked = httpx.get(address + path), httpx.head(address + path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
    assert httpx.head(f"{address}/nowhere").status_code == 404
    assert httpx.head(f"{address}/v1/segment").status_code == 405
    assert httpx.options(f"{address}/v1/segment").headers["allow"] == "POST"
    assert (
        'trus_requests_total{method="HEAD",route="/healthz",status="200"} 1.0' in httpx.get(f"{address}/metrics").text
    )
