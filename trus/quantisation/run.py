"""`trus quantize`: calibrate, leave out what is sensitive, measure, and write only what passes."""

import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

import trus
from trus.cores import available_cores
from trus.errors import ModelFileError
from trus.evaluation.evaluate import Evaluation, evaluate
from trus.files import atomic_path, hash_file
from trus.inference.metadata import Interval, ModelMetadata, Quantisation, Score
from trus.inference.predictor import METADATA_KEY, NetworkPredictor, open_predictor, open_session, read_model_file
from trus.quantisation.frames import Parts, find_parts, preprocess
from trus.quantisation.graph import Quantiser, with_document
from trus.quantisation.measure import DiceLoss, Speed, compare_speed, dice_loss, logits_of, verdict
from trus.quantisation.search import Search, Variant

METHOD = "static INT8, QDQ; activations uint8 a tensor, weights int8 in 7 bits a channel; MinMax ranges"
TRIED_FRAMES = 8
"""Calibration frames on which the layers to leave out are judged."""


@dataclass(frozen=True)
class Outcome:
    """What was measured; `written` is None, and `reasons` say why, where the quantised network did not pass."""

    written: Path | None
    reasons: list[str]
    variant: Variant
    layers: int
    loss: DiceLoss
    speed: Speed
    bytes_before: int
    bytes_after: int


def quantise_model(
    model_file: Path,
    manifest: Path,
    target: Path,
    split_file: Path | None = None,
    frames: int = 32,
    minutes: float = 10,
    say: Callable[[str], Any] = lambda line: None,
) -> Outcome:
    """Write `target`, an INT8 copy of a float model file, if it loses at most 0.005 Dice and is 1.3 times as fast.

    `frames` training frames calibrate; layers to leave out are searched for up to `minutes`; `say` is told what goes
    on. Raises ModelFileError for a file that cannot be quantised or does not fit manifest and split.
    """
    metadata = _float_metadata(model_file, target)
    parts = find_parts(model_file, metadata, manifest, split_file)
    chosen = parts.calibration(frames)
    say(f"calibrating on {len(chosen)} of {len(parts.training)} training frames")
    inputs = preprocess(chosen, metadata.preprocessor)
    with tempfile.TemporaryDirectory(prefix="trus-quantise-") as folder:
        quantiser = Quantiser(model_file, Path(folder), inputs)
        quantiser.measure_ranges()
        variant = _search(quantiser, model_file, inputs, metadata, minutes, say)
        document = _document(metadata, model_file, variant, quantiser, parts.hash(chosen), len(chosen))
        candidate = Path(folder) / "candidate.onnx"
        graph = quantiser.write(variant.operators, variant.left_out)
        _save(candidate, graph, document)
        say(f"measuring on {len(parts.validation)} validation frames")
        loss, speed, score = _measure(model_file, candidate, parts, inputs[0])
        reasons = verdict(loss, speed)
        outcome = Outcome(
            None if reasons else target, reasons, variant, len(quantiser.layers) + 1, loss, speed,
            model_file.stat().st_size, candidate.stat().st_size,
        )  # fmt: skip
        if outcome.written:
            _save(outcome.written, graph, _measured(document, loss, speed, score))
    return outcome


def _float_metadata(model_file: Path, target: Path) -> ModelMetadata:
    if not model_file.is_file() or model_file.suffix != ".onnx" or target.suffix != ".onnx":
        given = target if model_file.is_file() and model_file.suffix == ".onnx" else model_file
        raise ModelFileError(f"{given}: quantisation reads an .onnx model file and writes another")
    if target.resolve() == model_file.resolve():
        raise ModelFileError(f"{target}: is the float model itself; choose another file (-o)")
    metadata, graph = read_model_file(model_file)
    if metadata.quantisation or graph.operators["DequantizeLinear"]:
        raise ModelFileError(f"{model_file}: is quantised already; give the float model file")
    return metadata


def _search(
    quantiser: Quantiser,
    model_file: Path,
    inputs: list[np.ndarray],
    metadata: ModelMetadata,
    minutes: float,
    say: Callable[[str], Any],
) -> Variant:
    tried = inputs[:: max(1, len(inputs) // TRIED_FRAMES)][:TRIED_FRAMES]
    odds = np.clip(metadata.thresholds, 1e-6, 1 - 1e-6)
    reference = logits_of(open_session(model_file), tried)

    def tell(variant: Variant) -> None:
        without = f" without {len(variant.left_out)}" if variant.left_out else ""
        say(
            f"  {variant.operators}{without}: masks differ by {variant.distance.masks:.4f} (1 - Dice to the original's)"
        )

    limits = np.log(odds / (1 - odds)).astype(np.float32)
    return Search(quantiser, tried, reference, limits, 60 * minutes, tell).run()


def _measure(
    model_file: Path, candidate: Path, parts: Parts, frame: np.ndarray
) -> tuple[DiceLoss, Speed, Score | None]:
    before, after = open_predictor(model_file), open_predictor(candidate)
    first, second = (evaluate(predictor, parts.validation, parts.classes) for predictor in (before, after))
    speed = compare_speed(open_session(model_file), open_session(candidate), frame)
    return dice_loss(first, second), speed, _score(second, after)


def _score(evaluation: Evaluation, predictor: NetworkPredictor) -> Score | None:
    """The INT8 network's own; with a chosen operating point it would mean something else than in other files."""
    if predictor.metadata.operating_point:
        return None
    return Score(part="validation", grouped=evaluation.grouped, **evaluation.iou().to_dict())


def _document(
    metadata: ModelMetadata, source: Path, variant: Variant, quantiser: Quantiser, frames_hash: str, frames: int
) -> ModelMetadata:
    """The document before anything was measured on validation frames."""
    nothing = Interval(value=None, low=None, high=None, frames=0, patients=0)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    quantisation = Quantisation(
        method=METHOD,
        source_sha256=hash_file(source),
        created=now,
        trus_version=trus.__version__,
        onnxruntime_version=ort.__version__,
        calibration_frames=frames,
        calibration_hash=frames_hash,
        operators=variant.operators,
        layers=len(quantiser.layers) + 1,
        left_out=list(variant.left_out),
        logits_rms=variant.distance.logits,
        masks_distance=variant.distance.masks,
        dice_before=nothing,
        dice_after=nothing,
        dice_loss=nothing,
        speed_up=0,
        seconds_before=0,
        seconds_after=0,
        threads=available_cores(),
        processor=processor(),
    )
    return metadata.model_copy(
        update={"name": f"{metadata.name}-int8", "created": now, "quantisation": quantisation, "score": None}
    )


def _measured(document: ModelMetadata, loss: DiceLoss, speed: Speed, score: Score | None) -> ModelMetadata:
    assert document.quantisation is not None
    found = {f"dice_{name}": Interval(**getattr(loss, name).to_dict()) for name in ("before", "after", "loss")}
    times = {"speed_up": speed.ratio, "seconds_before": speed.before, "seconds_after": speed.after}
    quantisation = document.quantisation.model_copy(update=found | times)
    return document.model_copy(update={"quantisation": quantisation, "score": score})


def _save(target: Path, graph: Path, document: ModelMetadata) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(with_document(graph, {METADATA_KEY: document.model_dump_json()}, document.statement))
        read_model_file(temporary)  # what would be refused must not take an old file's place


def processor() -> str:
    """The processor's name, and whether it multiplies 8-bit integers in one step (VNNI), as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    told = {key.strip(): value.strip() for key, value in known.items()}
    vnni = "VNNI" if "vnni" in told.get("flags", "") else "no VNNI"
    return f"{told.get('model name', platform.machine())}, {vnni}"
