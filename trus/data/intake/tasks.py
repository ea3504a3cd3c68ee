"""What a worker process does with a file: look at it, take a portion of its frames, show a frame for the sheets.

Nothing but ids, counts and our own words comes back: an exception of a library can quote names and tags.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.images import write_image
from trus.data.intake.cuts import override_key
from trus.data.intake.deidentify import TEXT, Clean, check_size, clean_frame, plan_cuts, storable, whole_frame
from trus.data.intake.folders import Folders
from trus.data.intake.journal import new_portion, portion_path
from trus.data.intake.open import open_source
from trus.data.intake.pseudonyms import Pseudonyms
from trus.data.intake.raw_files import RawFile
from trus.data.intake.settings import MOST_FRAMES, Settings, progressions
from trus.data.intake.side_files import Spacing
from trus.data.intake.source import Header, Source
from trus.data.schema import REGION, SPACING
from trus.errors import IntakeError
from trus.files import hash_file

SAMPLES, SAMPLED = 9, 240
"""A clip's region is sought on so many of its first frames."""
LOOK_SECONDS, FRAME_SECONDS = 300, 10
"""After so long a worker is ended: for a look, and for each frame besides."""


class Stopped(Exception):  # noqa: N818 - no error, but the user's wish
    """The run was interrupted."""


class Unwritable(Exception):  # noqa: N818
    """A result cannot be written; the text says why."""


@dataclass(frozen=True)
class Context:
    """What every task of a run needs."""

    settings: Settings
    pseudonyms: Pseudonyms
    folders: Folders
    stop: Event | None = None


@dataclass(frozen=True)
class Refusal:
    """A file, or the rest of it, that cannot be taken in."""

    file_id: str
    reason: str


@dataclass(frozen=True)
class Looked:
    """What a file is, without a name in it. `numbers` are the frames to take, None where their count is unknown."""

    file_id: str
    pseudonym: str
    identity: tuple[str, ...]
    override: str
    kind: str
    numbers: tuple[int, ...] | None


@dataclass(frozen=True)
class Look:
    """Task: hash a file and read its header."""

    number: int
    file: RawFile

    def seconds(self) -> int:
        """How long it may take."""
        return LOOK_SECONDS

    def perform(self, context: Context) -> Looked | Refusal:
        """Refuse what cannot be read, names no patient, or has none of the wanted frames."""
        file_id = context.pseudonyms.path(self.file.path)
        try:
            file_id = context.pseudonyms.file(hash_file(self.file.path))
            source = open_source(self.file.path, context.settings.axis)
            return _looked(self.file, source.header, file_id, context)
        except IntakeError as error:
            return Refusal(file_id, str(error))
        except OSError as error:
            return Refusal(file_id, f"cannot be read ({error.strerror})")


@dataclass(frozen=True)
class Taken:
    """What became of a portion: frames written, frames held by reason, and why it stopped short, if it did."""

    file_id: str
    frames: int
    held: Counter[str]
    refused: str = ""


