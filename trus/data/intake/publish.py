"""The results: the manifest of what may be handed on, and the private lists of what waits and where it is from."""

import csv
import heapq
import io
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from trus.data.classes import Classes
from trus.data.intake.folders import Folders, write_private
from trus.data.intake.journal import FileRecord, Journal, Portion, remove_held
from trus.data.intake.pseudonyms import is_image_id
from trus.data.manifest import write_manifest
from trus.data.schema import COLUMNS
from trus.errors import IntakeError
from trus.files import write_bytes

QUARANTINE_COLUMNS = ("id", "reason", "if_accepted", "patient", "file", "frame")
SOURCE_COLUMNS = ("path", "file", "patient", "status", "frames", "quarantined", "reason")
TIME = 946_684_800
"""2000-01-01: the time of all that lies below OUT/images."""


@dataclass
class Published:
    """What OUT and the quarantine hold now; `held` counts frames by their first reason."""

    frames: int = 0
    new: int = 0
    patients: int = 0
    without_patient: int = 0
    no_spacing: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    accepted_whole: int = 0
    unknown: list[str] = field(default_factory=list)


def listed_ids(folders: Folders) -> set[str]:
    """Image ids in the manifest of OUT as it stands."""
    return {row["image_id"] for row in _manifest_rows(folders)[0]}


def publish(folders: Folders, journal: Journal, accept: Iterable[str], classes: Classes) -> Published:
    """Bring OUT and the private lists up to date with the journal.

    Rows that stand in the manifest stay as they are, masks that were added included; what a user took out of it is
    not put back. Raises IntakeError where the manifest cannot be read.
    """
    result = Published()
    rows, further = _manifest_rows(folders)
    known = {row["image_id"] for row in rows} | journal.published
    result.unknown = _accept(journal, accept)
    result.new = sum(1 for _ in _new_rows(folders, journal, known, result))
    rows.sort(key=_by_id)
    everything = heapq.merge(rows, _new_rows(folders, journal, known, Published()), key=_by_id)
    counted = _counted(everything if result.new else rows, journal, result)
    if result.new:
        write_manifest(folders.out / "manifest.csv", counted, further)
    else:
        deque(counted, maxlen=0)
    if result.frames and not (folders.out / "classes.json").exists():
        classes.save(folders.out / "classes.json")
    journal.note_ids()
    _remove_accepted(folders, journal)
    _tidy(folders, journal)
    _write_lists(folders, journal)
    return result


def _by_id(row: dict[str, Any]) -> str:
    return str(row["image_id"])


def _new_rows(folders: Folders, journal: Journal, known: set[str], result: Published) -> Iterator[dict[str, Any]]:
    """Rows of frames that may go out and never did, in the order of their ids: read anew, never all in memory."""
    for _, portion in _all_portions(journal):
        for entry in portion.rows:
            released = _is_released(entry, folders, journal, result)
            if released and entry["row"]["image_id"] not in known:
                yield entry["row"]


def _counted(rows: Iterable[dict[str, Any]], journal: Journal, result: Published) -> Iterator[dict[str, Any]]:
    """The same rows, counted as they pass by, and noted as published."""
    patients = set()
    for row in rows:
        journal.published.add(row["image_id"])
        result.frames += 1
        patients.add(row["patient_id"])
        result.without_patient += not row["patient_id"]
        if not row.get("spacing_row_mm"):
            result.no_spacing[str(row.get("spacing_note") or "")] += 1
        yield row
    result.patients = len(patients - {""})


def released_and_held(journal: Journal) -> Iterator[tuple[FileRecord, dict[str, Any], bool]]:
    """Each frame of the journal with its file, and whether it waits for a person."""
    for record, portion in _all_portions(journal):
        for entry in portion.rows:
            yield record, entry, bool(entry["held"]) and entry["row"]["image_id"] not in journal.accepted


