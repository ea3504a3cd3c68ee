"""The Open Inference Protocol over the real application and a real model file."""

import asyncio
import json
import threading

import httpx
import numpy as np
import pytest

from trus.inference.predictor import open_predictor
from trus.serving.app import create_app
from trus.serving.settings import ServeSettings

IMAGE = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
INFER = "/v2/models/tiny/infer"


def document(tensor: np.ndarray = IMAGE, **more) -> dict:
    said = {"name": "image", "shape": list(tensor.shape), "datatype": "FP32", "data": tensor.ravel().tolist()}
    return {"inputs": [said], **more}


def binary(tensor: np.ndarray, **more) -> dict:
    """Arguments of a request with the tensor as bytes after the JSON."""
    said = document(tensor, **more)
    del said["inputs"][0]["data"]
    said["inputs"][0]["parameters"] = {"binary_data_size": tensor.nbytes}
    text = json.dumps(said).encode()
    headers = {"Inference-Header-Content-Length": str(len(text)), "Content-Type": "application/octet-stream"}
    return {"content": text + tensor.tobytes(), "headers": headers}


@pytest.fixture
def ask(open_service, run):
    """`ask(*calls, **settings)`: the answers to calls (method, path, arguments), one after the other."""

    def asked(*calls, **settings) -> list[httpx.Response]:
        async def all_of_them() -> list[httpx.Response]:
            async with open_service(**settings) as client:
                return [await client.request(method, path, **arguments) for method, path, arguments in calls]

        return run(all_of_them())

    return asked


@pytest.fixture
def expected(tiny_model) -> dict[str, np.ndarray]:
    session = open_predictor(tiny_model.onnx, 1).session
    return dict(
        zip(("probabilities", "logits"), session.run(["probabilities", "logits"], {"image": IMAGE}), strict=True)
    )


def test_the_server_and_its_models_say_what_they_are(ask, tiny_model):
    version = open_predictor(tiny_model.onnx).model_hash[:12]
    paths = ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tiny", "/v2/models/tiny/ready")
    versioned = (f"/v2/models/tiny/versions/{version}", f"/v2/models/tiny/versions/{version}/ready")
    answers = ask(*(("GET", path, {}) for path in (*paths, *versioned)))
    assert [answer.status_code for answer in answers] == [200] * 7
    server, live, ready, model, model_ready, same_model, _ = (answer.json() for answer in answers)
    assert (server["name"], server["extensions"]) == ("trus", ["binary_tensor_data"])
    assert (live, ready) == ({"live": True}, {"live": True, "ready": True})
    assert model_ready == {"name": "tiny", "ready": True}
    assert (
        model
        == same_model
        == {
            "name": "tiny",
            "versions": [version],
            "platform": "onnx_onnxruntime",
            "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 32, 32]}],
            "outputs": [
                {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2, 32, 32]},
                {"name": "logits", "datatype": "FP32", "shape": [-1, 2, 32, 32]},
            ],
        }
    )


def test_numbers_in_numbers_out(ask, expected):
    (answer,) = ask(("POST", INFER, {"json": document(id="a7")}))
    assert answer.status_code == 200
    assert answer.json()["id"] == "a7"
    for output in answer.json()["outputs"]:
        given = np.float32(output["data"]).reshape(output["shape"])
        np.testing.assert_allclose(given, expected[output["name"]], atol=1e-5)


def test_bytes_in_bytes_out(ask, expected):
    wanted = [{"name": "logits", "parameters": {"binary_data": True}}]
    (answer,) = ask(("POST", INFER, binary(IMAGE, outputs=wanted)))
    length = int(answer.headers["Inference-Header-Content-Length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    given = np.frombuffer(answer.content[length:], "<f4").reshape(output["shape"])
    np.testing.assert_allclose(given, expected["logits"], atol=1e-5)
    assert answer.headers["content-type"] == "application/octet-stream"


def test_a_checkpoint_gives_probabilities_only(tiny_model, run):
    async def metadata() -> httpx.Response:
        app = create_app({"ckpt": tiny_model.ckpt}, ServeSettings(threads=1))
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321") as client,
        ):
            refused = await client.post("/v2/models/ckpt/infer", json=document(outputs=[{"name": "logits"}]))
            assert refused.status_code == 400
            return await client.post("/v2/models/ckpt/infer", json=document(IMAGE[:1]))

    assert [output["name"] for output in run(metadata()).json()["outputs"]] == ["probabilities"]


HUGE = np.full((1, 1, 32, 32), 3e38, np.float32)


REFUSED = [
    (INFER, {"json": document(IMAGE[:, :, :16])}, 400, "this model takes [N, 1, 32, 32]"),
    (INFER, {"json": document(np.zeros((9, 1, 32, 32)))}, 400, "at most 8 frames"),
    (INFER, {"json": []}, 400, "dictionary"),
    (INFER, {"content": b"{}", "headers": {"Inference-Header-Content-Length": "-1"}}, 400, "Length"),
    (INFER, {"content": b"{}", "headers": {"Inference-Header-Content-Length": "nine"}}, 400, "Length"),
    (INFER, binary(HUGE), 400, "not finite"),
    (INFER, {"content": b" " * 400_000}, 413, "bytes"),
    (INFER, {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "application/json"),
    (INFER, {"content": b"{}", "headers": {"Content-Encoding": "gzip"}}, 415, "compressed"),
    ("/v2/models/other/infer", {"json": {}}, 404, "tiny"),
    ("/v2/models/tiny/versions/1/infer", {"json": {}}, 404, "version"),
]


def test_errors_have_the_protocols_form(ask):
    answers = ask(*(("POST", path, arguments) for path, arguments, _, _ in REFUSED))
    for answer, (_, _, status, says) in zip(answers, REFUSED, strict=True):
        assert answer.status_code == status
        assert {*answer.json()} == {"error"}
        assert says in answer.json()["error"]


def test_a_full_queue_and_a_stopping_server_refuse_in_the_protocols_form(open_service, run):
    async def refused() -> tuple[httpx.Response, httpx.Response]:
        async with open_service(queue=1) as client:
            service = client.app.state.service
            release = threading.Event()
            busy = asyncio.create_task(service.model().engine.run(lambda _p, _c: release.wait(20)))
            await asyncio.sleep(0)
            full = await client.post(INFER, json=document())
            release.set()
            await busy
            service.drain()
            return full, await client.get("/v2/models/tiny/ready")

    full, stopping = run(refused())
    assert (full.status_code, stopping.status_code) == (429, 503)
    assert int(full.headers["retry-after"]) >= 1
    assert {*full.json()} == {*stopping.json()} == {"error"}
