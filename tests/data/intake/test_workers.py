"""Crashes, hangs and the end of the parent, with real processes."""

import faulthandler
import itertools
import operator
import os
import signal
import subprocess
import sys
import time
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace

import pytest

from trus.data.intake.folders import Folders, prepare
from trus.data.intake.pseudonyms import Pseudonyms
from trus.data.intake.raw_files import PatientRule, RawFile
from trus.data.intake.settings import Settings
from trus.data.intake.tasks import Context, Look, Looked, Refusal
from trus.data.intake.workers import Crashed, Workers

FOREVER = partial(operator.contains, itertools.repeat(0))


def task(perform, seconds=60):
    """Something that a worker can be sent and that needs no module of the tests."""
    return SimpleNamespace(seconds=partial(int, seconds), perform=perform)


@pytest.fixture
def context(tmp_path):
    folders = Folders(tmp_path / "out", tmp_path / "private")
    prepare(folders)
    return Context(Settings(PatientRule("none")), Pseudonyms(b"k" * 32), folders)


def results(workers, tasks):
    """All results, in the order of the tasks."""
    waiting, found = [*tasks], []
    while waiting or workers.busy:
        while waiting and workers.free:
            workers.submit(waiting.pop(0))
        found += workers.finished()
    return [next(result for done, result in found if done is task) for task in tasks]


def test_a_crash_costs_its_own_task_alone(context, make_dicom, screen, tmp_path):
    looks = [
        Look(n, RawFile(make_dicom(tmp_path / f"{n}.dcm", [screen(n)], PatientID="1"), tmp_path)) for n in range(5)
    ]
    crash = SimpleNamespace(seconds=faulthandler._sigsegv)
    with Workers(2, context) as workers:
        found = results(workers, [*looks[:2], crash, *looks[2:], crash])
    assert [type(result) for result in found] == [Looked, Looked, Crashed, Looked, Looked, Looked, Crashed]


def test_a_decoder_that_hangs_is_ended(context):
    with Workers(1, context) as workers:
        (result,) = results(workers, [task(FOREVER, seconds=1)])
    assert isinstance(result, Crashed)


def test_of_an_unexpected_error_only_its_type_comes_back(context):
    with Workers(1, context) as workers:
        (result,) = results(workers, [task(partial(operator.truediv, 1))])
    assert result == Refusal("", "cannot be taken in (TypeError)")


def test_workers_print_nothing(context, capfd):
    with Workers(1, context) as workers:
        results(workers, [task(partial(print, "Ivanov")), task(print), task(faulthandler.dump_traceback)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux where a process writes to")
def test_the_fork_server_is_silent_from_its_start(context):
    with Workers(1, context) as workers:
        results(workers, [task(int)])
        server = Path("/proc", str(forkserver._forkserver._forkserver_pid))
        assert (server / "fd" / "2").readlink() == Path(os.devnull)


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    code = f"""
import itertools, operator, pathlib
from functools import partial
from types import SimpleNamespace
from trus.data.intake.folders import Folders, prepare
from trus.data.intake.pseudonyms import Pseudonyms
from trus.data.intake.raw_files import PatientRule
from trus.data.intake.settings import Settings
from trus.data.intake.tasks import Context
from trus.data.intake.workers import Workers
if __name__ == "__main__":
    folders = Folders(pathlib.Path({str(tmp_path / "o")!r}), pathlib.Path({str(tmp_path / "p")!r}))
    prepare(folders)
    workers = Workers(1, Context(Settings(PatientRule("none")), Pseudonyms(b"k" * 32), folders))
    getpid = SimpleNamespace(seconds=partial(int, 60), perform=__import__("builtins").id)
    workers.submit(getpid)
    workers.finished()
    print(*[p.pid for p in workers._pool._processes.values()], flush=True)
    input()
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker is still alive")
