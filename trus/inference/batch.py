"""Many frames to masks, overlays and a table: resumable, and one bad file does not stop the rest."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from trus.data.images import read_frame, write_image
from trus.errors import ImageError, TrusError
from trus.files import hash_file, write_json, write_text
from trus.inference.inputs import Input
from trus.inference.overlay import draw_overlay
from trus.inference.predictor import Predictor
from trus.inference.record import COLUMNS, describe


@dataclass(frozen=True)
class BatchResult:
    """What a batch did: frames segmented now, taken over from an earlier run, and failures as (input, reason)."""

    done: int
    resumed: int
    failed: list[tuple[Path, str]]
    table: Path


def predict_batch(
    predictor: Predictor,
    inputs: list[Input],
    out: Path,
    jobs: int = 1,
    progress: Callable[[], Any] = lambda: None,
) -> BatchResult:
    """Write masks/, overlays/, records/ (JSON a frame), predictions.csv and predictions.json below `out`.

    A frame whose record shows the same content, model and thresholds is not computed again. `jobs` frames are in
    work at a time; `progress` is called after each. Raises ImageError when `out` holds somebody else's masks.
    """
    _check_out(out)
    records: dict[str, dict[str, Any]] = {}
    failed: list[tuple[Path, str]] = []
    resumed = 0
    for item, outcome in _in_parallel(lambda item: _predict_one(predictor, item, out), inputs, jobs):
        progress()
        if isinstance(outcome, str):
            failed.append((item.path, outcome))
            continue
        record, was_there = outcome
        records[item.name] = record
        resumed += was_there
    ordered = [records[item.name] for item in inputs if item.name in records]
    write_json(out / "predictions.json", {"statement": predictor.metadata.statement, "frames": ordered})
    table = _write_table(out / "predictions.csv", ordered)
    return BatchResult(len(ordered) - resumed, resumed, sorted(failed), table)


def _check_out(out: Path) -> None:
    """Never write over masks that are no predictions, such as the reference masks of a data set."""
    if (out / "masks").exists() and not (out / "records").is_dir():
        raise ImageError(f"{out / 'masks'}: was not written by trus predict; choose another output folder (-o)")
    (out / "records").mkdir(parents=True, exist_ok=True)


def _in_parallel(work: Callable[[Input], Any], inputs: Iterable[Input], jobs: int) -> Iterator[tuple[Input, Any]]:
    """Yield (input, result) as they finish, with at most 2 x jobs frames waiting."""
    remaining = iter(inputs)
    with ThreadPoolExecutor(jobs) as pool:
        running: dict[Future[Any], Input] = {}
        try:
            while True:
                running |= {pool.submit(work, item): item for item in islice(remaining, 2 * jobs - len(running))}
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _predict_one(predictor: Predictor, item: Input, out: Path) -> tuple[dict[str, Any], bool] | str:
    try:
        identity = _identity(predictor, item)
        earlier = _earlier(out, item.name, identity)
        if earlier is not None:
            return earlier, True
        image = read_frame(item.path)
        prediction = predictor.predict(image, item.region, item.spacing)
        write_image(out / "masks" / f"{item.name}.png", prediction.labels)
        planes = predictor.classes.planes(prediction.labels)
        write_image(out / "overlays" / f"{item.name}.png", draw_overlay(image, planes))
        record = identity | describe(prediction, predictor.classes, predictor.thresholds, item.spacing)
        write_json(out / "records" / f"{item.name}.json", record)  # last: it marks the frame as done
        return record, False
    except TrusError as error:
        return str(error) if str(item.path) in str(error) else f"{item.path}: {error}"
    except OSError as error:
        return f"{item.path}: cannot be read or its results cannot be written ({error})"
    except Exception as error:  # noqa: BLE001 - whatever a frame makes ONNX Runtime or OpenCV raise, the rest goes on
        return f"{item.path}: cannot be segmented ({type(error).__name__}: {error})"


def _identity(predictor: Predictor, item: Input) -> dict[str, Any]:
    if not item.path.is_file():
        raise ImageError(f"{item.path}: no such file")
    return {
        "name": item.name,
        "input": str(item.path),
        "input_sha256": hash_file(item.path),
        **predictor.settings,
        "region": list(item.region) if item.region else None,
        "spacing_mm": list(item.spacing) if item.spacing else None,
    }


def _earlier(out: Path, name: str, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The record of an earlier run of the same work whose pictures are still there."""
    try:
        record = json.loads((out / "records" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict):
        return None
    same = all(record.get(key) == value for key, value in identity.items() if key != "input")
    complete = all((out / folder / f"{name}.png").exists() for folder in ("masks", "overlays"))
    return record | {"input": identity["input"]} if same and complete else None


def _write_table(path: Path, records: list[dict[str, Any]]) -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in records:
        box = ("x0", "y0", "x1", "y1")
        for entry in record["classes"]:
            corners = dict(zip(box, entry["bounding_box"] or [""] * 4, strict=True))
            writer.writerow({**record, **entry, **corners})
    write_text(path, text.getvalue())
    return path
