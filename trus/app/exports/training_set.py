"""Corrected masks become data to train on: a manifest that `trus check` passes and scripts/train.py reads."""

import errno
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from trus.app.exports.annotation import private_folder
from trus.app.exports.deidentified import Kept, keep
from trus.app.exports.download import Download, zipped_folder
from trus.app.exports.going import Going, same_classes
from trus.app.exports.request import ExportOptions
from trus.data.annotations.store import Row, Staging, Store, claimed, staging
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.schema import REGION, SPACING
from trus.errors import ImageError, ManifestError
from trus.serving.problems import Problem

FURTHER = ("corrected", "seconds", "annotated", "model", "model_sha256", "thresholds")
"""Columns of the manifest beside those of its schema; `annotated` is the UTC time of the export."""
SOURCE = "annotated with trus app"
_TEXT = "something in it looks like text that was burnt in, such as a name"


@dataclass
class Saved:
    """What became of the frames. `kept` says of each that was written how much of its picture; `refused` why not.

    `earlier`: where the state before is kept, if something was replaced.
    """

    folder: str = ""
    manifest: str = ""
    frames: int = 0
    new: int = 0
    replaced: int = 0
    unchanged: int = 0
    kept: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    earlier: str | None = None


def save_into(going: Sequence[Going], options: ExportOptions, folder: Path) -> Saved:
    """Add the frames to the data set in `folder`, or make one there. All of them go in, or none.

    A frame is known by its picture: exported again, its mask is replaced, and the state before is kept below
    `folder`/earlier. Frames with what looks like burnt-in text are refused, unless `accept_text`. No file name, header
    or unknown patient goes in. Raises Problem: 409 for a data set of other classes, or one that is being written, 507 for
    a full disk, 403 for a folder that may not be written, 422 as `Going.labels`.
    """
    classes = same_classes(going)
    with _writing(folder), claimed(folder):
        store = Store.load(folder, None)
        _check_classes(store, classes)
        with staging(store) as stage:
            saved = _stage(going, options, classes, stage)
            if saved.frames:
                stage.finish(classes)
                earlier = stage.apply(classes)
                saved.earlier = str(earlier) if earlier else None
    saved.folder, saved.manifest = str(folder), str(folder / "manifest.csv")
    return saved


def download(going: Sequence[Going], options: ExportOptions) -> Download:
    """The same data set as an archive, with export.json, which says what was kept of each picture."""
    with private_folder() as folder:
        saved = save_into(going, options, folder / "set")
        about = asdict(saved) | {"folder": "", "manifest": "manifest.csv"}
        if not saved.frames:
            raise Problem(422, "Nothing to export", f"no frame was taken: {_TEXT}", "text-found")
        (folder / "set" / "export.json").write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")
        return zipped_folder("trus-training-data.zip", folder / "set")


def _stage(going: Sequence[Going], options: ExportOptions, classes: Classes, stage: Staging) -> Saved:
    saved = Saved()
    for number, frame in enumerate(going):
        labels, kept = frame.labels(), keep(frame.picture(), frame.regions)
        about = {"frame": number, "name": frame.asked.name}
        if kept.text and not options.accept_text:
            saved.refused.append(about | {"reason": "text", "detail": _TEXT})
            continue
        image_id = _image_id(kept.picture)
        outcome = _take(image_id, frame, kept, labels, classes, stage)
        setattr(saved, outcome, getattr(saved, outcome) + 1)
        saved.frames += 1
        outside = _outside(labels, kept)
        saved.kept.append(
            about | {"image_id": image_id, "part": kept.part, "box": kept.box, "mask_outside_px": outside}
        )
    saved.notes = _notes(saved)
    return saved


def _take(image_id: str, frame: Going, kept: Kept, labels: np.ndarray, classes: Classes, stage: Staging) -> str:
    """Put one frame into the stage: `new`, `replaced` or `unchanged`."""
    store = stage.store
    earlier = store.rows.get(image_id)
    row: Row = {**(earlier or {}), "image_id": image_id, **_row(frame, kept)}
    row.setdefault("source", SOURCE)
    if earlier is not None and _same(earlier, row) and _same_mask(store.mask_of(image_id), labels):
        return "unchanged"
    target = store.folder / "images" / f"{image_id}.png"
    row["image"] = store.relative(target)
    store.rows[image_id] = row
    stage.put_picture(target, lambda path: write_image(path, kept.picture))
    stage.put_mask(image_id, labels, classes)
    return "new" if earlier is None else "replaced"


