"""The intake from end to end: look at each file in order, take its frames in worker processes, publish what is safe."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from trus.data.intake.bookkeeping import Bookkeeping, Outcome
from trus.data.intake.journal import Journal, portion_path, write_refused_portion
from trus.data.intake.raw_files import RawFile
from trus.data.intake.side_files import Spacing, SpacingList
from trus.data.intake.tasks import Context, Look, Looked, Refusal, Stopped, Take, Taken, Unwritable
from trus.data.intake.workers import Crashed, Task, Workers

CRASHED = "a decoder crashed on it, or needed too much time or memory"
Progress = Callable[[int, int], Any]
"""Called with (files done, frames written)."""


def take_in(
    files: list[RawFile],
    context: Context,
    journal: Journal,
    spacings: SpacingList,
    workers: Workers,
    progress: Progress = lambda files, frames: None,
) -> Outcome:
    """Take the frames of `files` that the journal does not have yet; Ctrl-C ends it early, with what is done kept."""
    intake = _Intake(files, context, journal, spacings, workers, progress)
    try:
        intake.work_off()
    except KeyboardInterrupt:
        intake.outcome.interrupted = True
    return intake.outcome


class _Intake:
    """The state of a run: files looked at but not yet decided on, portions that wait, files still in work."""

    def __init__(
        self,
        files: list[RawFile],
        context: Context,
        journal: Journal,
        spacings: SpacingList,
        workers: Workers,
        progress: Progress,
    ) -> None:
        self.outcome = Outcome(files=len(files))
        self._files = files
        self._context = context
        self._spacings = spacings
        self._repeated_names = Counter(file.path.name for file in files)
        self._workers = workers
        self._progress = progress
        self._books = Bookkeeping(context.folders, journal, self.outcome)
        self._looked: dict[int, Looked | Refusal | Crashed] = {}
        self._asked = self._decided = self._frames = self._done = 0
        self._waiting: deque[Take] = deque()
        self._open: Counter[str] = Counter()

    def work_off(self) -> None:
        """Keep the workers busy until every file is done."""
        while not self.outcome.unwritable:
            self._give_work()
            if not self._workers.busy:
                return
            for task, result in self._workers.finished():
                self._note(task, result)
            self._decide()
            self._progress(self._done, self._frames)

    def _give_work(self) -> None:
        while self._workers.free:
            if self._waiting:
                self._workers.submit(self._waiting.popleft())
            elif self._asked < len(self._files):
                self._workers.submit(Look(self._asked, self._files[self._asked]))
                self._asked += 1
            else:
                return

    def _note(self, task: Task, result: Any) -> None:
        if isinstance(result, Unwritable):
            self.outcome.unwritable = str(result)
        elif isinstance(task, Look):
            self._looked[task.number] = result
        elif isinstance(task, Take) and not isinstance(result, Stopped):
            self._note_frames(task, result)

    def _note_frames(self, task: Take, result: Taken | Refusal | Crashed) -> None:
        if isinstance(result, Taken):
            self._frames += result.frames
            reason = result.refused
        else:
            reason = CRASHED if isinstance(result, Crashed) else result.reason
            write_refused_portion(portion_path(self._context.folders, task.looked.file_id, task.start), reason)
        refused = (task.looked.file_id, reason)
        if reason and refused not in self.outcome.refused:
            self.outcome.refused.append(refused)
        self._open[task.looked.file_id] -= 1
        self._done += not self._open[task.looked.file_id]

    def _decide(self) -> None:
        """Look results come in any order; they are decided on in the order of the files."""
        while self._decided in self._looked:
            looked, file = self._looked.pop(self._decided), self._files[self._decided]
            self._decided += 1
            if isinstance(looked, Crashed):
                looked = Refusal("", CRASHED)
            if isinstance(looked, Refusal):
                file_id = looked.file_id or self._context.pseudonyms.path(file.path)
                self._books.refuse(file, Refusal(file_id, looked.reason))
                self._done += 1
                continue
            tasks = self._books.tasks(file, looked, self._spacing(file, looked))
            self._waiting += tasks
            self._open[looked.file_id] += len(tasks)
            self._done += not tasks

    def _spacing(self, file: RawFile, looked: Looked) -> Spacing | None:
        """A name that several files have does not say which of them is meant."""
        names = [file.below, looked.file_id, f"{looked.pseudonym or 'unknown'}_{looked.file_id}_00000"]
        if self._repeated_names[file.path.name] == 1:
            names.append(file.path.name)
        return self._spacings.find(*names)
