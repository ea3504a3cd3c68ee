import asyncio
import threading

import pytest

from trus.errors import ImageError
from trus.inference.predictor import open_predictor
from trus.serving.engine import Engine
from trus.serving.problems import Problem


@pytest.fixture
def make_engine(tiny_model):
    engines = []

    def make(**settings) -> Engine:
        engines.append(Engine(open_predictor(tiny_model.onnx, 1), **settings))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


class Held:
    """A work that stays in hand until it is released."""

    def __init__(self):
        self.begun, self.released, self.cancelled = threading.Event(), threading.Event(), None

    def __call__(self, predictor, cancelled):
        self.begun.set()
        self.released.wait(20)
        self.cancelled = cancelled()
        return "held"


async def begin(engine: Engine, work) -> asyncio.Task:
    task = asyncio.create_task(engine.run(work))
    await asyncio.to_thread(work.begun.wait, 20)
    return task


def test_works_run_one_at_a_time_in_the_order_in_which_they_came(make_engine, run):
    async def scenario():
        engine, held, seen = make_engine(queue=4), Held(), []
        first = await begin(engine, held)
        others = [asyncio.create_task(engine.run(lambda p, c, i=i: seen.append(i) or i)) for i in range(3)]
        await asyncio.sleep(0)
        depth = engine.depth
        held.released.set()
        return await asyncio.gather(first, *others), seen, depth

    assert run(scenario()) == (["held", 0, 1, 2], [0, 1, 2], 4)


def test_a_work_gets_the_model_in_a_thread_of_its_own(make_engine, run):
    engine = make_engine()
    name, thread = run(engine.run(lambda predictor, cancelled: (predictor.metadata.name, threading.current_thread())))

    assert name == "tiny"
    assert thread is not threading.main_thread()


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(make_engine, run):
    async def scenario():
        engine, held = make_engine(queue=2), Held()
        first = await begin(engine, held)
        engine.mean_seconds = 2.4
        second = asyncio.create_task(engine.run(lambda p, c: "second"))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await engine.run(lambda p, c: "third")
        held.released.set()
        return refused.value, await first, await second

    problem, *answers = run(scenario())

    assert (problem.status, problem.headers) == (429, {"Retry-After": "5"})
    assert answers == ["held", "second"]


def test_a_queue_of_one_takes_one_work(make_engine, run):
    assert run(make_engine(queue=1).run(lambda p, c: 1)) == 1


def test_a_waiting_work_that_timed_out_is_never_done(make_engine, run):
    async def scenario():
        engine, held, done = make_engine(), Held(), []
        first = await begin(engine, held)
        with pytest.raises(Problem) as late:
            await engine.run(lambda p, c: done.append(1), timeout_s=0.01)
        depth = engine.depth
        held.released.set()
        await first
        await engine.run(lambda p, c: None)
        return late.value.status, depth, done

    assert run(scenario()) == (504, 1, [])


def test_a_work_in_hand_that_timed_out_is_told_so_and_the_next_is_done(make_engine, run):
    async def scenario():
        engine, held = make_engine(), Held()
        with pytest.raises(Problem) as late:
            await engine.run(held, timeout_s=0.05)
        held.released.set()
        return late.value.status, await engine.run(lambda p, c: c()), held.cancelled

    assert run(scenario()) == (504, False, True)


def test_a_cancelled_request_leaves_the_queue(make_engine, run):
    async def scenario():
        engine, held = make_engine(), Held()
        first = await begin(engine, held)
        second = asyncio.create_task(engine.run(lambda p, c: None))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        depth = engine.depth
        held.released.set()
        await first
        return depth

    assert run(scenario()) == 1


def test_a_work_that_fails_fails_for_its_own_request_only(make_engine, run):
    def fail(predictor, cancelled):
        raise ImageError("too dark")

    async def scenario():
        engine = make_engine()
        with pytest.raises(ImageError, match="too dark"):
            await engine.run(fail)
        return await engine.run(lambda p, c: "next")

    assert run(scenario()) == "next"


def test_a_closed_engine_refuses_what_waits_and_what_comes(make_engine, run):
    async def scenario():
        engine, held = make_engine(), Held()
        first = await begin(engine, held)
        second = asyncio.create_task(engine.run(lambda p, c: "second"))
        await asyncio.sleep(0)
        engine.close()
        held.released.set()
        with pytest.raises(Problem) as waiting:
            await second
        with pytest.raises(Problem) as coming:
            await engine.run(lambda p, c: "third")
        return await first, held.cancelled, waiting.value.status, coming.value.status

    assert run(scenario()) == ("held", True, 503, 503)


def test_seconds_are_observed_and_averaged(make_engine, run):
    seconds = []
    engine = make_engine(observe=seconds.append)

    async def scenario():
        await engine.run(lambda p, c: None)
        await engine.run(lambda p, c: None)

    run(scenario())

    assert len(seconds) == 2
    assert min(seconds) <= engine.mean_seconds <= max(seconds)
