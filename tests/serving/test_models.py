from pathlib import Path

import pytest

from trus.errors import ModelFileError
from trus.files import hash_file
from trus.inference.predictor import open_predictor
from trus.serving.app import create_app
from trus.serving.service import Service
from trus.serving.settings import ServeSettings

SETTINGS = ServeSettings(threads=1)


def started(run, sources) -> Service:
    async def scenario():
        service = Service(sources, SETTINGS)
        assert not service.ready
        await service.start()
        ready = service.ready
        await service.stop()
        assert ready
        return service

    return run(scenario())


def test_a_model_is_described_by_its_file(open_service, run, tiny_model):
    async def scenario():
        async with open_service() as client:
            return (await client.get("/v1/models")).json(), (await client.get("/v1/models/tiny")).json()

    listed, one = run(scenario())

    assert listed == {"models": [one]}
    assert one["sha256"] == hash_file(tiny_model.onnx)
    assert one["classes"] == [
        {"name": "gland", "value": 1, "threshold": 0.5},
        {"name": "lesion", "value": 2, "threshold": 0.5},
    ]
    assert one["input_shape"] == [1, 32, 32]
    assert one["score"] is None
    assert "Research use only" in one["statement"]


def test_an_unknown_model_is_told_which_there_are(open_service, run):
    async def scenario():
        async with open_service() as client:
            return await client.get("/v1/models/other")

    answer = run(scenario())

    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("there are: tiny")


def test_names_come_from_the_operator_or_the_file_and_are_unique(run, tiny_model):
    path = tiny_model.onnx
    service = started(run, [(None, path), ("tiny", path), (None, path)])

    assert [*service.models] == ["tiny-2", "tiny", "tiny-3"]
    assert service.model().name == "tiny-2"


def test_an_open_predictor_is_served_as_it_is(run, tiny_model):
    predictor = open_predictor(tiny_model.onnx, 1)

    assert started(run, [("mine", predictor)]).models["mine"].predictor is predictor


def test_a_bad_model_file_stops_the_start(run, tmp_path: Path):
    (tmp_path / "bad.onnx").write_bytes(b"no model")

    with pytest.raises(ModelFileError, match=r"bad\.onnx"):
        started(run, [(None, tmp_path / "bad.onnx")])


def test_before_the_models_are_loaded_the_service_lives_and_is_not_ready(run, tiny_model):
    import httpx

    async def scenario():
        transport = httpx.ASGITransport(app=create_app({"tiny": tiny_model.onnx}, SETTINGS))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/v1/models")]

    assert run(scenario()) == [200, 503, 503]


def test_a_short_time_out_of_requests_is_not_one_of_the_start(open_service, run):
    async def scenario():
        async with open_service(timeout_s=1e-6) as client:
            return (await client.get("/readyz")).status_code

    assert run(scenario()) == 200
