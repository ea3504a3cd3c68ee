"""Model files and checkpoints made to harm: each is refused in one line, nothing is run and no other file is read."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from trus.errors import ModelFileError
from trus.inference import graph_file, wire
from trus.inference.graph_file import MAX_DOCUMENT, read_graph_file
from trus.inference.predictor import METADATA_KEY, open_predictor, read_model_file
from trus.inference.pytorch import CHECKPOINT_KEY


@pytest.fixture
def model(tiny_model) -> onnx.ModelProto:
    return onnx.load(tiny_model.onnx)


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        open_predictor(path, threads=1)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert len(text.splitlines()) == 1
    return text


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Save a model as it is, and give the words with which it is refused; ONNX Runtime must not have seen it."""
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: pytest.fail("the file was run"))

    def save(model: onnx.ModelProto) -> str:
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        return refusal(tmp_path / "m.onnx")

    return save


@pytest.mark.parametrize("location", ["weights.bin", "../../../etc/passwd", "/etc/passwd", "."])
@pytest.mark.parametrize("said", [True, False])
def test_weights_in_another_file_are_refused(model, refused, tmp_path, location, said):
    (tmp_path / "weights.bin").write_bytes(bytes(1 << 16))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=location)
    if said:
        tensor.data_location = TensorProto.EXTERNAL
    assert "weights in another file (external data)" in refused(model)


def test_a_tensor_that_only_says_it_is_elsewhere_is_refused(model, refused):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert "external data" in refused(model)


def test_external_data_in_the_constant_of_a_node_are_found(model, refused):
    tensor = numpy_helper.from_array(np.zeros(3, np.float32))
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
    assert "external data" in refused(model)


def test_operators_of_another_domain_are_refused(model, refused):
    model.graph.node[0].domain = "com.microsoft"
    assert "operators of the domain 'com.microsoft'" in refused(model)


def test_a_set_of_custom_operators_is_refused(model, refused):
    model.opset_import.append(helper.make_opsetid("evil.ops", 1))
    assert "operators of the domain 'evil.ops'" in refused(model)


def test_functions_are_refused(model, refused):
    model.functions.append(helper.make_function("evil", "f", ["x"], ["y"], [], [helper.make_opsetid("", 18)]))
    assert "functions" in refused(model)


def nested(depth: int) -> onnx.GraphProto:
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(depth):
        graph = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=graph)], "outer", [], [])
    return graph


@pytest.mark.parametrize("depth", [1, 20])
def test_loops_and_branches_are_refused(model, refused, depth):
    model.graph.node.append(helper.make_node("Loop", ["n", "c"], ["y"], body=nested(depth)))
    assert "graphs within its graph" in refused(model)


def deep(levels: int) -> bytes:
    content = b""
    for _ in range(levels):  # ModelProto.graph and below it NodeProto.attribute.g, over and over
        for field in (6, 5, 1):
            content = bytes([field << 3 | 2]) + varint(len(content)) + content
    return b"\x3a" + varint(len(content)) + content


def varint(value: int) -> bytes:
    content = b""
    while value > 0x7F:
        content, value = content + bytes([value & 0x7F | 0x80]), value >> 7
    return content + bytes([value])


def test_deep_nesting_is_refused_without_following_it(tmp_path):
    (tmp_path / "m.onnx").write_bytes(deep(3000))
    assert "graphs within its graph" in refusal(tmp_path / "m.onnx")


@pytest.mark.parametrize("sizes", [[1 << 40], [1 << 31, 1 << 31], [-1], [-5, -5], [1] * 40, [3]])
def test_sizes_that_do_not_fit_the_data_are_refused(model, refused, sizes):
    tensor = model.graph.initializer[0]
    tensor.raw_data = tensor.raw_data[:8]
    del tensor.dims[:]
    tensor.dims.extend(sizes)
    assert "a tensor of the size" in refused(model)


def test_a_tensor_of_texts_is_refused(model, refused):
    model.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [1], [b"x"]))
    assert "a tensor of the type 8" in refused(model)


