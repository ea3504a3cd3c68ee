"""Sending what an outbox keeps, in order, as far as the store answers."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trus.errors import TrainingError
from trus.files import write_json
from trus.training.outbox import NAME, REFUSED, Outbox
from trus.training.store import RefusedError, Store, UnreachableError


@dataclass(frozen=True)
class Sent:
    """What came of it: the run's id (None: still not made), entries sent, left and refused, why it stopped."""

    run_id: str | None
    sent: int = 0
    left: int = 0
    refused: int = 0
    reason: str | None = None

    @property
    def complete(self) -> bool:
        """Nothing is left; what was refused is put aside."""
        return self.run_id is not None and self.left == 0

    def describe(self, uri: str) -> str:
        """A line for a person."""
        refused = f", {self.refused} refused and put aside in {REFUSED}" if self.refused else ""
        if self.complete:
            return f"sent{refused}, run {self.run_id} in {uri}"
        return f"{self.left} entries still kept ({self.reason}){refused}"


def send_kept(outbox: Outbox, store: Store, seconds: float) -> Sent | None:
    """Send entries for about `seconds`; None where nothing is kept. The caller holds the outbox's claim.

    Raises TrainingError for a damaged file.
    """
    content = outbox.read()
    if content is None:
        return None
    run, entries = content
    entries = merge(entries)
    if not store.is_there():
        return Sent(run["run_id"], left=len(entries), reason=f"{store.uri} does not answer")
    try:
        run["run_id"] = run["run_id"] or create(store, run)
        outbox.begin(run, entries)
    except (UnreachableError, RefusedError) as error:
        return Sent(None, left=len(entries), reason=str(error))
    return _send_entries(outbox, store, run, entries, time.monotonic() + seconds)


def create(store: Store, run: dict[str, Any]) -> str:
    """Make the run that an outbox's first line describes; returns its id."""
    return store.create(run["experiment"], run["artifacts"], run["name"], run["tags"], run["start"])


def merge(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours that are metrics become one entry: an hour's outage is then one request and not thousands."""
    merged: list[dict[str, Any]] = []
    for entry in entries:
        if merged and entry["kind"] == merged[-1]["kind"] == "metrics":
            merged[-1] = {"kind": "metrics", "metrics": merged[-1]["metrics"] + entry["metrics"]}
        else:
            merged.append(entry)
    return merged


def send_folder(folder: Path, seconds: float = 600.0) -> list[tuple[Path, Sent | None, str]]:
    """Send every outbox below `folder`: (the run's folder, what came of it or None, where it is tracked or why not)."""
    results: list[tuple[Path, Sent | None, str]] = []
    for path in sorted(Path(folder).rglob(NAME)):
        outbox = Outbox(path.parent)
        if not outbox.claim():
            results.append((path.parent, None, "still training; it sends by itself"))
            continue
        try:
            if content := outbox.read():
                uri = content[0]["tracking_uri"]
                results.append((path.parent, send_kept(outbox, Store(uri), seconds), uri))
        except TrainingError as error:
            results.append((path.parent, None, str(error)))
        finally:
            outbox.release()
    return results


def _send_entries(
    outbox: Outbox, store: Store, run: dict[str, Any], entries: list[dict[str, Any]], until: float
) -> Sent:
    sent = refused = 0
    reason = None
    for entry in entries:
        if time.monotonic() > until:
            reason = "more than could be sent at once"
            break
        try:
            store.send(run["run_id"], entry, outbox.folder)
            sent += 1
        except RefusedError as error:
            outbox.refuse(entry, str(error))
            refused += 1
        except UnreachableError as error:
            reason = str(error)
            break
    left = entries[sent + refused :]
    if left:
        outbox.begin(run, left)
    else:
        outbox.remove()
    _note_id(outbox.folder, run["run_id"])
    return Sent(run["run_id"], sent, len(left), refused, reason)


def _note_id(folder: Path, run_id: str) -> None:
    """A member of a cross-validation that was trained without the server learns its run's id."""
    file = folder / "member.json"
    if file.is_file() and (content := json.loads(file.read_text(encoding="utf-8"))).get("run_id") is None:
        write_json(file, content | {"run_id": run_id})
