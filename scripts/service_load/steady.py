"""Figures of a service in its daily work: what it adds, what it lets through, what it keeps in memory."""

import io
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from service_load.client import Answer, Client, frame_png
from service_load.figure import Figure, milliseconds, percentile
from service_load.machine import Shares
from service_load.made_models import constant_model, write
from service_load.server import Server
from trus.inference.predictor import open_predictor

FRAME = (480, 640)
CLIENTS = 4


def overhead(folder: Path, rounds: int) -> Figure:
    """The time of a request less that of the predictor alone on the same decoded frame, in turns, a constant model."""
    path = write(constant_model((1, 256, 256)), folder / "constant.onnx")
    predictor, png = open_predictor(path), frame_png(1, FRAME)
    image = np.asarray(Image.open(io.BytesIO(png)))
    times: dict[str, list[float]] = {"application/json": [], "image/png": [], "alone": []}
    with Server([path]) as server:
        clients = {accept: Client(server.host, server.port, accept) for accept in ("application/json", "image/png")}
        for client in clients.values():
            _expect_success([client.segment(png) for _ in range(10)])
        shares = Shares(server)
        for _ in range(rounds):
            times["alone"].append(_seconds(lambda: predictor.predict(image)))
            for accept, client in clients.items():
                answer = client.segment(png)
                _expect_success([answer])
                times[accept].append(answer.seconds)
        taken = shares.taken()
    added = {
        accept: [service - alone for service, alone in zip(times[accept], times["alone"], strict=True)]
        for accept in clients
    }
    value = 1000 * percentile(added["application/json"], 95)
    details = {f"added, {accept}": milliseconds(values) for accept, values in added.items()}
    details |= {
        "predictor alone": milliseconds(times["alone"]),
        "requests": f"{rounds} of each, one at a time; frame {FRAME[1]}x{FRAME[0]} PNG of {len(png) // 1024} KiB",
        "shares of the cores": taken,
    }
    return Figure("added by the service to a request, p95", round(value, 1), "ms", "under 30 ms", value < 30, details)


def throughput(model: Path, rounds: int, frames: int) -> Figure:
    """Frames a second of four clients against the bare session on the same frames, preprocessed already, in turns."""
    predictor = open_predictor(model)
    pngs = [frame_png(number, FRAME) for number in range(frames)]
    arrays = [predictor.preprocessor(np.asarray(Image.open(io.BytesIO(png))))[0][None] for png in pngs]
    bare, served = [], []
    with Server([model]) as server:
        clients = [Client(server.host, server.port, "image/png") for _ in range(CLIENTS)]
        _all(clients, pngs[:CLIENTS])
        predictor.network(arrays[0])
        shares = Shares(server)
        for _ in range(rounds):
            bare.append(_seconds(lambda: [predictor.network(array) for array in arrays]))
            served.append(_seconds(lambda: _all(clients, pngs)))
        taken = shares.taken()
    ratios = [alone / service for alone, service in zip(bare, served, strict=True)]
    value = 100 * statistics.median(ratios)
    details = {
        "rounds": f"{rounds} of {frames} frames each way, ratios {', '.join(f'{ratio:.3f}' for ratio in ratios)}",
        "bare ONNX Runtime": f"{frames / statistics.median(bare):.2f} frames/s",
        "service, 4 clients": f"{frames / statistics.median(served):.2f} frames/s",
        "model": model.name,
        "shares of the cores, both ways together": taken,
    }
    name = "throughput with 4 clients against bare ONNX Runtime"
    return Figure(name, round(value, 1), "%", "at least 90 %", value >= 90, details)


def memory(folder: Path, requests: int, warm_up: int) -> Figure:
    """Memory of the service and of all its processes over many small requests, after the first ones."""
    path = write(constant_model((1, 64, 64)), folder / "small.onnx")
    pngs = [frame_png(number, (64 + number, 80)) for number in range(16)]
    with Server([path]) as server:
        clients = [Client(server.host, server.port) for _ in range(CLIENTS)]
        _all(clients, [pngs[number % 16] for number in range(warm_up)])
        found = [server.memory()]
        shares, begun = Shares(server), time.perf_counter()
        for _ in range(10):
            _all(clients, [pngs[number % 16] for number in range(requests // 10)])
            found.append(server.memory())
        seconds, taken = time.perf_counter() - begun, shares.taken()
    growth = {name: 100 * (found[-1][name] / found[0][name] - 1) for name in found[0]}
    value = max(growth.values())
    details = {
        "growth of": ", ".join(f"{name} {percent:+.1f} %" for name, percent in growth.items()),
        "MiB after warm-up and each tenth": "; ".join(
            f"{name} " + " ".join(f"{each[name]:.0f}" for each in found) for name in growth
        ),
        "requests": f"{requests} after {warm_up}, {CLIENTS} clients, {requests / seconds:.0f} a second",
        "shares of the cores": taken,
    }
    name = f"memory growth over {requests} small requests"
    return Figure(name, round(value, 1), "%", "under 5 %", value < 5, details)


def _all(clients: list[Client], pngs: list[bytes]) -> None:
    """Every frame once, each client one at a time. Stops the script where one is not answered with success."""
    waiting = iter(pngs)

    def work(client: Client) -> list[Answer]:
        return [client.segment(png) for png in waiting]

    with ThreadPoolExecutor(len(clients)) as pool:
        for answers in pool.map(work, clients):
            _expect_success(answers)


def _expect_success(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.status != 200:
            raise SystemExit(f"answered {answer.status}: {answer.body[:300]!r}")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
