"""What the routes share: the models, their engines, limits and counters."""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import Depends
from starlette.requests import Request

from trus.inference.ensemble import open_models
from trus.inference.predictor import Predictor
from trus.serving.decoding.decoder import Decoder
from trus.serving.engine import Engine
from trus.serving.guards.access import Entrance
from trus.serving.jobs.store import Jobs
from trus.serving.memory import Memory, Share
from trus.serving.metrics import Metrics
from trus.serving.problems import Problem, shutting_down
from trus.serving.settings import ServeSettings

Source = tuple[str | None, Path | Predictor]
"""A model's name (None: its metadata's name) and its file, or a predictor that is open already."""

WARM_UP_S = 600.0


@dataclass(frozen=True)
class ServedModel:
    """A model by the name under which it is asked for."""

    name: str
    path: Path
    predictor: Predictor
    engine: Engine


class Service:
    """Everything a route needs, by `get_service`. `models` is in the order given; the first is the default.

    `entrance` is a way in beside the token, `on_stop` what else is to be closed in the end: for what is built upon it.
    Not ready before `start` has loaded and warmed all models, nor once `drain` was called.
    """

    def __init__(self, sources: Iterable[Source], settings: ServeSettings):
        self.settings = settings
        self.metrics = Metrics()
        self.models: dict[str, ServedModel] = {}
        self.memory = Memory(settings.max_memory)
        self.metrics.memory.set_function(lambda: self.memory.held)
        self.decoder = Decoder(settings)
        self.jobs = Jobs(self.decoder, self.memory, settings, lambda model: self.metrics.frames.labels(model).inc())
        self.draining = False
        self.in_flight = 0
        self.metrics.in_flight.set_function(lambda: self.in_flight)
        self.entrance: Entrance | None = None
        self.on_stop: list[Callable[[], None]] = []
        self._sources = list(sources)
        self._started = False
        self._adding = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """All models loaded and warmed, and not draining."""
        return self._started and not self.draining

    @property
    def busy(self) -> bool:
        """Something that was taken is not yet answered."""
        return self.in_flight > 0

    def check_ready(self) -> None:
        """Raises Problem 503 where it is not ready."""
        if self.draining:
            raise shutting_down()
        self._check_started()

    def model(self, name: str | None = None) -> ServedModel:
        """The model of that name, without one the first. Raises Problem 404, and 503 while models are loading."""
        self._check_started()
        if not self.models:
            raise Problem(404, "No model", "this service has no model as yet", "no-model")
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            known = ", ".join(self.models)
            raise Problem(404, "No such model", f"there is no model of that name; there are: {known}", "no-such-model")
        return self.models[name]

    def _check_started(self) -> None:
        if not self._started:
            raise Problem(503, "Not ready", "the models are still loading", "not-ready", {"Retry-After": "2"})

    async def start(self) -> None:
        """Load and warm every model, and the decoder meanwhile. Raises ModelFileError."""
        self.decoder.start()
        for name, source in self._sources:
            await self.add(source, name)
        await self.decoder.ready()
        self._started = True

    async def add(self, source: Path | Predictor, name: str | None = None) -> ServedModel:
        """Load and warm a model, and serve it beside the others. Raises ModelFileError; all is then as before."""
        async with self._adding:  # one at a time: each takes its name and much memory
            predictor = await asyncio.to_thread(_open, source, self.settings.threads)
            model = self._prepare(name, predictor)
            try:
                await model.engine.run(_warm_up, WARM_UP_S)
            except BaseException:
                model.engine.close()
                raise
            self.models[model.name] = model
            self.metrics.queue.labels(model.name).set_function(lambda: model.engine.depth)
            return model

    def drain(self) -> None:
        """Take no new work; what was taken is finished, jobs are cancelled."""
        self.draining = True
        self.jobs.stop()

    async def stop(self) -> None:
        """Close the engines and the decoder."""
        self.drain()
        for model in self.models.values():
            model.engine.close()
        for close in self.on_stop:
            close()
        self.decoder.close()

    def _prepare(self, name: str | None, predictor: Predictor) -> ServedModel:
        wanted = {given for given, _ in self._sources if given}
        name = name or _unique(_plain(predictor.metadata.name) or _plain(predictor.path.stem), {*self.models, *wanted})
        inference = self.metrics.inference.labels(name)
        engine = Engine(predictor, self.settings.queue, self.settings.timeout_s, inference.observe)
        return ServedModel(name, predictor.path, predictor, engine)


def get_service(request: Request) -> Service:
    """The application's service."""
    return request.app.state.service


Here = Annotated[Service, Depends(get_service)]
"""The type of a route's parameter that is the service."""


def held_of(request: Request) -> Share:
    """What is held of a request until it is answered, beside its files."""
    return request.scope["held"]


def _open(source: Path | Predictor, threads: int | None) -> Predictor:
    predictor = source if isinstance(source, Predictor) else open_models([source], threads)
    _ = predictor.model_hash  # every answer names it, and a large file takes a moment
    return predictor


def _warm_up(predictor: Predictor, _cancelled: object) -> None:
    """A pass at the network's own size."""
    height, width = predictor.metadata.input_shape[1:]
    predictor.predict(np.zeros((height, width), np.uint8))


def _plain(name: str) -> str:
    """The name as it can stand in an address."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


def _unique(name: str, taken: set[str]) -> str:
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (name, *numbered) if candidate not in taken)
