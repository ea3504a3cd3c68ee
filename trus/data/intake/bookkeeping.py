"""Deciding, file by file and in a fixed order, what is done, what is new, and which patients do not fit together."""

from dataclasses import dataclass, field

from trus.data.intake.folders import Folders
from trus.data.intake.journal import FileRecord, Journal
from trus.data.intake.publish import listed_ids
from trus.data.intake.raw_files import RawFile
from trus.data.intake.side_files import Spacing
from trus.data.intake.tasks import Looked, Refusal, Take

PORTION = 64
"""Frames of a DICOM file that one process takes at a time; what has no random access is taken in one go."""
CONTESTED = "the same patient id stands for two different people"


@dataclass
class Outcome:
    """Files of this run: how many, refused ones as (file id, reason), and those that needed no work."""

    files: int = 0
    earlier: int = 0
    same: int = 0
    changed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    interrupted: bool = False
    unwritable: str = ""


class Bookkeeping:
    """What to do about each file; it is asked in the order of the files, so that every run decides alike."""

    def __init__(self, folders: Folders, journal: Journal, outcome: Outcome) -> None:
        self._journal = journal
        self._outcome = outcome
        self._listed = listed_ids(folders)
        self._known = {record.file_id: record for record in journal.records.values() if record.starts}
        self._here: dict[str, str] = {}
        self._people: dict[str, tuple[str, ...]] = {}
        for record in self._known.values():
            if not record.contested:
                self._is_contested(record.pseudonym, record.identity)

    def refuse(self, file: RawFile, refusal: Refusal) -> None:
        """Note a file that could not be looked at."""
        self._journal.add(FileRecord(str(file.path), refusal.file_id, refused=refusal.reason))
        self._outcome.refused.append((refusal.file_id, refusal.reason))

    def tasks(self, file: RawFile, looked: Looked, side: Spacing | None) -> list[Take]:
        """The portions of a file that must be taken now; none where it is known already."""
        known = self._known.get(looked.file_id)
        if (known or looked.file_id in self._here) and not self._same_patient(looked, known):
            reason = "lies under two patients; it was taken for the first: remove it from where it does not belong"
            self.refuse(file, Refusal(looked.file_id, reason))
            return []
        if looked.file_id in self._here:
            return self._repeated(file, looked)
        self._here[looked.file_id] = looked.pseudonym
        override = f"{looked.override} {side or ''}"
        if known and known.override != override and not self._start_over(known):
            self._outcome.changed += 1
            return []
        return self._portions(file, looked, side, override, known)

    def _same_patient(self, looked: Looked, known: FileRecord | None) -> bool:
        return (known.pseudonym if known else self._here[looked.file_id]) == looked.pseudonym

    def _repeated(self, file: RawFile, looked: Looked) -> list[Take]:
        self._outcome.same += 1
        self._journal.add(FileRecord(str(file.path), looked.file_id, looked.pseudonym, same_as=looked.file_id))
        return []

    def _start_over(self, known: FileRecord) -> bool:
        """Frames that nobody has been given yet can be made anew under other regions."""
        ids = {entry["row"]["image_id"] for portion in self._journal.portions(known) for entry in portion.rows}
        if ids & self._journal.published:
            return False
        self._journal.discard(known)
        return True

    def _portions(
        self, file: RawFile, looked: Looked, side: Spacing | None, override: str, known: FileRecord | None
    ) -> list[Take]:
        chunks = _chunks(looked)
        contested = known.contested if known else self._is_contested(looked.pseudonym, looked.identity)
        if known is None or known.path == str(file.path) or known.override != override:
            self._journal.add(
                FileRecord(
                    str(file.path), looked.file_id, looked.pseudonym, looked.identity, override, (*chunks,), contested
                )
            )
        else:
            self._journal.add(FileRecord(str(file.path), looked.file_id, looked.pseudonym, same_as=looked.file_id))
        missing = [s for s in chunks if not self._journal.is_complete(looked.file_id, s, self._listed)]
        if known and not missing:
            self._outcome.earlier += 1
        reason = CONTESTED if contested else ""
        return [Take(file, looked, side, reason, start, chunks[start]) for start in missing]

    def _is_contested(self, pseudonym: str, identity: tuple[str, ...]) -> bool:
        """Whether a text that both files state differs between this file and the earlier ones of the patient."""
        if not pseudonym or not identity:
            return False
        earlier = self._people.get(pseudonym, ("",) * len(identity))
        if any(old and new and old != new for old, new in zip(earlier, identity, strict=False)):
            return True
        self._people[pseudonym] = tuple(old or new for old, new in zip(earlier, identity, strict=False))
        return False


def _chunks(looked: Looked) -> dict[int, tuple[int, ...] | None]:
    """Portions by their first frame."""
    numbers = looked.numbers
    if numbers is None or looked.kind != "dicom":
        return {0: numbers}
    return {numbers[n]: numbers[n : n + PORTION] for n in range(0, len(numbers), PORTION)}
