def test_a_ready_service_says_so(open_service, run):
    async def scenario():
        async with open_service() as client:
            return [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/v1/models")]

    assert run(scenario()) == [200, 200, 200]
