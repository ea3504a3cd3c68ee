"""One intake: folders, key, lock, the frames, the manifest, the contact sheets."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trus.data.classes import Classes
from trus.data.intake.bookkeeping import Outcome
from trus.data.intake.folders import Folders, choose_folders, clear_remains, locked, prepare, real_path
from trus.data.intake.journal import Journal
from trus.data.intake.pseudonyms import Pseudonyms, load_key, make_key
from trus.data.intake.publish import Published, publish
from trus.data.intake.raw_files import Found, find_raw_files
from trus.data.intake.run import take_in
from trus.data.intake.settings import Settings
from trus.data.intake.sheet import Sheets, draw_sheets
from trus.data.intake.side_files import SpacingList
from trus.data.intake.tasks import Context
from trus.data.intake.workers import Workers
from trus.errors import IntakeError

DEFAULT_CLASSES = {"labels": {"0": "background", "1": "gland", "2": "lesion"}, "contains": {"gland": ["lesion"]}}
"""What classes.json names as long as nothing is annotated."""


@dataclass(frozen=True)
class Result:
    """What an intake did and what there is now; `new_key` is the key file where it had to be made."""

    folders: Folders
    found: Found
    outcome: Outcome
    published: Published
    sheets: Sheets
    new_key: Path | None


def intake(
    inputs: Sequence[Path],
    out: Path,
    settings: Settings,
    private: Path | None = None,
    key: Path | None = None,
    spacings: SpacingList | None = None,
    accept: Sequence[str] = (),
    classes: Classes | None = None,
    jobs: int = 1,
    started: Callable[[int], Any] = lambda files: None,
    progress: Callable[[int, int], Any] = lambda files, frames: None,
) -> Result:
    """Take raw files into `out`; `started` is told how many files there are, `progress` (files done, frames written).

    `accept` are ids of frames in quarantine that a person has looked at. Raises IntakeError, whose message names
    nothing of the raw files; a file that cannot be taken in is in `Result.outcome.refused`.
    """
    folders = choose_folders(out, private, inputs)
    try:
        found = find_raw_files(inputs, folders)
        if not found.files:
            raise IntakeError(
                "no file is there to take in; hidden files, links that lead outside, pipes and devices are left out"
            )
        settings.patients.check(found.files)
        prepare(folders)
        with locked(folders):
            clear_remains(folders)
            return _intake(found, folders, settings, key, spacings, accept, classes, jobs, started, progress)
    except OSError as error:  # its file name is that of a raw file or of a folder named after a patient
        where = "there is no room left" if error.errno == errno.ENOSPC else error.strerror or type(error).__name__
        raise IntakeError(f"a file cannot be read or written ({where}); started again, it goes on") from None


def _intake(
    found: Found,
    folders: Folders,
    settings: Settings,
    key: Path | None,
    spacings: SpacingList | None,
    accept: Sequence[str],
    classes: Classes | None,
    jobs: int,
    started: Callable[[int], Any],
    progress: Callable[[int, int], Any],
) -> Result:
    pseudonyms, new_key = _key(folders, key)
    journal = Journal(folders)
    journal.check_settings(settings.lasting() | {"--key": pseudonyms.check()})
    started(len(found.files))
    context = Context(settings, pseudonyms, folders)
    sheets = Sheets()
    with Workers(jobs, context) as workers:
        outcome = take_in(found.files, context, journal, spacings or SpacingList({}), workers, progress)
        if outcome.interrupted or outcome.unwritable:
            workers.stop()
        published = publish(folders, journal, accept, classes or Classes.from_dict(DEFAULT_CLASSES))
        if not (outcome.interrupted or outcome.unwritable):
            try:
                sheets = draw_sheets(journal, folders, workers)
            except KeyboardInterrupt:
                outcome.interrupted = True
    return Result(folders, found, outcome, published, sheets, new_key)


def _key(folders: Folders, key: Path | None) -> tuple[Pseudonyms, Path | None]:
    path = real_path(key or folders.private / "pseudonyms.key")
    if path.is_relative_to(folders.out):
        raise IntakeError("--key: the key would lie inside OUT and be handed on; put it elsewhere")
    if path.exists():
        return load_key(path), None
    if (folders.journal / "settings.json").exists():
        raise IntakeError("the key of this OUT is not there; give it with --key, or choose another -o")
    return make_key(path), path
