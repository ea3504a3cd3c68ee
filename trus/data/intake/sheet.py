"""Contact sheets of an intake: each frame before and after, for checking by eye. They show untouched pixels."""

import hashlib
import heapq
import shutil
import textwrap
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from trus.data.images import read_frame
from trus.data.intake.folders import Folders, write_private
from trus.data.intake.journal import Journal
from trus.data.intake.open import open_source
from trus.data.intake.publish import released_and_held
from trus.data.intake.source import Box
from trus.data.intake.tasks import Context
from trus.data.intake.workers import Workers
from trus.errors import TrusError
from trus.inference.overlay import display

PAIRS, MOST_PAIRS = 96, 480
"""Pairs drawn of released frames and as many of held ones; more where there are more patients, up to the second."""
COLUMNS, ROWS = 3, 4
TILE = (300, 225)
GAP, CAPTION, TITLE, MARGIN = 6, 76, 68, 28
BACKGROUND, PANEL, INK, FAINT = (24, 26, 30), (36, 39, 45), (236, 238, 241), (164, 170, 180)
REGION_COLOUR, TEXT_COLOUR = (86, 180, 233), (255, 140, 40)


@dataclass(frozen=True)
class Pair:
    """A frame before and after, as uint8 RGB no larger than TILE; None where the raw file is no longer there."""

    before: np.ndarray | None
    after: np.ndarray | None
    entry: dict[str, Any]


@dataclass(frozen=True)
class Show:
    """Task: the two pictures of a frame."""

    order: int
    path: Path
    entry: dict[str, Any]
    held: bool

    def seconds(self) -> int:
        """How long it may take."""
        return 60

    def perform(self, context: Context) -> Pair:
        """Held frames come from quarantine, released ones from the raw file and from OUT."""
        image_id, folders = self.entry["row"]["image_id"], context.folders
        after = folders.ready / f"{image_id}.png" if self.held else folders.out / self.entry["row"]["image"]
        return Pair(
            _thumbnail(self._before(context), self.entry["box"], self.entry["texts"]),
            _thumbnail(_read(after)),
            self.entry,
        )

    def _before(self, context: Context) -> np.ndarray | None:
        image_id = self.entry["row"]["image_id"]
        if self.held:
            return _read(context.folders.quarantine / f"{image_id}.png")
        number = int(image_id.rpartition("_")[2][:5])
        try:
            frames = open_source(self.path, context.settings.axis).frames(range(number, number + 1))
            return next((frame for _, frame in frames), None)
        except TrusError:
            return None


@dataclass
class Sheets:
    """How many sheets were drawn, with how many pairs, of how many frames."""

    sheets: int = 0
    pairs: int = 0
    frames: int = 0


def draw_sheets(journal: Journal, folders: Folders, workers: Workers) -> Sheets:
    """Draw all contact sheets anew: released_NNN.png and quarantine_NNN.png."""
    sheets = folders.sheets
    shutil.rmtree(sheets, ignore_errors=True)
    sheets.mkdir(mode=0o700)
    result = Sheets()
    for held in (False, True):
        tasks, count = _sample(journal, held)
        shown = _shown(tasks, workers)
        kind = "quarantine" if held else "released"
        for n in range(0, len(shown), COLUMNS * ROWS):
            title = f"{kind}: {n + 1} to {min(n + COLUMNS * ROWS, len(shown))} of {len(shown)} shown, {count} in all"
            _save(_draw(shown[n : n + COLUMNS * ROWS], title, held), sheets / f"{kind}_{n // 12 + 1:03d}.png")
            result.sheets += 1
        result.pairs += len(shown)
        result.frames += count
    return result


def _sample(journal: Journal, held: bool) -> tuple[list[Show], int]:
    """A fixed sample: the first frame of each patient on each device, then others by the hash of their id."""
    groups: set[tuple[str, str]] = set()
    count = 0

    def ranked() -> Iterator[tuple[int, str, str, dict[str, Any]]]:
        nonlocal count
        for record, entry, waits in released_and_held(journal):
            if waits is held:
                count += 1
                yield _rank(entry, groups), _hash(entry), record.path, entry

    chosen = heapq.nsmallest(MOST_PAIRS, ranked(), key=lambda item: item[:2])
    chosen = chosen[: max(PAIRS, len(groups))]
    chosen.sort(key=lambda item: str(item[3]["row"]["image_id"]))
    return [Show(n, Path(path), entry, held) for n, (_, _, path, entry) in enumerate(chosen)], count


