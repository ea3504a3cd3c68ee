"""What a model file is, in plain JSON types and in lines to read. Nothing of it is run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trus.files import hash_file
from trus.inference.appearance import Appearance
from trus.inference.appearance.measures import write
from trus.inference.graph_file import GraphFile
from trus.inference.metadata import Interval, ModelMetadata, OperatingPoint, Quantisation, Score
from trus.inference.postprocessing import Rule
from trus.inference.predictor import open_predictor, read_model_file
from trus.nested import flatten

_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64", 16: "bfloat16"}  # fmt: skip  # noqa: E501
Row = tuple[str, str]


def describe_model(path: Path) -> dict[str, Any]:
    """An .onnx model file, or a .ckpt where PyTorch is installed.

    `file`: name, bytes and hash; `graph`: operators, opset, weights by type (of an .onnx); `metadata`: the document.
    Raises ModelFileError.
    """
    path = Path(path)
    if path.is_file() and path.suffix == ".onnx":
        metadata, graph = read_model_file(path)
        held: dict[str, Any] | None = _graph(graph)
    else:
        metadata, held = open_predictor(path).metadata, None
    file = {"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
    return {"file": file, "graph": held, "metadata": metadata.model_dump(mode="json")}


def _graph(graph: GraphFile) -> dict[str, Any]:
    return {
        "opset": graph.opset,
        "operators": dict(graph.operators.most_common()),
        "weights": {_TYPES.get(kind, f"type {kind}"): count for kind, count in graph.weights.most_common()},
    }


def rows(description: dict[str, Any]) -> Iterator[Row]:
    """(what, text) of all that `trus inspect` prints; `what` is empty where a line goes on."""
    metadata = ModelMetadata.model_validate(description["metadata"])
    file, graph = description["file"], description["graph"]
    yield "file", f"{file['name']}, {file['bytes'] / 1e6:.1f} MB"
    yield "sha256", file["sha256"]
    yield "name", f"{metadata.name}, written {metadata.created} by trus {metadata.trus_version}"
    if graph:
        weights = ", ".join(f"{count:,} {kind}" for kind, count in graph["weights"].items())
        yield "graph", f"{sum(graph['operators'].values())} operators of opset {graph['opset']}; weights: {weights}"
    yield from _titled("network", flatten(metadata.training.config))
    yield "input", "float32 (N, {}, {}, {})".format(*metadata.input_shape)
    yield from _classes(metadata)
    yield from _titled("preprocessing", flatten(metadata.preprocessing))
    yield "score", say_score(metadata.score)
    yield "operating point", say_operating_point(metadata.operating_point)
    yield from _quantisation(metadata.quantisation)
    yield from _origin(metadata)
    yield from _titled("appearance", say_appearance(metadata.appearance))
    yield "statement", metadata.statement


def _classes(metadata: ModelMetadata) -> Iterator[Row]:
    classes = metadata.class_set
    title = "classes"
    for name, threshold in zip(classes.targets, metadata.thresholds, strict=True):
        inner = f", contains {', '.join(sorted(classes.inside(name)))}" if classes.inside(name) else ""
        rule = metadata.postprocessing.get(name, Rule())
        yield title, f"{classes.values[name]} {name}{inner}; threshold {threshold:g}; post-processing {rule}"
        title = ""


def _quantisation(done: Quantisation | None) -> Iterator[Row]:
    if done is None:
        yield "quantisation", "none"
        return
    yield "quantisation", done.method
    yield "", f"{done.operators}; {len(done.left_out)} of {done.layers} layers left in float beside the last one"
    yield "", f"validation Dice {say(done.dice_before)} before, {say(done.dice_after)} after"
    yield "", f"lost {say(done.dice_loss)}, {done.dice_loss.frames} frames"
    yield "", f"{done.speed_up:.2f} times as fast ({done.processor}, {done.threads} threads)"
    yield "", f"calibrated on {done.calibration_frames} training frames {done.calibration_hash}"
    yield "", f"made of {done.source_sha256}"


def _origin(metadata: ModelMetadata) -> Iterator[Row]:
    training, data = metadata.training, metadata.data
    dirty = " with uncommitted changes" if training.git_dirty else ""
    yield "run", f"{training.run_id or 'not tracked'}; git {training.git_commit or 'not known'}{dirty}"
    yield "", f"fold {training.fold}, seed {training.seed}, epoch {training.epoch}"
    yield "initial weights", f"{training.initial_weights}; licence: {training.initial_weights_licence}"
    yield "data", f"{data.frames} training frames, {say_patients(data.patients)}, {data.cropped} cropped"
    yield "", f"sources: {', '.join(data.sources)}; licences: {', '.join(data.licences)}"
    yield "data hash", training.data_hash
    yield "split hash", training.split_hash


def _titled(title: str, settings: dict[str, Any]) -> Iterator[Row]:
    for name, value in settings.items():
        yield title, f"{name}: {value}"
        title = ""


def say(interval: Interval | Score) -> str:
    """`0.440 (95 % 0.380 to 0.500)`, or what is missing."""
    if interval.value is None:
        return "not measured"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f} (no interval)"
    return f"{interval.value:.3f} (95 % {interval.low:.3f} to {interval.high:.3f})"


def say_score(score: Score | None) -> str:
    """The headline number with what it was measured on."""
    if score is None:
        return "none in this file; scripts/evaluate.py measures one"
    patients = say_patients(score.patients) if score.grouped else "patients not known: it may be too good"
    return f"{score.metric} {say(score)}, {score.part}, {score.frames} frames, {patients}"


def say_appearance(appearance: Appearance | None) -> dict[str, Any]:
    """What the training frames looked like: measure -> what 98 % of them lie within."""
    if appearance is None:
        return {"training frames": "unknown; no frame is warned of as unlike them"}
    ranges = {name: f"{write(name, each.low)} to {write(name, each.high)}" for name, each in appearance.ranges.items()}
    return {"measured on": f"{appearance.frames} training frames"} | ranges


def say_operating_point(point: OperatingPoint | None) -> str:
    """Where thresholds and post-processing come from."""
    if point is None:
        return "thresholds as set in training"
    taken = "; ".join(f"{name}: {', '.join(parts) or 'nothing'}" for name, parts in point.accepted.items())
    return f"chosen on out-of-fold predictions: {taken}; IoU {say(point.before)} before, {say(point.after)} after"


def say_patients(count: int) -> str:
    """`12 patients`, `patients not known`."""
    return f"{count} patients" if count else "patients not known"
