"""One training job, from a composed config to verified model files."""

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from trus.data.datamodule import FrameDataModule
from trus.data.phantom import write_phantom
from trus.data.state import NAME as STATE
from trus.data.state import save_state
from trus.errors import TrainingError, TrusError
from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.cross_validation.result import is_finished, name_member, read_out_of_fold
from trus.files import write_json
from trus.training.accompanying import accompany
from trus.training.callbacks import TERMINATED
from trus.training.cross_validation import Work, train_members
from trus.training.cv_results import print_results, publish
from trus.training.cv_setup import has_folder, is_cross_validation, members_of_job, open_folder
from trus.training.cv_tracking import ensure_parent
from trus.training.distributed import check_distributed, is_main_process
from trus.training.document import git_tags
from trus.training.environment import describe_environment, differences, read_environment, write_environment
from trus.training.fitting import fit
from trus.training.memory import keep_memory, set_imports_aside
from trus.training.naming import run_name, run_tags
from trus.training.records import record_score, record_start
from trus.training.reproduction import announce, conclude
from trus.training.resume import check_resumable, read_earlier
from trus.training.summary import print_summary
from trus.training.teaching import teach
from trus.training.tracking import create_logger, end_run


def train(config: dict[str, Any]) -> float | None:
    """Train as the checked `config` of conf/train.yaml says: one network, or the members of a cross-validation.

    Returns the mean validation IoU: the best network's, or that over all folds. A single run writes below `run_dir`,
    a cross-validation and the jobs of a multirun below outputs/cv; job.json in the job's folder says where. Raises
    TrusError for what a user can mend.
    """
    keep_memory()
    set_imports_aside()
    _quieten()
    check_distributed(config)
    earlier = read_earlier(config["ckpt_path"])  # a wrong file is told before the data are read
    with _terminable():
        data = _prepare_data(config)
        choices = dict(HydraConfig.get().runtime.choices)
        if not is_main_process():
            accompany(config, data, choices)
            return None
        environment = describe_environment(config, choices, data.contents.data_hash, data.split.hash)
        announce(config, environment)
        if has_folder(config):
            value = _train_in_folder(config, data, choices, environment)
        else:
            if earlier:
                check_resumable(earlier, config, data)
            value = _train_alone(config, data, choices)
    conclude(config, Path(HydraConfig.get().runtime.output_dir))
    return value


def _train_alone(config: dict[str, Any], data: FrameDataModule, choices: dict[str, str]) -> float | None:
    run_dir = Path(config["run_dir"])
    data.split.save(run_dir / "split.json")
    save_state(run_dir / STATE, data.manifest.frames, data.contents)
    tags = run_tags(config, choices, data.contents.data_hash, data.split.hash) | git_tags()
    tags |= {"trus.kind": "run", "trus.folder": str(run_dir.absolute())}
    logger = create_logger(config["logger"], run_name(config, choices), tags, run_dir)
    outcome_word = "failed"
    try:
        record_start(logger, config, data, choices)
        fitted = fit(config, data, logger, choices)
        outcome_word = "stopped" if fitted.stopped else "finished"
        record_score(logger, config, data, fitted.outcome.iou if fitted.outcome else None, outcome_word)
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the second Ctrl-C into SystemExit
        outcome_word = "stopped"
        raise
    finally:
        end_run(logger, outcome_word)
    print_summary(config, data, fitted.outcome, logger, fitted.epochs, fitted.stopped)
    value = fitted.outcome.iou.value if fitted.outcome else None
    _note_job(None, None, value, logger.run_id if logger else None)
    if fitted.stopped and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise KeyboardInterrupt  # the person meant the sweep, not this job of it
    return value


def _train_in_folder(
    config: dict[str, Any], data: FrameDataModule, choices: dict[str, str], environment: dict[str, Any]
) -> float | None:
    """Train this job's members of the configuration's folder. Raises TrainingError that names those that failed."""
    folder, joined = open_folder(config, data, choices), is_cross_validation(config)
    members = members_of_job(config, folder)
    print(f"{'cross-validation' if joined else 'run'} {folder.path}", flush=True)
    only = members[0].name if len(members) == 1 else None
    _note_job(folder, only, None, None)
    _note_environment(folder, environment)
    if joined:
        ensure_parent(folder, config, choices)
    whole = config["split"]["fold"] == "all"
    try:
        errors = train_members(Work(config, data, folder, members, choices, joined))
    except BaseException:
        if joined:
            with suppress(OSError, TrusError):  # never hides what ended the training
                publish(folder, config["logger"], quick=True)
        raise
    summary = publish(folder, config["logger"], quick=not whole) if joined else {}
    value = _score(folder, members)
    run_id = folder.read().parent_run_id if len(members) > 1 else folder.progress(members[0]).run_id
    _note_job(folder, only, value, run_id)
    if summary and whole:
        print_results(folder, summary, config)
    if errors:
        raise TrainingError(_failures(folder, members, errors))
    return value


def _note_environment(folder: CvFolder, environment: dict[str, Any]) -> None:
    """Write environment.json at the first start; at a later one say what networks here were not trained with."""
    first = read_environment(folder.path)
    if first is None:
        write_environment(folder.path, environment)
    elif lines := differences(first, environment):
        print("WARNING: this folder was begun with other code or on another machine", *lines, sep="\n  ", flush=True)


def _score(folder: CvFolder, members: list[Member]) -> float | None:
    """Mean IoU of the members' frames, None unless all are finished."""
    if not all(is_finished(folder, member) for member in members):
        return None
    value = read_out_of_fold(folder, members).estimate().to_dict()["value"]
    return None if value is None else float(value)


def _failures(folder: CvFolder, members: list[Member], errors: dict[Member, str]) -> str:
    several = len(folder.read().seeds) > 1
    lines = "\n  ".join(f"{name_member(member, several)}: {error}" for member, error in errors.items())
    return (
        f"{len(errors)} of {len(members)} failed\n  {lines}\nThe same command tries again; what is finished in "
        f"{folder.path} is kept. More in error.txt below members/"
    )


def _note_job(folder: CvFolder | None, member: str | None, value: float | None, run_id: str | None) -> None:
    """job.json in Hydra's folder of this job: what it belongs to and came to, for whoever started it."""
    path = Path(HydraConfig.get().runtime.output_dir) / "job.json"
    content = {"cv_folder": str(folder.path) if folder else None, "member": member, "value": value, "run_id": run_id}
    write_json(path, content)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, a scheduler's, ends the job in order, with an exit code that says so."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _prepare_data(config: dict[str, Any]) -> FrameDataModule:
    settings = config["data"]
    if settings["phantom"]:
        if not Path(settings["manifest"]).exists():
            print("making the synthetic phantom, the first time only", flush=True)
        folder = Path(settings["manifest"]).parent
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # jobs of a sweep start at once
            write_phantom(folder, **settings["phantom"])
    data = FrameDataModule(settings, config["preprocessing"], config["augmentation"], config["split"], config["seed"])
    data.prepare()
    teach(config, data)
    return data


def _quieten() -> None:
    """What libraries say of themselves on every run would hide what this run says."""
    for name in ("pytorch_lightning", "mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="pytorch_lightning.utilities._pytree")
    for message in ("Checkpoint directory .* exists", "You're resuming from a checkpoint that ended before the epoch"):
        warnings.filterwarnings("ignore", message)  # going on is said in our own words
    warnings.filterwarnings("ignore", message="The `srun` command is available")  # on a login node it is, and not meant
    warnings.filterwarnings("ignore", message="It is recommended to use `self.log")  # torchmetrics has done it already
