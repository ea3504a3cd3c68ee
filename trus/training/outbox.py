"""What MLflow could not be told yet: lines of JSON in the run's folder, in order, until the store is back."""

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from trus.errors import TrainingError
from trus.files import write_bytes, write_text

NAME = "mlflow-outbox.jsonl"
REFUSED = "mlflow-refused.jsonl"


class Outbox:
    """The file `mlflow-outbox.jsonl` in `folder`. Its first line is the run: where it is tracked, its id (null: it is
    still to be made) and what it is made with; then an entry a line. Entries are kept as they come and taken off as
    they are sent; what the store refuses goes to `mlflow-refused.jsonl` with the reason.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.path = self.folder / NAME
        self._lock = FileLock(self.folder / "mlflow-outbox.lock")

    def claim(self, seconds: float = 0.0) -> bool:
        """Make this process the only one that writes and sends here; False when another one still is, `seconds` on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=seconds)
        except Timeout:
            return False
        self._mend()
        return True

    def release(self) -> None:
        """Let others send what is left."""
        self._lock.release(force=True)

    def read(self) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
        """(run, entries), or None where nothing is kept. Raises TrainingError for a damaged file."""
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")  # splitlines would also cut at U+2028
        except FileNotFoundError:
            return None
        try:
            run, *entries = [json.loads(line) for line in lines if line]
            if "tracking_uri" not in run:
                raise ValueError("the first line is no run")
        except ValueError as error:
            raise TrainingError(f"{self.path}: damaged ({error}); mend the line or remove the file") from error
        return run, entries

    def begin(self, run: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        """Write the run and its entries, atomically."""
        write_text(self.path, "".join(_line(content) for content in (run, *entries)))

    def append(self, entry: dict[str, Any]) -> None:
        """Keep one more entry; it is on the disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))
            file.flush()
            os.fsync(file.fileno())

    def refuse(self, entry: dict[str, Any], reason: str) -> None:
        """Put aside what the store will never take."""
        with (self.folder / REFUSED).open("a", encoding="utf-8") as file:
            file.write(_line({"reason": reason, **entry}))

    def remove(self) -> None:
        """Everything is sent."""
        self.path.unlink(missing_ok=True)

    def _mend(self) -> None:
        """A process that was killed while it wrote leaves a piece of a line at the end: it was never kept."""
        if self.path.is_file() and not (content := self.path.read_bytes()).endswith(b"\n"):
            write_bytes(self.path, content[: content.rfind(b"\n") + 1])


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False) + "\n"
