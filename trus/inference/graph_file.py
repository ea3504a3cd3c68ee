"""What an .onnx file holds, read without running or believing it: first line of defence against a hostile file.

ONNX Runtime reads further files that a model names, and knows operators that no network of trus uses. A file is
therefore read here first, as bytes, and refused unless it is self-contained and plain.
"""

import mmap
from collections import Counter
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from trus.errors import ModelFileError
from trus.inference.wire import Reader, Value, WireError, numbers, text, view

MAX_BYTES = 2**31 - 1
"""The largest protobuf message."""
MAX_DOCUMENT = 1 << 20
"""Bytes of all metadata together; real files have some 3,000."""
_BYTES_OF_TYPE = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""By TensorProto.DataType: the number types; no strings, no complex numbers."""
_PLAIN_DOMAINS = ("", "ai.onnx")
_EMPTY = memoryview(b"")
_FLOAT = 1


@dataclass(frozen=True)
class Port:
    """An input or output: its TensorProto.DataType and its sizes, None where they are dynamic."""

    kind: int
    sizes: tuple[int | None, ...]


@dataclass
class GraphFile:
    """`size` in bytes; the metadata entries by key; how often each operator is used; numbers of the weights by
    TensorProto.DataType; inputs and outputs by name."""

    size: int
    entries: dict[str, str] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    weights: Counter[int] = field(default_factory=Counter)
    inputs: dict[str, Port] = field(default_factory=dict)
    outputs: dict[str, Port] = field(default_factory=dict)
    opset: int = 0


def read_graph_file(path: Path) -> GraphFile:
    """Look through an .onnx file; takes some 0.1 s, whatever its size.

    Raises ModelFileError for a file that is no ONNX model, is cut short, names another file (external data), has
    operators of its own (custom domains, functions, sub-graphs), tensors whose sizes do not fit their data, or
    metadata above a MiB. Nothing is executed and no other file is opened.
    """
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ModelFileError(f"{path}: is no readable ONNX file, or was cut short ({size} bytes)")
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # unmapped with the last view of it
    return _Scan(path, size).model(memoryview(content))


def check_graph(content: bytes, origin: Path) -> GraphFile:
    """As `read_graph_file`, of a file that is about to be written."""
    return _Scan(origin, len(content)).model(memoryview(content))


def check_ports(graph: GraphFile, input_shape: tuple[int, int, int], classes: int, origin: Path) -> None:
    """The graph must be image float32 (N, C, H, W) -> probabilities and logits float32 (N, K, H, W), N dynamic.

    `input_shape` is (C, H, W) and `classes` K of the file's metadata. Raises ModelFileError.
    """
    planes = Port(_FLOAT, (None, classes, *input_shape[1:]))
    for verb, found, wanted in (
        ("takes", graph.inputs, {"image": Port(_FLOAT, (None, *input_shape))}),
        ("gives", graph.outputs, {"probabilities": planes, "logits": planes}),
    ):
        if found != wanted:
            raise ModelFileError(
                f"{origin}: its graph {verb} {_say(found)}; by its metadata it {verb} {_say(wanted)}; export it again"
            )


def _say(ports: dict[str, Port]) -> str:
    shown = [f"{name[:40]} {_said(port)}" for name, port in sorted(ports.items())[:4]]
    return ", ".join(shown) or "nothing"


def _said(port: Port) -> str:
    sizes = ", ".join("N" if size is None else str(size) for size in port.sizes[:8])
    return f"{'float32' if port.kind == _FLOAT else f'type {port.kind}'} ({sizes})"


class _Scan:
    """One pass over a ModelProto; field numbers are those of onnx.proto."""

    def __init__(self, path: Path, size: int):
        self.path = path
        self.found = GraphFile(size)
        self._reader = Reader()
        self._said = 0

    def model(self, whole: memoryview) -> GraphFile:
        try:
            graphs = [view(value) for number, value in self._reader.fields(whole) if self._outer(number, value)]
            for graph in graphs:
                self._graph(graph)
        except WireError as error:
            raise ModelFileError(f"{self.path}: is no readable ONNX file, or was cut short ({error})") from None
        if not self.found.operators:
            raise ModelFileError(f"{self.path}: is no readable ONNX file, or was cut short (it holds no graph)")
        return self.found

    def _outer(self, number: int, value: Value) -> bool:
        """Take in a field beside the graph; True for the graph itself."""
        if number == 8:
            self._opset(view(value))
        elif number == 14:
            self._entry(view(value))
        elif number in (20, 25):
            self._refuse("functions or training graphs of its own")
        return number == 7

    def _opset(self, message: memoryview) -> None:
        fields = dict(self._reader.fields(message))
        domain = text(fields.get(1, _EMPTY))
        if domain not in _PLAIN_DOMAINS:
            self._refuse(f"operators of the domain {domain[:60]!r}")
        self.found.opset = int(numbers(fields.get(2, 0))[0])

    def _entry(self, message: memoryview) -> None:
        self._said += len(message)
        if self._said > MAX_DOCUMENT:
            self._refuse(f"{self._said:,} bytes of metadata, above {MAX_DOCUMENT:,},")
        fields = dict(self._reader.fields(message))
        key, value = (text(fields.get(number, _EMPTY), MAX_DOCUMENT) for number in (1, 2))
        if key in self.found.entries:
            self._refuse(f"the metadata entry {key[:60]!r} twice")
        self.found.entries[key] = value

    def _graph(self, graph: memoryview) -> None:
        for number, value in self._reader.fields(graph):
            if number == 1:
                self._node(view(value))
            elif number == 5:
                self._tensor(view(value))
            elif number == 11:
                self.found.inputs |= self._port(view(value))
            elif number == 12:
                self.found.outputs |= self._port(view(value))
            elif number == 15:
                self._refuse("sparse tensors")

    def _port(self, message: memoryview) -> dict[str, Port]:
        fields = dict(self._reader.fields(message))
        tensor = self._inner(self._inner(fields, 2), 1)
        shape = view(tensor.get(2, _EMPTY))
        sizes = [self._size(view(value)) for number, value in self._reader.fields(shape) if number == 1]
        return {text(fields.get(1, _EMPTY)): Port(int(numbers(tensor.get(1, 0))[0]), tuple(sizes))}

    def _inner(self, fields: dict[int, Value], number: int) -> dict[int, Value]:
        return dict(self._reader.fields(view(fields.get(number, _EMPTY))))

    def _size(self, dimension: memoryview) -> int | None:
        value = dict(self._reader.fields(dimension)).get(1)
        return None if value is None else numbers(value)[0]

    def _node(self, node: memoryview) -> None:
        operator = ""
        for number, value in self._reader.fields(node):
            if number == 4:
                operator = text(value)
            elif number == 5:
                self._attribute(view(value))
            elif number == 7 and text(value) not in _PLAIN_DOMAINS:
                self._refuse(f"operators of the domain {text(value)[:60]!r}")
        self.found.operators[operator] += 1

    def _attribute(self, attribute: memoryview) -> None:
        for number, value in self._reader.fields(attribute):
            if number in (6, 11):
                self._refuse("graphs within its graph (loops or branches)")
            elif number in (22, 23):
                self._refuse("sparse tensors")
            elif number in (5, 10):
                self._tensor(view(value))

    def _tensor(self, tensor: memoryview) -> None:
        sizes: list[int] = []
        kind = listed = 0
        raw: int | None = None
        for number, value in self._reader.fields(tensor):
            if number == 1:
                sizes += numbers(value)
            elif number == 2:
                kind = int(numbers(value)[0])
            elif number == 9:
                raw = len(view(value))
            elif number in (4, 5, 7, 10, 11):
                listed += 8 if isinstance(value, int) else len(value)
            elif number == 13 or (number == 14 and value != 0):
                self._refuse("weights in another file (external data)")
        self._check_tensor(sizes, kind, raw, listed)

    def _check_tensor(self, sizes: list[int], kind: int, raw: int | None, listed: int) -> None:
        if kind not in _BYTES_OF_TYPE:
            self._refuse(f"a tensor of the type {kind}, which is no number,")
        count = prod(sizes) if len(sizes) <= 16 and min(sizes, default=0) >= 0 else -1
        # a list of small whole numbers takes a byte each; raw data takes what its type does
        fits = count <= listed if raw is None else count * _BYTES_OF_TYPE[kind] == raw
        if count < 0 or not fits:
            self._refuse(f"a tensor of the size {sizes[:16]} with {listed if raw is None else raw:,} bytes of data")
        self.found.weights[kind] += count

    def _refuse(self, what: str) -> None:
        raise ModelFileError(
            f"{self.path}: holds {what} and is refused: a model file of trus is one plain, self-contained network"
        )
