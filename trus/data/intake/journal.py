"""What an intake has done, on disk, so that it goes on where it stopped: files, and the frames of each portion."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from trus.data.intake.folders import Folders, write_private
from trus.errors import IntakeError
from trus.files import atomic_path


@dataclass
class FileRecord:
    """One raw file: its path, id, and what became of it. `starts` are the first frames of its portions."""

    path: str
    file_id: str
    pseudonym: str = ""
    identity: tuple[str, ...] = ()
    override: str = ""
    starts: tuple[int, ...] = ()
    contested: bool = False
    same_as: str = ""
    refused: str = ""


@dataclass
class Portion:
    """The frames of a portion as its worker wrote them, and why it stopped short, if it did."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: str = ""


class Journal:
    """Below `private/journal`: settings.json, files.jsonl (a line a file, appended), portions/ and two lists of ids.

    A portion's file appears when all its frames are written, at once: it is what makes them count.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        (folders.journal / "portions").mkdir(mode=0o700, exist_ok=True)
        self.records: dict[tuple[str, str], FileRecord] = {}
        self._at_path: dict[str, set[str]] = {}
        for record in _read_records(folders.journal / "files.jsonl"):
            self._put(record)
        text = "".join(f"{_line(record)}\n" for record in self.records.values())
        write_private(folders.journal / "files.jsonl", text.encode())
        self.published = {*self._ids("published")} if (folders.out / "manifest.csv").exists() else set()
        self.accepted = {*self._ids("accepted")}

    def check_settings(self, lasting: dict[str, Any]) -> None:
        """Keep the options of the first run. Raises IntakeError where they are others now."""
        path = self._folders.journal / "settings.json"
        if not path.exists():
            write_private(path, json.dumps(lasting, indent=2).encode())
            return
        try:
            earlier = dict(json.loads(path.read_bytes()))
        except (ValueError, TypeError):
            raise IntakeError("journal/settings.json is damaged; choose another -o, with --key for the same "
                              "pseudonyms") from None  # fmt: skip
        changed = [name for name, value in lasting.items() if earlier.get(name) != value]
        if changed:
            raise IntakeError(
                f"this OUT was made with other settings of {', '.join(changed)}; frames made in two ways are not mixed "
                "in one: give the same again, or another -o, with --key for the same pseudonyms"
            )

    def add(self, record: FileRecord) -> None:
        """Note a file, where that is news."""
        if self.records.get((record.path, record.file_id)) != record:
            self._put(record)
            with (self._folders.journal / "files.jsonl").open("a", encoding="utf-8") as file:
                file.write(f"{_line(record)}\n")

    def _put(self, record: FileRecord) -> None:
        """What was refused at this path before is overtaken; frames of an earlier content of it stay on record."""
        for key in [(record.path, other) for other in self._at_path.get(record.path, ())]:
            if not self.records[key].starts:
                del self.records[key]
                self._at_path[record.path].remove(key[1])
        self.records[record.path, record.file_id] = record
        self._at_path.setdefault(record.path, set()).add(record.file_id)

    def portions(self, record: FileRecord) -> Iterator[Portion]:
        """The portions of a file that are there, in order."""
        for start in record.starts:
            if portion := read_portion(portion_path(self._folders, record.file_id, start)):
                yield portion

    def discard(self, record: FileRecord) -> None:
        """Forget the frames of a file, and remove those that wait in quarantine."""
        for portion in self.portions(record):
            for row in portion.rows:
                if row["held"]:
                    remove_held(self._folders, row["row"]["image_id"])
        for start in record.starts:
            portion_path(self._folders, record.file_id, start).unlink(missing_ok=True)

    def is_complete(self, file_id: str, start: int, listed: set[str]) -> bool:
        """Whether a portion went well and its pictures are there; `listed` are the ids in the manifest.

        A published frame that is no longer listed was taken out by the user, picture and all.
        """
        portion = read_portion(portion_path(self._folders, file_id, start))
        if portion is None or portion.refused:
            return False
        return all(self._is_there(entry, listed) for entry in portion.rows)

    def _is_there(self, entry: dict[str, Any], listed: set[str]) -> bool:
        image_id = entry["row"]["image_id"]
        if image_id in self.published:
            return image_id not in listed or (self._folders.out / entry["row"]["image"]).exists()
        if entry["held"]:
            return (self._folders.ready / f"{image_id}.png").exists()
        return (self._folders.out / entry["row"]["image"]).exists()

    def note_ids(self) -> None:
        """Write the two sets of ids: `published` (once in the manifest) and `accepted` (by a person)."""
        for name, ids in (("published", self.published), ("accepted", self.accepted)):
            write_private(self._folders.journal / name, "".join(f"{i}\n" for i in sorted(ids)).encode())

    def _ids(self, name: str) -> list[str]:
        path = self._folders.journal / name
        return path.read_text(encoding="ascii", errors="replace").split() if path.exists() else []


def portion_path(folders: Folders, file_id: str, start: int) -> Path:
    """Where the portion of a file that begins with frame `start` is noted."""
    return folders.journal / "portions" / f"{file_id}.{start:06d}.jsonl"


@contextmanager
def new_portion(path: Path) -> Iterator[TextIO]:
    """A portion to write lines to; it appears at `path` when all went well."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file
    path.chmod(0o600)


def write_refused_portion(path: Path, reason: str) -> None:
    """Note that nothing came of a portion."""
    with new_portion(path) as file:
        file.write(json.dumps({"refused": reason}) + "\n")


def read_portion(path: Path) -> Portion | None:
    """A portion, or None where it is not there or damaged: then it is taken again."""
    try:
        entries = [dict(json.loads(line)) for line in path.read_bytes().splitlines()]
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not entries:  # a file that lost its content
        return None
    refused = [entry["refused"] for entry in entries if "refused" in entry]
    return Portion([entry for entry in entries if "refused" not in entry], refused[-1] if refused else "")


def remove_held(folders: Folders, image_id: str) -> None:
    """Remove a frame from quarantine."""
    (folders.quarantine / f"{image_id}.png").unlink(missing_ok=True)
    (folders.ready / f"{image_id}.png").unlink(missing_ok=True)


def _line(record: FileRecord) -> str:
    return json.dumps(asdict(record), ensure_ascii=True)


def _read_records(path: Path) -> Iterator[FileRecord]:
    """A line that a kill cut short, or that is damaged, is left out: its file is done again."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            content = json.loads(line)
            record = FileRecord(**content | {name: tuple(content[name]) for name in ("identity", "starts")})
        except (ValueError, TypeError, KeyError):
            continue
        yield record
