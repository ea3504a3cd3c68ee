"""Corrected masks become data to train on: a manifest that `trus check` passes and scripts/train.py reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trus.app.exports.deidentified import Kept, keep
from trus.app.exports.download import Download, zipped_folder
from trus.app.exports.folders import private_folder, writing
from trus.app.exports.going import Going, same_classes
from trus.app.exports.request import ExportOptions, wrong
from trus.data.annotations.store import Row, Staging, Store, claimed, staging
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.schema import REGION, SPACING
from trus.errors import ImageError
from trus.serving.problems import Problem

SOURCE = "annotated with trus app"
FURTHER = ("corrected", "seconds", "annotated", "model", "model_sha256", "thresholds")
"""Columns of the manifest beside those of its schema; `annotated` is the UTC time of the export."""
_OURS = {*SPACING, *REGION, *FURTHER, "spacing_note"}
"""Columns of which nothing is left from before when a frame is exported again."""
_TEXT = "something in it looks like text that was burnt in, such as a name"
Outcome = Literal["new", "replaced", "unchanged"]


@dataclass
class Saved:
    """What became of the frames. `kept` says of each that was taken how much of its picture; `refused` why not.

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

    def count(self, outcome: Outcome) -> None:
        """One more frame that was taken."""
        self.frames += 1
        setattr(self, outcome, getattr(self, outcome) + 1)


def save_into(going: Sequence[Going], options: ExportOptions, folder: Path) -> Saved:
    """Add the frames to the data set in `folder`, or make one there. All that are not refused go in, or none.

    A frame is known by its picture: exported again, its mask is replaced, and the state before is kept below
    `folder`/earlier. Frames with what looks like burnt-in text are refused, unless `accept_text`, and a picture that
    comes twice. No file name and nothing of a header goes in. Raises Problem: 409 for a data set of other classes, or
    one that is being written, 507 for a full disk, 403 for a folder that may not be written, 422 as `Going.labels`.
    """
    with writing(folder):
        return _save(going, options, folder)


def download(going: Sequence[Going], options: ExportOptions) -> Download:
    """The same data set as an archive, with export.json, which says what was kept of each picture."""
    with private_folder() as folder:
        saved = _save(going, options, folder / "set")
        if not saved.frames:
            raise wrong(f"no frame was taken: {saved.refused[0]['detail']}", "nothing-taken")
        about = asdict(saved) | {"folder": "", "manifest": "manifest.csv"}
        for entry in (*about["kept"], *about["refused"]):
            del entry["name"]  # the archive may be handed on
        text = json.dumps(about, indent=2, ensure_ascii=False)
        (folder / "set" / "export.json").write_text(text, encoding="utf-8")
        return zipped_folder("trus-training-data.zip", folder / "set")


def _save(going: Sequence[Going], options: ExportOptions, folder: Path) -> Saved:
    classes = same_classes(going)
    with claimed(folder):
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


def _stage(going: Sequence[Going], options: ExportOptions, classes: Classes, stage: Staging) -> Saved:
    saved, taken = Saved(), dict[str, int]()
    for number, frame in enumerate(going, 1):
        labels, kept = frame.labels(), keep(frame.picture(), frame.regions)
        about: dict[str, Any] = {"frame": number, "name": frame.asked.name}
        image_id = _image_id(kept.picture)
        if kept.text and not options.accept_text:
            saved.refused.append(about | {"reason": "text", "detail": _TEXT})
        elif image_id in taken:
            detail = f"the same picture as frame {taken[image_id]}"
            saved.refused.append(about | {"reason": "same-picture", "detail": detail})
        else:
            taken[image_id] = number
            saved.count(_take(image_id, frame, kept, labels, classes, stage))
            outside = _outside(labels, kept)
            entry = {"image_id": image_id, "part": kept.part, "box": kept.box, "mask_outside_px": outside}
            saved.kept.append(about | entry)
    saved.notes = _notes(saved)
    return saved


def _take(image_id: str, frame: Going, kept: Kept, labels: np.ndarray, classes: Classes, stage: Staging) -> Outcome:
    """Put one frame into the stage."""
    store = stage.store
    earlier = store.rows.get(image_id)
    others = {name: text for name, text in (earlier or {}).items() if name not in _OURS}
    row: Row = {"image_id": image_id, "source": SOURCE, **others, **_row(frame, kept)}
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
        "patient_id": asked.patient_id,
        "annotator": asked.annotator,
        **dict(zip(SPACING, spacing or (None, None), strict=True)),
        **dict(zip(REGION, kept.box or (None,) * 4, strict=True)),
        "spacing_note": scale.note if spacing is None or asked.stated else None,
        "corrected": "yes" if asked.corrected else "no",
        "seconds": None if asked.seconds is None else round(asked.seconds),
        "annotated": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": asked.model,
        "model_sha256": asked.model_sha256,
        "thresholds": "; ".join(f"{name} {value:g}" for name, value in sorted(asked.thresholds.items())),
    }
    texts = {name: " ".join(str(value).split()) for name, value in cells.items() if value is not None}
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
    outside = sum(entry["mask_outside_px"] > 0 for entry in saved.kept)
    counted = [f"{parts.count(part)} frame(s): {part} kept" for part in dict.fromkeys(parts)]
    return counted + ([f"{outside} mask(s) reach beyond the part that was kept"] if outside else [])


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
