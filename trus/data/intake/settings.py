"""What the user asks of an intake, checked, and in a form that a worker process can be sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trus.data.intake.raw_files import PatientRule
from trus.data.intake.side_files import DeviceRegion
from trus.data.intake.source import Box
from trus.errors import IntakeError

MOST_FRAMES = 100_000
"""No clip is followed further than this."""


@dataclass(frozen=True)
class Settings:
    """`region` is one box for all files, or `whole`; `ranges` are the frames of clips, None for all of them."""

    patients: PatientRule
    region: Box | str | None = None
    device_regions: tuple[DeviceRegion, ...] = ()
    blank: bool = False
    every: int = 1
    ranges: tuple[range, ...] | None = None
    axis: int = 2
    keep_device: bool = False
    licence: str = ""

    def __post_init__(self) -> None:
        """Raises IntakeError where options contradict each other."""
        if self.every > 1 and self.ranges is not None:
            raise IntakeError("--every and --frames: give one of them; a range has a step of its own, e.g. 0:100:5")

    def numbers(self, frames: int) -> list[int]:
        """The frames to take of a file that has `frames`; a single one is always taken."""
        if frames == 1:
            return [0]
        if self.ranges is None:
            return list(range(0, frames, self.every))
        return sorted(
            {number for wanted in self.ranges for number in range(frames)[wanted.start : wanted.stop : wanted.step]}
        )

    def lasting(self) -> dict[str, Any]:
        """Options that must stay the same from run to run, lest one OUT mix frames made in different ways."""
        frames = None if self.ranges is None else [[r.start, r.stop, r.step] for r in self.ranges]
        return {
            "--patient-from": self.patients.kind,
            "--patient-regex": self.patients.pattern,
            "--outside": "blank" if self.blank else "crop",
            "--every": self.every,
            "--frames": frames,
            "--axis": self.axis,
            "--keep-device": self.keep_device,
            "--licence": self.licence,
        }


def parse_region(text: str | None) -> Box | str | None:
    """`x0,y0,x1,y1` or `whole`. Raises IntakeError."""
    if text is None or text == "whole":
        return text
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError:
        raise IntakeError(f"--region {text!r}: write x0,y0,x1,y1 in pixels, e.g. 120,60,900,700, or whole") from None
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise IntakeError(f"--region {text!r}: must be 0 <= x0 < x1 and 0 <= y0 < y1")
    return x0, y0, x1, y1


def parse_frames(text: str | None) -> tuple[range, ...] | None:
    """`0:100:5` (stop exclusive), `10,20`, or a mixture. Raises IntakeError."""
    if text is None:
        return None
    return tuple(_range(part, text) for part in text.split(","))


def _range(part: str, text: str) -> range:
    pieces = part.strip().split(":")
    wrong = IntakeError(f"--frames {text!r}: cannot read {part!r}; write START:STOP:STEP or numbers, e.g. 0:100:5,200")
    if len(pieces) > 3 or not all(piece.isascii() and (piece.isdigit() or not piece) for piece in pieces):
        raise wrong
    if len(pieces) == 1:
        if not pieces[0]:
            raise wrong
        return range(int(pieces[0]), int(pieces[0]) + 1)
    start, stop, step = (int(piece) if piece else None for piece in [*pieces, ""][:3])
    if step == 0:
        raise wrong
    return range(start or 0, MOST_FRAMES if stop is None else min(stop, MOST_FRAMES), step or 1)


def progressions(numbers: Iterable[int]) -> Iterator[range]:
    """Rising numbers as few ranges with a step, in order: what `Source.frames` is asked for."""
    run: list[int] = []
    for number in numbers:
        if len(run) > 1 and number - run[-1] != run[1] - run[0]:
            yield _as_range(run)
            run = []
        run.append(number)
    if run:
        yield _as_range(run)


def _as_range(run: list[int]) -> range:
    return range(run[0], run[-1] + 1, run[1] - run[0] if len(run) > 1 else 1)
