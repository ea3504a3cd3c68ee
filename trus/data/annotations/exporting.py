"""Frames of a manifest on their way to an annotation tool, with their masks or a model's proposals."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from trus import __version__
from trus.data.annotations.exchange import Format, FrameOut, ReadOptions, WriteOptions
from trus.data.annotations.matching import known_frames
from trus.data.annotations.names import export_names
from trus.data.annotations.objects import compose
from trus.data.annotations.record import ExportRecord, Sent, hash_labels
from trus.data.classes import Classes
from trus.data.images import image_size, read_frame, read_mask, write_image
from trus.data.manifest import Frame, Manifest
from trus.errors import AnnotationError, ImageError
from trus.files import hash_file

Proposer = Callable[[Frame], np.ndarray]
"""A frame -> label mask uint8 (H, W) in the classes of its manifest."""

_HARMLESS = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "gamma", "interlace", "adobe", "adobe_transform"),
    *("progressive", "progression"),
}
_SUFFIX = {"PNG": {".png"}, "JPEG": {".jpg", ".jpeg"}}


@dataclass(frozen=True)
class ExportOptions:
    """What the user says. `propose` draws frames that have no mask; `only` is None or unannotated, `split` None,
    train or test."""

    write: WriteOptions = field(default_factory=WriteOptions)
    propose: Proposer | None = None
    only: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class ExportSummary:
    """How many frames went out, with masks of people and with a model's; what the format cannot hold, and frames left
    behind because they cannot be read."""

    out: Path
    frames: int
    annotated: int
    proposed: int
    notes: list[str]
    refused: list[str]


def export_annotations(
    form: Format,
    manifest: Path,
    out: Path,
    options: ExportOptions | None = None,
    progress: Callable[[], Any] = lambda: None,
) -> ExportSummary:
    """Write the frames of `manifest` in a format, pictures included, into the new or empty folder `out`.

    The folder appears when it is complete. trus_export.json in it says which frame each file is; the import uses it
    where it comes back. Raises ManifestError, ImageError or AnnotationError; nothing is written then.
    """
    options = options or ExportOptions()
    if form.write is None:
        raise AnnotationError("this format can be imported only; `trus annotations formats` lists those to export")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AnnotationError(f"-o {out}: is there already and not an empty folder; choose another")
    loaded = Manifest.load(manifest)
    frames, refused = _readable(_chosen(loaded.frames, options), loaded.classes)
    going = _Going(options, _outgoing(loaded, frames), progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}-", dir=out.parent))
    try:
        notes = form.write(going.frames(), loaded.classes, folder, options.write)
        notes += going.read_back(form, folder, loaded.classes)
        ExportRecord(going.sent).save(folder, {"trus": __version__, "classes": loaded.classes.to_dict()["labels"]})
        folder.chmod(0o755)
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return going.summary(out, notes, refused)


def _chosen(frames: list[Frame], options: ExportOptions) -> list[Frame]:
    chosen = [
        frame
        for frame in frames
        if (options.only != "unannotated" or frame.mask is None) and options.split in (None, frame.split)
    ]
    if not chosen:
        raise AnnotationError(f"none of the {len(frames)} frames is meant by --only and --split")
    return chosen


def _readable(frames: list[Frame], classes: Classes) -> tuple[list[Frame], list[str]]:
    readable, refused = [], []
    for frame in frames:
        try:
            shape = read_frame(frame.image).shape[:2]
            mask = None if frame.mask is None else read_mask(frame.mask)
            if mask is not None and mask.shape != shape:
                raise ImageError(f"{frame.mask}: is not of its frame's size, {shape[1]}x{shape[0]} px")
            unknown = [] if mask is None else np.setdiff1d(mask, [*classes.labels]).tolist()
            if unknown:
                raise ImageError(f"{frame.mask}: holds labels {unknown} that classes.json does not name")
            readable.append(frame)
        except ImageError as error:
            refused.append(f"{frame.image_id}: {error}")
    if not readable:
        raise AnnotationError("\n  ".join(["no frame can be exported", *refused]))
    return readable, refused


def _outgoing(manifest: Manifest, frames: list[Frame]) -> list[tuple[Frame, str]]:
    """Frames with their file names, which are told over the whole manifest, so that the import finds them again."""
    suffixes = {
        frame.image_id: frame.image.suffix.lower() if _can_be_copied(frame.image) else ".png" for frame in frames
    }
    names = export_names(known_frames(manifest.frames, manifest.path), suffixes)
    return [(frame, names[frame.image_id]) for frame in frames]


class _Going:
    """Frames as the writer asks for them, and what was sent."""

    def __init__(self, options: ExportOptions, outgoing: list[tuple[Frame, str]], progress: Callable[[], Any]):
        self.options = options
        self.outgoing = outgoing
        self.progress = progress
        self.sent: dict[str, Sent] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.scaled = 0

    def frames(self) -> Iterator[FrameOut]:
        for frame, name in self.outgoing:
            size = self.sizes[name] = image_size(frame.image)
            self.sent[name] = Sent(frame.image_id, hash_file(frame.image))
            labels, copy = partial(self._labels, frame, name), partial(self._copy, frame.image)
            yield FrameOut(frame.image_id, name, size, labels, copy, frame.spacing)
            self.progress()

    def _labels(self, frame: Frame, name: str) -> np.ndarray | None:
        if frame.mask is not None:
            labels, drawn_by = read_mask(frame.mask), "manifest"
        elif self.options.propose is not None:
            labels, drawn_by = self.options.propose(frame), "model"
        else:
            return None
        self.sent[name] = replace(self.sent[name], labels_sha256=hash_labels(labels), drawn_by=drawn_by)
        return labels

    def read_back(self, form: Format, folder: Path, classes: Classes) -> list[str]:
        """Read the export as an import would; keep the hashes of what comes back, and say what has changed."""
        if form.read is None or all(sent.unannotated for sent in self.sent.values()):
            return []
        changed, refused = 0, []
        for frame in form.read(folder, ReadOptions(classes=classes)).frames:
            name = PurePosixPath(frame.name).name
            sent = self.sent.get(name)
            if frame.draw is None or sent is None or sent.unannotated:
                continue
            try:
                digest = hash_labels(compose(frame.draw(), classes, self.sizes[name])[0])
            except AnnotationError as error:
                refused.append(f"{name} would be refused when it comes back: {error}")
                continue
            changed += digest != sent.labels_sha256
            self.sent[name] = replace(sent, labels_sha256=digest)
        edges = f"{changed} mask(s) come back changed at their edges; --tolerance 0 brings all back exactly"
        return [*refused, *([edges] if changed else [])]

    def _copy(self, image: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if _can_be_copied(image):
            shutil.copyfile(image, target)
            return
        picture = read_frame(image)
        if picture.dtype == np.uint16:
            self.scaled += 1
            picture = _eight_bits(picture)
        write_image(target, picture)

    def summary(self, out: Path, notes: list[str], refused: list[str]) -> ExportSummary:
        by = Counter(sent.drawn_by for sent in self.sent.values())
        if self.scaled:
            notes = [
                *notes,
                f"{self.scaled} frame(s) of 16 bits were scaled to 8 for the tool; the frames stay as they are",
            ]
        return ExportSummary(out, len(self.sent), by["manifest"], by["model"], notes, refused)


def _can_be_copied(image: Path) -> bool:
    """Whether every tool opens the file as it is, and nothing but pixels is in it: no EXIF, comment or profile."""
    try:
        with Image.open(image) as opened:
            plain = opened.mode in ("L", "RGB") and image.suffix.lower() in _SUFFIX.get(opened.format or "", ())
            return plain and not opened.getexif() and set(opened.info) <= _HARMLESS
    except (OSError, ValueError, SyntaxError):
        return False  # reading it in full says what is wrong


def _eight_bits(picture: np.ndarray) -> np.ndarray:
    low, high = int(picture.min()), int(picture.max())
    return ((picture.astype(np.float32) - low) * (255 / max(1, high - low))).round().astype(np.uint8)
