"""One side of a benchmark in its process: `python -m trus.inference.bench.worker` MODEL BACKEND THREADS TARGET.

Opens the model, then answers each line on stdin with a line of JSON on stdout:
`frames PATH...` segments them one by one, `stream PATH...` as a clip; `memory` tells the peak in bytes.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.images import read_frame, write_image
from trus.errors import TrusError
from trus.inference.bench.figures import STAGES
from trus.inference.predictor import NetworkPredictor, open_predictor
from trus.inference.stream import Frame, predict_stream


def segment(predictor: NetworkPredictor, frame: Path, target: Path) -> dict[str, list[float]]:
    """Frame file -> mask file; for each of STAGES the seconds on the clock and those of all cores together."""
    marks = [_now()]
    image = read_frame(frame)
    marks.append(_now())
    array, geometry = predictor.prepare(image)
    marks.append(_now())
    planes = predictor.network(array[None])[0]
    marks.append(_now())
    prediction = predictor.decide(geometry.inverse_probabilities(planes))
    marks.append(_now())
    write_image(target, prediction.labels)
    marks.append(_now())
    return {stage: (after - before).tolist() for stage, (before, after) in zip(STAGES, pairwise(marks), strict=True)}


def _now() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def stream(predictor: NetworkPredictor, frames: list[Path], target: Path) -> float:
    """Seconds for all frames as one clip, a mask written for each."""
    start = time.perf_counter()
    for prediction in predict_stream(predictor, (Frame(read_frame(frame)) for frame in frames)):
        write_image(target, prediction.labels)
    return time.perf_counter() - start


def peak_memory() -> int:
    """The most bytes that this process ever held in memory."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024  # getrusage's also counts the parent before exec
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answers(model: Path, backend: str, threads: int, target: Path) -> Iterator[Any]:
    """One answer once the model is open, then one a request on stdin."""
    predictor = open_predictor(model, threads, None if backend == "pytorch" else backend)  # type: ignore[arg-type]
    yield {"backend": predictor.backend}
    for line in sys.stdin:
        request, *names = json.loads(line)
        paths = [Path(name) for name in names]
        if request == "frames":
            yield [segment(predictor, path, target) for path in paths]
        elif request == "stream":
            yield stream(predictor, paths, target)
        else:
            yield peak_memory()


def main() -> None:
    """Answers go to the stdout that this process was given; what libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "w", buffering=1) as channel:
        os.dup2(2, 1)
        model, backend, threads, target = sys.argv[1:]
        try:
            for answer in answers(Path(model), backend, int(threads), Path(target)):
                channel.write(json.dumps(answer) + "\n")
        except TrusError as error:
            channel.write(json.dumps({"error": str(error)}) + "\n")


if __name__ == "__main__":
    main()