def _row(frame: Going, kept: Kept) -> Row:
    """What the manifest says of a frame, without empty cells."""
    asked, scale = frame.asked, frame.scale
    spacing = scale.within(kept.box)
    cells: dict[str, Any] = {
        "patient_id": (asked.patient_id or "").strip(),
        "annotator": asked.annotator.strip(),
        **dict(zip(SPACING, spacing or ("", ""), strict=True)),
        **dict(zip(REGION, kept.box or ("",) * 4, strict=True)),
        "spacing_note": scale.note if spacing is None or asked.stated else "",
        "corrected": "yes" if asked.corrected else "no",
        "seconds": "" if asked.seconds is None else round(asked.seconds),
        "annotated": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": asked.model,
        "model_sha256": asked.model_sha256,
        "thresholds": "; ".join(f"{name} {value:g}" for name, value in sorted(asked.thresholds.items())),
    }
    texts = {name: " ".join(str(value).split()) for name, value in cells.items()}
    return {name: text for name, text in texts.items() if text}


def _same(earlier: Row, row: Row) -> bool:
    return {**earlier, "annotated": ""} == {**row, "annotated": ""}


def _same_mask(path: Path | None, labels: np.ndarray) -> bool:
    try:
        return path is not None and bool(np.array_equal(read_mask(path), labels))
    except ImageError:
        return False


def _image_id(picture: np.ndarray) -> str:
    """Of what is handed on, so that it tells nothing of the file: the same picture has the same name."""
    content = f"{picture.shape} {picture.dtype} ".encode() + np.ascontiguousarray(picture).tobytes()
    return f"F-{sha256(content).hexdigest()[:16]}"


def _outside(labels: np.ndarray, kept: Kept) -> int:
    """Pixels of the mask beyond the part of the picture that was kept."""
    if kept.box is None:
        return 0
    x0, y0, x1, y1 = kept.box
    return int(np.count_nonzero(labels)) - int(np.count_nonzero(labels[y0:y1, x0:x1]))


def _notes(saved: Saved) -> list[str]:
    parts = [entry["part"] for entry in saved.kept]
    counted = [f"{parts.count(part)} frame(s): {part} kept" for part in dict.fromkeys(parts)]
    outside = sum(entry["mask_outside_px"] > 0 for entry in saved.kept)
    refused = [f"{len(saved.refused)} frame(s) refused: {_TEXT}"] if saved.refused else []
    return counted + ([f"{outside} mask(s) reach beyond the part that was kept"] if outside else []) + refused


def _check_classes(store: Store, classes: Classes) -> None:
    theirs = store.classes
    if theirs is not None and (theirs.labels, theirs.contains) != (classes.labels, classes.contains):
        detail = (
            f"the data set there has the classes {_named(theirs)}, these frames have {_named(classes)}; masks of both "
            "cannot stand in one data set: choose another folder (--save-to), or a model with its classes"
        )
        raise Problem(409, "Other classes", detail, "other-classes")


def _named(classes: Classes) -> str:
    return ", ".join(f"{value} {name}" for value, name in sorted(classes.labels.items()) if value)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What the system or the data set there says, as a Problem."""
    try:
        yield
    except OSError as error:
        raise _PROBLEMS.get(error.errno or 0, _unwritable)(folder) from None
    except ManifestError as error:
        if "another import" in str(error):
            detail = "another export is being written into that folder; wait for its end and try again"
            raise Problem(409, "Folder in use", detail, "folder-in-use", {"Retry-After": "2"}) from None
        raise


def _full(folder: Path) -> Problem:
    detail = f"the disk of {folder} is full: nothing was written; free some space or choose another folder (--save-to)"
    return Problem(507, "Disk full", detail, "disk-full")


def _unwritable(folder: Path) -> Problem:
    detail = f"{folder} cannot be written into: nothing was written; mend its permissions or choose another (--save-to)"
    return Problem(403, "Folder not writable", detail, "folder-not-writable")


_PROBLEMS: dict[int, Callable[[Path], Problem]] = {errno.ENOSPC: _full, errno.EDQUOT: _full, errno.EFBIG: _full}