@dataclass(frozen=True)
class Take:
    """Task: decode frames of a file, cut them, write them out or to quarantine, and note the portion.

    `contested` is a reason to hold all of them.
    """

    file: RawFile
    looked: Looked
    side: Spacing | None
    contested: str
    start: int
    numbers: tuple[int, ...] | None

    def seconds(self) -> int:
        """How long it may take."""
        return LOOK_SECONDS + FRAME_SECONDS * (SAMPLES + len(self.numbers or range(MOST_FRAMES)))

    def perform(self, context: Context) -> Taken:
        """The frames decoded before a failure count; the portion says that it stopped short."""
        held: Counter[str] = Counter()
        frames, refused = 0, ""
        with new_portion(portion_path(context.folders, self.looked.file_id, self.start)) as file:
            try:
                for entry in self._entries(context):
                    file.write(json.dumps(entry) + "\n")
                    frames += not entry["held"]
                    held.update(entry["held"][:1])
            except (IntakeError, OSError) as error:
                refused = str(error) if isinstance(error, IntakeError) else f"cannot be read ({error.strerror})"
                file.write(json.dumps({"refused": refused}) + "\n")
        return Taken(self.looked.file_id, frames, held, refused)

    def _entries(self, context: Context) -> Iterator[dict[str, Any]]:
        source = open_source(self.file.path, context.settings.axis)
        header = source.header
        one = [*source.frames()] if header.frames == 1 else []
        plan = plan_cuts(
            header,
            context.settings,
            self.side,
            lambda: [frame for _, frame in one] or _samples(source),
        )
        for number, frame in one or _wanted(source, self.numbers, context.settings):
            if context.stop is not None and context.stop.is_set():
                raise Stopped
            check_size(frame, header)
            frame = storable(frame)  # noqa: PLW2901
            pieces = clean_frame(frame, plan, context.settings.blank)
            held = [reason for reason in (plan.reason, self.contested) if reason]
            for letter, piece in _lettered(pieces or [whole_frame(frame, header, self.side)]):
                yield self._entry(context, header, f"{number:05d}{letter}", frame, piece, held)

    def _entry(
        self, context: Context, header: Header, name: str, frame: np.ndarray, piece: Clean, held: list[str]
    ) -> dict[str, Any]:
        held = [*held, *[TEXT] * bool(piece.texts)]
        image_id = f"{self.looked.pseudonym or 'unknown'}_{self.looked.file_id}_{name}"
        where = context.folders.image(self.looked.pseudonym, image_id)
        try:
            if held:
                _write_private(context.folders.quarantine / f"{image_id}.png", frame)
                _write_private(context.folders.ready / f"{image_id}.png", piece.picture)
            else:
                write_image(context.folders.out / where, piece.picture)
        except OSError as error:
            raise Unwritable(error.strerror or "unknown reason") from None
        row = _row(context, header, piece) | {
            "image_id": image_id,
            "image": where.as_posix(),
            "patient_id": self.looked.pseudonym,
        }
        return {"row": row, "held": held, "texts": piece.texts, "box": piece.cut.box, "origin": piece.cut.origin}


def _looked(file: RawFile, header: Header, file_id: str, context: Context) -> Looked | Refusal:
    patient = context.settings.patients.patient(file, header.patient_id)
    numbers = None if header.frames is None else tuple(context.settings.numbers(header.frames))
    if numbers == ():
        return Refusal(file_id, f"has {header.frames} frames, and --frames names none of them")
    return Looked(
        file_id,
        context.pseudonyms.patient(patient) if patient else "",
        context.pseudonyms.identity(header.identity),
        override_key(header, context.settings),
        header.kind,
        numbers,
    )


def _samples(source: Source) -> list[np.ndarray]:
    """Frames of a clip to look at: about SAMPLES, evenly over its first SAMPLED, as far as they can be decoded."""
    first = min(SAMPLED, source.header.frames or SAMPLED)
    samples = []
    with suppress(IntakeError):  # it comes again, and is told, where the frames are taken
        for _, frame in source.frames(range(0, first, max(1, first // SAMPLES))):
            samples.append(frame)
    return samples


def _wanted(source: Source, numbers: tuple[int, ...] | None, settings: Settings) -> Iterator[tuple[int, np.ndarray]]:
    if numbers is None:
        numbers = tuple(settings.numbers(MOST_FRAMES))
    for wanted in progressions(numbers):
        yield from source.frames(wanted)


def _write_private(path: Path, picture: np.ndarray) -> None:
    write_image(path, picture)
    path.chmod(0o600)


def _lettered(pieces: list[Clean]) -> Iterator[tuple[str, Clean]]:
    """Several regions of one frame are frames a, b, c ... of their own."""
    for n, piece in enumerate(pieces):
        yield (chr(ord("a") + n) if len(pieces) > 1 else ""), piece


def _row(context: Context, header: Header, piece: Clean) -> dict[str, Any]:
    cut, settings = piece.cut, context.settings
    device = header.device or ""
    row: dict[str, Any] = {
        "device": device if settings.keep_device or not device else context.pseudonyms.device(device),
        "source": header.kind,
        "licence": settings.licence,
        "spacing_note": "" if cut.spacing else cut.note,
    }
    if cut.spacing:
        row |= dict(zip(SPACING, cut.spacing, strict=True))
    if settings.blank:
        row |= dict(zip(REGION, cut.box, strict=True))
    return row
