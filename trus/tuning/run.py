"""One start of scripts/tune.py: workers on a study until its trials are done, then the report."""

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import FrameType

from trus.tuning.report import Report, write_report
from trus.tuning.settings import TuneSettings
from trus.tuning.study import StudyFolder
from trus.tuning.tracking import StudyRun
from trus.tuning.worker import Worker


def tune(settings: TuneSettings) -> Report:
    """Go on with the study of these settings, or begin it, until it has `n_trials`.

    Ctrl-C and SIGTERM end the trials that run, which keep their folds, and write the report of what is there. Raises
    TrainingError where three trials in a row fail alike.
    """
    study = StudyFolder(settings)
    run = StudyRun(study)
    print(f"study {study.path.name}: {len(study.trials())} of {settings.tune.n_trials} trials begun, in {study.path}")
    outcome, before = "failed", signal.signal(signal.SIGTERM, _exit)
    try:
        _work(study, run)
        outcome = "finished"
    except (KeyboardInterrupt, SystemExit):
        outcome = "stopped"
        print("stopped; the same command goes on", file=sys.stderr, flush=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        report = write_report(study)
        run.finish(report, outcome)
        print("\n".join(report.lines), flush=True)
    return report


def _work(study: StudyFolder, run: StudyRun) -> None:
    """Run the workers, each in a thread: what they wait for are processes. The first error ends all of them."""
    stop, count = threading.Event(), study.settings.tune.n_workers
    with ThreadPoolExecutor(count) as pool:
        workers = [Worker(study, run, stop, lambda line: print(line, flush=True)) for _ in range(count)]
        try:
            for ended in as_completed([pool.submit(worker.run) for worker in workers]):
                ended.result()
        finally:
            stop.set()


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
