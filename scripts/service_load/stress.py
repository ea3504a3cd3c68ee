"""Figures of a service in hard times: overload, the end of its process, and its beginning."""

import os
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service_load.client import LOST, REFUSED, Answer, Client, frame_png, segment_expecting
from service_load.figure import Figure, milliseconds, percentile
from service_load.machine import Shares
from service_load.made_models import convolutions, write
from service_load.server import Server

QUEUE = 8
OVERLOAD = 10
FRAME = (240, 320)


def overload(folder: Path, seconds: float) -> Figure:
    """Requests that come ten times as fast as they can be served, whether or not the earlier ones are answered."""
    path = write(convolutions((1, 256, 256), width=128, depth=24), folder / "convolutions.onnx")
    png = frame_png(1, FRAME)
    with Server([path], ["--queue", str(QUEUE)]) as server:
        client = Client(server.host, server.port)
        client.segment(png)
        alone = statistics.median(client.segment(png).seconds for _ in range(7))
        shares, begun = Shares(server), time.monotonic()
        arrivals = _arrivals(partial(_ask_once, server, png), alone / OVERLOAD, seconds)
        duration, taken = time.monotonic() - begun, shares.taken()
        alive = client.segment(png).status == 200
    statuses = Counter(arrival.answer.status for arrival in arrivals)
    served = [arrival for arrival in arrivals if arrival.answer.status == 200]
    refused = [arrival.answer for arrival in arrivals if arrival.answer.status == 429]
    each = duration / max(1, len(served))
    value, passed = percentile(_seconds(served) or [0], 95), percentile(_passed(served) or [0], 95)
    told = all(answer.retry_after for answer in refused)
    longest = QUEUE * each  # the one in work is among them
    met = {*statuses} <= {200, 429} and bool(served) and value <= longest and told and alive
    details = {
        "answers": dict(statuses),
        "offered": f"{len(arrivals) / duration:.0f} a second, {len(arrivals) / max(1, len(served)):.1f} x the served",
        "one request alone": f"{1000 * alone:.0f} ms; one served under load: {1000 * each:.0f} ms",
        "answers given while one waits, with its own, p95": f"{passed:g}",
        "served within": milliseconds(_seconds(served) or [0]),
        "refused within": milliseconds([answer.seconds for answer in refused] or [0]),
        "every 429 has Retry-After": told,
        "started later than planned": milliseconds([arrival.late for arrival in arrivals]),
        "shares of the cores": taken,
    }
    goal = f"at most {longest:.2f} s, queue x service time; only 2xx and 429"
    return Figure("overload at 10 times capacity, p95", round(value, 2), "s", goal, met, details)


def sigterm(folder: Path, rounds: int) -> Figure:
    """SIGTERM at a random moment under load: whoever was told `100 Continue` must get a full answer."""
    path = write(convolutions((1, 128, 128), width=64, depth=8), folder / "convolutions.onnx")
    exits, statuses, codes = [], Counter[int](), Counter[int]()
    for number in range(rounds):
        seconds, code, answers = _end_under_load(path, random.Random(number).uniform(0.2, 1.0))
        exits.append(seconds)
        codes[code] += 1
        statuses.update(answer.status for answer in answers)
    lost = statuses[LOST]
    met = not lost and max(exits) < 30 and {*statuses} <= {200, 429, 503, REFUSED, LOST} and {*codes} == {0}
    details = {
        "answers": {_NAMES.get(status, str(status)): count for status, count in statuses.items()},
        "exit after SIGTERM": f"median {statistics.median(exits):.1f}, max {max(exits):.1f} s, goal 30 s",
        "exit codes": dict(codes),
    }
    name = f"SIGTERM under load, {rounds} times: accepted requests lost"
    return Figure(name, lost, "requests", "none, exit within 30 s", met, details)


_NAMES = {LOST: "lost", REFUSED: "not accepted (connection refused or closed)"}


def start(model: Path, rounds: int) -> Figure:
    """From the command to the first 200 of /readyz, the model file not in the page cache."""
    times, computed, taken = [], [], []
    for _ in range(rounds):
        _forget(model)
        shares = Shares()
        with Server([model]) as shares.server:
            times.append(time.monotonic() - shares.server.begun)
            computed.append(shares.server.cpu_seconds())
            taken.append(shares.taken())
    value = statistics.median(times)
    details = {
        "each": ", ".join(f"{seconds:.1f} s" for seconds in times),
        "model": f"{model.name}, {model.stat().st_size / 2**20:.0f} MiB",
        "processor time of the service": f"median {statistics.median(computed):.1f} s",
        "shares of the cores": taken,
    }
    return Figure("cold start to ready", round(value, 1), "s", "under 10 s", value < 10, details)


def _ask_once(server: Server, png: bytes) -> Answer:
    client = Client(server.host, server.port)
    try:
        return client.segment(png)
    finally:
        client.close()


@dataclass(frozen=True)
class _Arrival:
    """When a request was sent and answered, and how much later than planned it was sent, in seconds."""

    answer: Answer
    sent: float
    done: float
    late: float


def _arrivals(ask: Callable[[], Answer], interval: float, seconds: float) -> list[_Arrival]:
    """Requests at a fixed rate, whatever becomes of the earlier ones."""
    begun = time.monotonic()

    def timed(due: float) -> _Arrival:
        sent = time.monotonic()
        answer = ask()
        return _Arrival(answer, sent, time.monotonic(), sent - due)

    with ThreadPoolExecutor(100) as pool:
        futures = []
        for number in range(int(seconds / interval)):
            due = begun + number * interval
            time.sleep(max(0.0, due - time.monotonic()))
            futures.append(pool.submit(timed, due))
        return [future.result() for future in futures]


def _seconds(served: list[_Arrival]) -> list[float]:
    return [arrival.answer.seconds for arrival in served]


def _passed(served: list[_Arrival]) -> list[int]:
    """How many were answered from the sending of each to its own answer: its place in the queue, however fast it moved.

    Seconds say less where the cores are shared with others, so that the service's speed changes from second to second.
    """
    return [sum(one.sent < other.done <= one.done for other in served) for one in served]


def _end_under_load(model: Path, after: float) -> tuple[float, int, list[Answer]]:
    """Seconds from SIGTERM to the exit, its code, and all answers, of six clients that never pause."""
    png, over = frame_png(1, FRAME), threading.Event()
    with Server([model], ["--queue", str(QUEUE)]) as server, ThreadPoolExecutor(6) as pool:
        client = Client(server.host, server.port)
        works = [partial(segment_expecting, server.host, server.port, png)] * 5 + [partial(client.segment, png)]
        clients = [pool.submit(_keep_asking, work, over) for work in works]
        time.sleep(after)
        server.terminate()
        begun = time.monotonic()
        try:
            code = server.process.wait(60)
        finally:
            over.set()
        seconds = time.monotonic() - begun
        return seconds, code, [answer for client in clients for answer in client.result()]


def _keep_asking(ask: Callable[[], Answer], over: threading.Event) -> list[Answer]:
    answers = []
    while not over.is_set():
        answers.append(ask())
        if answers[-1].status == REFUSED:
            over.wait(0.01)
    return answers


def _forget(path: Path) -> None:
    """Drop a file from the page cache, so that it is read from the disk again."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