def _rank(entry: dict[str, Any], groups: set[tuple[str, str]]) -> int:
    group = entry["row"]["patient_id"], entry["row"]["device"]
    if group in groups:
        return 1
    groups.add(group)
    return 0


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(entry["row"]["image_id"].encode()).hexdigest()


def _shown(tasks: list[Show], workers: Workers) -> list[Pair]:
    waiting = deque(tasks)
    pairs: dict[int, Pair] = {}
    while waiting or workers.busy:
        while workers.free and waiting:
            workers.submit(waiting.popleft())
        for task, pair in workers.finished():
            if isinstance(task, Show):
                pairs[task.order] = pair if isinstance(pair, Pair) else Pair(None, None, task.entry)
    return [pairs[n] for n in sorted(pairs)]


def _read(path: Path) -> np.ndarray | None:
    try:
        return read_frame(path)
    except TrusError:
        return None


def _thumbnail(frame: np.ndarray | None, box: Box | None = None, texts: Sequence[Box] = ()) -> np.ndarray | None:
    if frame is None:
        return None
    height, width = frame.shape[:2]
    scale = min(TILE[0] / width, TILE[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.ascontiguousarray(cv2.resize(display(frame), size, interpolation=cv2.INTER_AREA))
    for boxes, colour, thickness in (([box] if box else [], REGION_COLOUR, 1), (texts, TEXT_COLOUR, 1)):
        for x0, y0, x1, y1 in boxes:
            near, far = (int(x0 * scale), int(y0 * scale)), (int(x1 * scale) - 1, int(y1 * scale) - 1)
            cv2.rectangle(small, near, far, colour, thickness)
    return small


def _draw(pairs: list[Pair], title: str, held: bool) -> Image.Image:
    cell = (2 * TILE[0] + GAP, TILE[1] + CAPTION)
    rows = -(-len(pairs) // COLUMNS)
    columns = min(COLUMNS, len(pairs))
    width = 2 * MARGIN + columns * cell[0] + (columns - 1) * MARGIN
    sheet = Image.new("RGB", (width, TITLE + rows * (cell[1] + GAP) + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 14), title, INK, _font(19))
    after = "what would be handed on" if held else "what is handed on"
    draw.text(
        (MARGIN, 38), f"left: the raw frame with its region (blue) and text (orange); right: {after}", FAINT, _font(14)
    )
    for n, pair in enumerate(pairs):
        x, y = MARGIN + n % COLUMNS * (cell[0] + MARGIN), TITLE + n // COLUMNS * (cell[1] + GAP)
        _paste(sheet, pair.before, x, y)
        _paste(sheet, pair.after, x + TILE[0] + GAP, y)
        draw.text((x, y + TILE[1] + 4), pair.entry["row"]["image_id"], INK, _font(14))
        caption = "\n".join(textwrap.wrap(_caption(pair.entry), 88)[:2])
        draw.text((x, y + TILE[1] + 22), caption, TEXT_COLOUR if held else FAINT, _font(13))
    return sheet


def _paste(sheet: Image.Image, picture: np.ndarray | None, x: int, y: int) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((x, y, x + TILE[0] - 1, y + TILE[1] - 1), PANEL)
    if picture is None:
        draw.text((x + TILE[0] // 2, y + TILE[1] // 2), "no longer there", FAINT, _font(13), anchor="mm")
        return
    height, width = picture.shape[:2]
    sheet.paste(Image.fromarray(picture), (x + (TILE[0] - width) // 2, y + (TILE[1] - height) // 2))


def _caption(entry: dict[str, Any]) -> str:
    if entry["held"]:
        return "; ".join(entry["held"])
    row = entry["row"]
    if row.get("spacing_row_mm"):
        return f"{entry['origin']} region, {row['spacing_row_mm']:.4g} x {row['spacing_col_mm']:.4g} mm a pixel"
    return f"{entry['origin']} region, no spacing: {row['spacing_note']}"


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _save(sheet: Image.Image, path: Path) -> None:
    buffer = BytesIO()
    sheet.save(buffer, format="PNG", compress_level=4)
    write_private(path, buffer.getvalue())
