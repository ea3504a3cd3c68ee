"""Bodies of the Open Inference Protocol: what is read, what is refused, and in which words."""

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trus.serving.open_inference.bodies import (
    HEADER_BYTES,
    MAX_BATCH,
    Inference,
    ProtocolError,
    encode_response,
    largest_body,
    parse_request,
)

SHAPE = (1, 2, 3)
BOTH = ["probabilities", "logits"]


def frames(count: int = 1) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, *SHAPE)).astype(np.float32)


def request(tensor: np.ndarray, **change: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "image", "shape": list(tensor.shape), "datatype": "FP32", **change}]}


def as_json(tensor: np.ndarray, flat: bool = True) -> bytes:
    return json.dumps(request(tensor, data=tensor.ravel().tolist() if flat else tensor.tolist())).encode()


def as_binary(tensor: np.ndarray, size: int | None = None) -> tuple[bytes, int]:
    blob = tensor.astype("<f4").tobytes()
    head = json.dumps(request(tensor, parameters={"binary_data_size": len(blob) if size is None else size})).encode()
    return head + blob, len(head)


def refused(body: bytes, header: int | None = None) -> str:
    with pytest.raises(ProtocolError) as caught:
        parse_request(body, header, SHAPE, BOTH)
    return str(caught.value)


@pytest.mark.parametrize("flat", [True, False])
def test_numbers_of_json_flat_or_nested_are_the_tensor(flat: bool) -> None:
    tensor = frames(2)
    read = parse_request(as_json(tensor, flat), None, SHAPE, BOTH)
    np.testing.assert_array_equal(read.image, tensor)
    assert read.image.dtype == np.float32
    assert read.outputs == {"probabilities": False, "logits": False}


def test_bytes_after_the_json_are_the_tensor() -> None:
    tensor = frames(3)
    np.testing.assert_array_equal(parse_request(*as_binary(tensor), SHAPE, BOTH).image, tensor)


def test_outputs_are_those_asked_for_and_binary_as_asked() -> None:
    document = request(frames(), data=frames().ravel().tolist())
    document["parameters"] = {"binary_data_output": True}
    document["outputs"] = [{"name": "logits"}, {"name": "probabilities", "parameters": {"binary_data": False}}]
    read = parse_request(json.dumps(document).encode(), None, SHAPE, BOTH)
    assert read.outputs == {"logits": True, "probabilities": False}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "frame"}, "inputs.0.name"),
        ({"datatype": "UINT8"}, "FP32"),
        ({"shape": [1, 1, 2, 4]}, "this model takes [N, 1, 2, 3]"),
        ({"shape": [1, 6]}, "inputs.0.shape"),
        ({"shape": [0, 1, 2, 3]}, "greater than or equal to 1"),
        ({"shape": [MAX_BATCH + 1, 1, 2, 3]}, f"at most {MAX_BATCH} frames"),
        ({"data": [1.0, 2.0]}, "data of shape [2]"),
        ({"data": [[1, 2], [3, 4], [5, 6]]}, "data of shape [3, 2]"),
        ({"data": [[1, 2, 3], [4, 5]]}, "unevenly"),
        ({"data": [1, 2, 3, 4, 5, "6"]}, "no number"),
        ({"data": [1, 2, 3, 4, 5, None]}, "no number"),
        ({"data": [True] * 6}, "no number"),
        ({"data": [1, 2, 3, 4, 5, 10**400]}, "no number"),
        ({"data": [1, 2, 3, 4, 5, 1e39]}, "not finite"),
        ({"data": [1, 2, 3, 4, 5, float("nan")]}, "not finite"),
        ({"data": None}, "either data"),
        ({"parameters": {"binary_data_size": 24}}, "either data"),
    ],
)
def test_a_wrong_tensor_is_refused_with_what_is_wrong(change: dict[str, Any], says: str) -> None:
    document = request(frames(), **({"data": [0.0] * 6} | change))
    assert says in refused(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "no JSON object"),
        (b"[]", "valid dictionary"),
        (b'{"inputs": []}', "inputs"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, says: str) -> None:
    assert says in refused(body)


def test_an_output_that_is_not_there_or_asked_for_twice_is_refused() -> None:
    document = request(frames(), data=[0.0] * 6)
    document["outputs"] = [{"name": "logits"}]
    with pytest.raises(ProtocolError, match="it has probabilities"):
        parse_request(json.dumps(document).encode(), None, SHAPE, ["probabilities"])
    document["outputs"] = [{"name": "logits"}, {"name": "logits"}]
    assert "twice" in refused(json.dumps(document).encode())


def test_lengths_that_contradict_each_other_are_refused() -> None:
    body, head = as_binary(frames())
    assert "the body has" in refused(body, len(body) + 1)
    assert "bytes follow" in refused(body + b"\0", head)
    assert "bytes follow" in refused(body[:-1], head)
    short, head = as_binary(frames(), size=22)
    assert "4 a number" in refused(short[: head + 22], head)
    spoilt, head = as_binary(np.full((1, *SHAPE), np.inf, np.float32))
    assert "not finite" in refused(spoilt, head)


def test_a_body_is_bounded_by_the_model() -> None:
    body, _ = as_binary(frames(MAX_BATCH))
    assert len(body) <= largest_body(SHAPE, binary=True) <= HEADER_BYTES + MAX_BATCH * 24
    assert len(as_json(frames())) <= largest_body(SHAPE, binary=False)


def test_a_response_comes_as_numbers_as_bytes_or_mixed() -> None:
    tensors = {"probabilities": frames(2), "logits": frames(1)}
    asked = Inference("7", frames(), {"probabilities": False, "logits": True})
    body, length = encode_response("m", "abc", asked, tensors)
    document = json.loads(body[:length])
    assert (document["id"], document["model_name"], document["model_version"]) == ("7", "m", "abc")
    numbers, binary = document["outputs"]
    np.testing.assert_array_equal(np.float32(numbers["data"]).reshape(numbers["shape"]), tensors["probabilities"])
    assert binary["parameters"] == {"binary_data_size": 24}
    np.testing.assert_array_equal(np.frombuffer(body[length:], "<f4").reshape(binary["shape"]), tensors["logits"])


def test_a_response_without_bytes_has_no_header_length() -> None:
    body, length = encode_response("m", "v", Inference(None, frames(), {"logits": False}), {"logits": frames()})
    assert length is None
    assert "id" not in json.loads(body)


@given(st.binary(max_size=200), st.none() | st.integers(-5, 300))
def test_any_bytes_are_read_or_refused(body: bytes, header: int | None) -> None:
    with contextlib.suppress(ProtocolError):
        parse_request(body, header, SHAPE, BOTH)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "shape", "data"]), inner),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {
            "inputs": st.lists(
                st.fixed_dictionaries(
                    {
                        "name": st.just("image"),
                        "shape": st.just([1, *SHAPE]) | _JSON,
                        "datatype": st.just("FP32"),
                        "data": _JSON,
                    }
                ),
                max_size=2,
            )
        }
    )
)
def test_any_json_is_read_or_refused(document: dict[str, Any]) -> None:
    with contextlib.suppress(ProtocolError):
        assert parse_request(json.dumps(document).encode(), None, SHAPE, BOTH).image.shape == (1, *SHAPE)