def _manifest_rows(folders: Folders) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows as they stand, and the columns besides the usual ones."""
    path = folders.out / "manifest.csv"
    if not path.exists():
        return [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [{name: cell or "" for name, cell in row.items()} for row in reader]
            names = [*(reader.fieldnames or ())]
    except (OSError, ValueError, csv.Error):
        raise IntakeError("OUT/manifest.csv cannot be read as CSV; mend it, or choose another -o") from None
    if "image_id" not in names or any(None in row for row in rows):
        raise IntakeError("OUT/manifest.csv: rows and columns do not fit together; mend it, or choose another -o")
    return rows, [name for name in names if name not in COLUMNS]


def _accept(journal: Journal, accept: Iterable[str]) -> list[str]:
    """Note what a person accepted; returns the ids that no frame has."""
    wanted = [*accept]
    ids = {e["row"]["image_id"] for _, p in _all_portions(journal) for e in p.rows if e["held"]} if wanted else set()
    journal.accepted |= ids & {*wanted}
    return [image_id for image_id in wanted if image_id not in ids]


def _is_released(entry: dict[str, Any], folders: Folders, journal: Journal, result: Published) -> bool:
    """Whether a frame may be in OUT; one that was accepted is written there now."""
    image_id = entry["row"]["image_id"]
    if not entry["held"]:
        return True
    if image_id not in journal.accepted:
        result.held[entry["held"][0]] += 1
        return False
    ready = folders.ready / f"{image_id}.png"
    if ready.exists():
        write_bytes(folders.out / entry["row"]["image"], ready.read_bytes())
        result.accepted += 1
        result.accepted_whole += entry["origin"] == "whole frame"
    return True


def _remove_accepted(folders: Folders, journal: Journal) -> None:
    for image_id in journal.accepted & journal.published:
        remove_held(folders, image_id)


def _tidy(folders: Folders, journal: Journal) -> None:
    """Remove pictures that a killed run left and that were never listed: they may be cut in a way given up since.

    Times are set back, as they would tell the order of the raw files, which is often that of the patients' names.
    """
    images = folders.out / "images"
    for path in images.rglob("*"):
        if path.suffix == ".png" and is_image_id(path.stem) and path.stem not in journal.published:
            path.unlink()
        else:
            os.utime(path, (TIME, TIME), follow_symlinks=False)


def _all_portions(journal: Journal) -> Iterator[tuple[FileRecord, Portion]]:
    for record in _files(journal):
        for portion in journal.portions(record):
            yield record, portion


def _files(journal: Journal) -> list[FileRecord]:
    """Files with frames, each once, in an order of their ids."""
    by_id = {record.file_id: record for record in journal.records.values() if record.starts}
    return sorted(by_id.values(), key=lambda record: (record.pseudonym, record.file_id))


def _write_lists(folders: Folders, journal: Journal) -> None:
    waiting = (
        {
            "id": entry["row"]["image_id"],
            "reason": "; ".join(entry["held"]),
            "if_accepted": _if_accepted(entry),
            "patient": record.pseudonym,
            "file": record.file_id,
            "frame": entry["row"]["image_id"].rpartition("_")[2],
        }
        for record, portion in _all_portions(journal)
        for entry in portion.rows
        if entry["held"] and entry["row"]["image_id"] not in journal.accepted
    )
    write_private(folders.private / "quarantine.csv", _csv(QUARANTINE_COLUMNS, waiting))
    sources = (_source(record, journal) for record in sorted(journal.records.values(), key=lambda r: r.path))
    write_private(folders.private / "sources.csv", _csv(SOURCE_COLUMNS, sources))


def _if_accepted(entry: dict[str, Any]) -> str:
    if entry["origin"] == "whole frame":
        return "the whole frame, uncut"
    return f"{entry['origin']} region {','.join(map(str, entry['box']))}" + (", text and all" if entry["texts"] else "")


def _source(record: FileRecord, journal: Journal) -> dict[str, Any]:
    portions = [*journal.portions(record)]
    held = sum(
        bool(e["held"]) and e["row"]["image_id"] not in journal.accepted for portion in portions for e in portion.rows
    )
    frames = sum(len(portion.rows) for portion in portions) - held
    reasons = [record.refused, *(portion.refused for portion in portions)]
    refused = "; ".join(dict.fromkeys(filter(None, reasons)))
    status = "repeated" if record.same_as else "refused" if refused and not frames + held else "taken"
    return {
        "path": record.path,
        "file": record.file_id,
        "patient": record.pseudonym,
        "status": "taken in part" if refused and status == "taken" else status,
        "frames": frames,
        "quarantined": held,
        "reason": refused or ("the same content as another file" if record.same_as else ""),
    }


def _csv(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