def test_sparse_tensors_are_refused(model, refused):
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [1 << 40]))
    assert "sparse tensors" in refused(model)


def with_document(model: onnx.ModelProto, **changes) -> onnx.ModelProto:
    document = json.loads(model.metadata_props[0].value) | changes
    model.metadata_props[0].value = json.dumps(document)
    return model


def test_a_huge_document_is_refused_before_it_is_parsed(model, refused, monkeypatch):
    monkeypatch.setattr("trus.inference.predictor.parse_metadata", lambda *_: pytest.fail("was parsed"))
    assert "bytes of metadata, above" in refused(with_document(model, name="x" * MAX_DOCUMENT))


def test_many_entries_count_together(model, refused):
    for number in range(20):
        model.metadata_props.append(onnx.StringStringEntryProto(key=str(number), value="x" * (MAX_DOCUMENT // 10)))
    assert "bytes of metadata, above" in refused(model)


def test_long_names_are_refused(model, refused):
    model.graph.output[0].name = "x" * 2000
    assert "a name of 2,000 bytes" in refused(model)


def test_long_lists_of_sizes_are_not_taken_apart():
    with pytest.raises(wire.WireError, match="bytes of sizes in one list"):
        wire.numbers(memoryview(bytes(2000)))


def test_deeply_nested_json_is_refused(model, refused):
    model.metadata_props[0].value = '{"training":' * 1000 + "[" * 100_000
    assert "its metadata does not fit schema" in refused(model)


def test_two_documents_are_refused(model, refused):
    model.metadata_props.append(onnx.StringStringEntryProto(key=METADATA_KEY, value="{}"))
    assert "the metadata entry 'trus' twice" in refused(model)


def renamed(model: onnx.ModelProto, old: str, new: str) -> onnx.ModelProto:
    for port in (*model.graph.input, *model.graph.output):
        port.name = new if port.name == old else port.name
    return model


@pytest.mark.parametrize("name", ["image", "probabilities", "logits"])
def test_other_inputs_and_outputs_are_refused(model, refused, name):
    assert "export it again" in refused(renamed(model, name, "other"))


@pytest.mark.parametrize(("place", "size"), [(0, 1), (1, 3), (2, 31), (3, -32), (3, 1 << 40)])
@pytest.mark.parametrize("port", ["input", "output"])
def test_shapes_other_than_the_documents_are_refused(model, refused, port, place, size):
    getattr(model.graph, port)[0].type.tensor_type.shape.dim[place].dim_value = size
    assert "by its metadata it" in refused(model)


def test_another_number_type_is_refused(model, refused):
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    assert "type 11" in refused(model)


def test_an_output_that_is_no_map_is_refused(model, refused):
    del model.graph.output[0].type.tensor_type.shape.dim[2:]
    assert "probabilities float32 (N, 2)" in refused(model)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0", b"\x80", b"\xff" * 64, b"PK\x03\x04" + bytes(60), pickle.dumps({"a": 1}),
        b"\x10\0\0\0ORTM" + bytes(60),
        b"\x3a\x00", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b" * 20, b"\x3a" + b"\x80" * 20, struct.pack("<Q", 1 << 60),
        b"\x42\x02\x08\x01", b"\x72\x03\x0a\x01\xff",
    ],
    ids=[
        "empty", "zero", "half a number", "ones", "zip", "pickle", "ort", "no graph", "too long", "group", "endless",
        "number", "opset", "not UTF-8",
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    assert "is no readable ONNX file, or was cut short" in refusal(tmp_path / "m.onnx")


def test_a_zip_and_a_checkpoint_named_onnx_are_refused(tiny_model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(tiny_model.ckpt.read_bytes())
    assert "is no readable ONNX file" in refusal(tmp_path / "m.onnx")


def test_a_file_of_very_many_parts_does_not_keep_it_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "MAX_PARTS", 1000)
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08" * 1001)
    assert "more than 1,000 parts" in refusal(tmp_path / "m.onnx")


def test_a_file_above_two_gigabytes_is_refused_unread(tmp_path):
    with (tmp_path / "m.onnx").open("wb") as file:
        file.truncate(graph_file.MAX_BYTES + 1)
    assert "was cut short" in refusal(tmp_path / "m.onnx")


def test_every_cut_and_many_damages_end_in_one_error(tiny_model, tmp_path):
    content, path = tiny_model.onnx.read_bytes(), tmp_path / "m.onnx"
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content[: random.integers(1, len(content))] if random.random() < 0.3 else content)
        for place in random.integers(0, len(damaged), random.integers(0, 6)):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_model_file(path)
        except ModelFileError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017


def test_what_a_good_file_holds_is_counted(tiny_model, model):
    found = read_graph_file(tiny_model.onnx)
    assert found.size == tiny_model.onnx.stat().st_size
    assert sum(found.operators.values()) == len(model.graph.node)
    assert found.weights[1] == sum(
        int(np.prod(tensor.dims)) for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT
    )
    assert found.inputs["image"].sizes == (None, 1, 32, 32)
    assert found.opset == 18


# --- checkpoints ---


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_bare_pickle_named_ckpt_is_refused(tmp_path):
    path = tmp_path / "m.ckpt"
    path.write_bytes(pickle.dumps(Evil(tmp_path / "touched")))
    assert "is damaged, or no checkpoint of trus" in refusal(path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("old_format", [False, True])
def test_a_pickle_payload_is_not_run(tmp_path, old_format):
    path, payload = tmp_path / "m.ckpt", {"state_dict": {}, "hyper_parameters": Evil(tmp_path / "touched"), "epoch": 0}
    torch.save(payload, path, _use_new_zipfile_serialization=not old_format)
    assert "is damaged, or no checkpoint of trus" in refusal(path)
    assert not (tmp_path / "touched").exists()


def test_a_checkpoint_that_unpacks_to_more_than_it_is_is_refused(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "m.ckpt"
    torch.save({"state_dict": {"a": torch.zeros(1_000_000)}}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    assert path.stat().st_size < 20_000
    assert "its entries are compressed" in refusal(path)


@pytest.mark.parametrize(
    "config",
    [
        {"_target_": "trus.models.build.build_network", "config": {"_target_": "hydra.utils.instantiate"}},
        {"_target_": "trus.models.build.importlib"},
        {"_target_": "trus.models.smp.Path"},
        {"_target_": "trus.models.weights.os.build"},
        {"_target_": "os.system", "command": "true"},
    ],
    ids=["through build_network", "module", "import of a module", "deeper", "elsewhere"],
)
def test_only_factories_of_trus_are_called(tiny_model, tmp_path, config):
    """build_network calls whatever it is told: with Hydra's instantiate inside, that was any function at all."""
    checkpoint = torch.load(tiny_model.ckpt, weights_only=True)
    document = json.loads(checkpoint["hyper_parameters"][CHECKPOINT_KEY])
    if "config" in config:
        touch = {"_target_": "builtins.dict", "x": {"_target_": "os.mkdir", "path": str(tmp_path / "touched")}}
        config = config | {"config": config["config"] | {"config": touch}}
    document["training"]["config"] = config
    checkpoint["hyper_parameters"][CHECKPOINT_KEY] = json.dumps(document)
    torch.save(checkpoint, tmp_path / "m.ckpt")
    assert "is not part of trus" in refusal(tmp_path / "m.ckpt")
    assert not (tmp_path / "touched").exists()


def test_a_graph_that_gives_something_else_than_it_announces_is_refused(model, tmp_path):
    half = numpy_helper.from_array(np.array([16], np.int64), "half")
    model.graph.initializer.append(half)
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "rows"))
    last = next(node for node in model.graph.node if "probabilities" in node.output)
    last.output[list(last.output).index("probabilities")] = "whole"
    model.graph.node.append(helper.make_node("Slice", ["whole", "zero", "half", "rows"], ["probabilities"]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=r"m\.onnx"):
        open_predictor(tmp_path / "m.onnx", threads=1).predict(np.zeros((40, 40), np.uint8))
