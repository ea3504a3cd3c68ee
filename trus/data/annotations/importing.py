"""An export becomes part of a data set: frames found or made, classes agreed on, masks written, nothing lost."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.archives import opened
from trus.data.annotations.categories import Naming, check_compatible
from trus.data.annotations.changes import Changes
from trus.data.annotations.exchange import Export, Format, ReadOptions
from trus.data.annotations.frames import Job, chosen_annotator, new_frames
from trus.data.annotations.matching import frames_of_manifest
from trus.data.annotations.neighbours import Neighbours
from trus.data.annotations.placing import Placing
from trus.data.annotations.record import ExportRecord
from trus.data.annotations.store import Staging, Store, claimed, staging
from trus.data.classes import Classes
from trus.errors import AnnotationError, ManifestError, TrusError


@dataclass(frozen=True)
class ImportOptions:
    """What the user says besides format, source and target; see `trus annotations import --help`."""

    manifest: Path | None = None
    images: Path | None = None
    classes: Classes | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    patient_regex: str | None = None
    split: str | None = None
    copy: bool = False
    update: bool = False
    keep_copies: bool = False
    annotator: str | None = None


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, for the person who ran it.

    `frames`, `without_mask` and `empty_masks` count what the export held and was taken over; `rows`, `annotated`,
    `patients` and `test_frames` the manifest afterwards. `applied` is False where something that is there would have
    been replaced: then nothing was written, and `changes` says what it was. `earlier` is where the state before is
    kept.
    """

    manifest: Path
    classes: Classes
    frames: int
    without_mask: int
    empty_masks: int
    rows: int
    annotated: int
    patients: int
    test_frames: int
    changes: Changes
    applied: bool
    earlier: Path | None
    refused: list[str]
    notes: list[str]


def import_annotations(
    form: Format,
    source: Path,
    out: Path,
    options: ImportOptions | None = None,
    progress: Callable[[int, int], Any] = lambda done, total: None,
) -> ImportSummary:
    """Read `source` (a file, folder or .zip of it) and write `out`/manifest.csv, classes.json and masks/.

    With `options.manifest` the annotations are laid onto its frames; otherwise each picture of the export is a frame.
    A frame that cannot be taken over is refused by a line in the summary and the rest goes on. The same import twice
    changes nothing; what would replace something needs `options.update`. `progress` gets (done, total).
    Raises TrusError where nothing can be imported; nothing is written then.
    """
    options = options or ImportOptions()
    if form.read is None:
        raise AnnotationError("this format can be exported only")
    _check_overlap(source, out)
    if options.images is not None and not options.images.is_dir():
        raise AnnotationError(f"--images {options.images}: no such folder")
    with claimed(out), opened(source) as folder:
        store = Store.load(out, options.manifest)
        wanted = options.classes or store.classes
        export = form.read(folder, ReadOptions(wanted, options.images, options.annotator))
        naming = Naming(export.classes, wanted, options.rename)
        if store.annotated and store.classes is not None:
            check_compatible(store.classes, naming.classes, str(out))
        placing = Placing(naming, Neighbours(store.images if options.manifest else {}))
        run = _Run(store, options, placing, ExportRecord.find(folder), form.tells_empty, folder != source)
        return run.go(export, progress)


class _Run:
    """One import, from the frames of an export to the summary."""

    def __init__(
        self,
        store: Store,
        options: ImportOptions,
        placing: Placing,
        record: ExportRecord,
        tells_empty: bool,
        unpacked: bool,
    ):
        self.store = store
        self.options = options
        self.placing = placing
        self.record = record
        self.tells_empty = tells_empty
        self.unpacked = unpacked
        self.copy = options.copy or unpacked
        self.refused: list[str] = []
        self.count: Counter[str] = Counter()

    def go(self, export: Export, progress: Callable[[int, int], Any]) -> ImportSummary:
        """Take over what can be; write it where nothing is replaced or that is wanted."""
        self.refused += export.refused
        jobs = self._jobs(export)
        classes = self.placing.naming.classes
        with staging(self.store) as stage:
            for number, job in enumerate(jobs):
                self._take(job, stage)
                progress(number + 1, len(jobs))
            self.placing.naming.check()
            if not self.store.rows:
                raise AnnotationError("\n  ".join(["nothing can be imported", *self.refused]))
            changes = stage.finish(classes)
            applied = self.options.update or not changes.overwrites
            earlier = stage.apply(classes) if applied and not changes.nothing else None
        return self._summary(classes, changes, applied, earlier, self._notes(export, jobs))

    def _jobs(self, export: Export) -> list[Job]:
        frames, refused = chosen_annotator(export.frames, self.options.annotator)
        self.refused += refused
        if self.options.manifest is not None:
            jobs, refused = frames_of_manifest(frames, self.options.manifest, self.record)
        else:
            jobs, refused = new_frames(
                frames, self.options.images, self.options.patient_regex, self.options.split, self.options.keep_copies
            )
        self.refused += refused
        return jobs

    def _take(self, job: Job, stage: Staging) -> None:
        try:
            picture = job.read()
            labels = self.placing.labels(job.copies, job.image, picture)
            self.store.mask_target(job.image_id)
        except TrusError as error:
            self.refused.append(f"{job.name}: {error}")
            return
        labels = self._returned(job, labels)
        row = self.store.rows.setdefault(job.image_id, {"image_id": job.image_id})
        row |= job.row | ({"annotator": job.annotator} if labels is not None and job.annotator else {})
        if self.options.manifest is None:
            row["image"] = self._picture(job, picture, stage)
        self.count["frames"] += 1
        self.count["without"] += labels is None
        if labels is not None:
            self.count["empty"] += not labels.any()
            stage.put_mask(job.image_id, labels, self.placing.naming.classes)

    def _picture(self, job: Job, picture: np.ndarray, stage: Staging) -> str:
        if job.image is not None and not self.copy:
            return self.store.relative(job.image)
        suffix = ".png" if job.image is None else job.image.suffix
        target = self.store.folder / "images" / f"{job.image_id}{suffix}"
        stage.put_picture(target, job.write_to(picture))
        return self.store.relative(target)

    def _returned(self, job: Job, labels: np.ndarray | None) -> np.ndarray | None:
        """What the record of our own export tells of labels that came back."""
        if labels is None or not (sent := self.record.sent(job.name)):
            return labels
        if sent.unannotated and not labels.any() and not self.tells_empty:
            self.placing.notes[
                "frame(s) went out without annotation and came back empty: taken as not annotated; the format cannot "
                "tell the two apart"
            ] += 1
            return None
        if sent.is_proposal(labels):
            self.placing.notes["frame(s) came back exactly as the model drew them; was each looked at?"] += 1
        return labels

    def _notes(self, export: Export, jobs: list[Job]) -> list[str]:
        counted = [f"{number} {note}" for note, number in self.placing.notes.items()]
        kept = sum(1 for name in self.store.before if name not in {job.image_id for job in jobs})
        rest = [f"{kept} frame(s) that are not in this import stay as they are"] if kept else []
        copied = ["the frames were copied to images/, as the archive is unpacked for the import only"]
        unpacked = copied if self.unpacked and not self.options.copy and not self.options.manifest else []
        return [*export.notes, *self.placing.naming.notes(), *counted, *self.placing.details, *unpacked, *rest]

    def _summary(
        self, classes: Classes, changes: Changes, applied: bool, earlier: Path | None, notes: list[str]
    ) -> ImportSummary:
        rows = self.store.rows.values()
        return ImportSummary(
            manifest=self.store.folder / "manifest.csv",
            classes=classes,
            frames=self.count["frames"],
            without_mask=self.count["without"],
            empty_masks=self.count["empty"],
            rows=len(rows),
            annotated=sum("mask" in row for row in rows),
            patients=len({row["patient_id"] for row in rows if row.get("patient_id")}),
            test_frames=sum(row.get("split") == "test" for row in rows),
            changes=changes,
            applied=applied,
            earlier=earlier,
            refused=self.refused,
            notes=notes,
        )


def _check_overlap(source: Path, out: Path) -> None:
    """Never write over masks that are no data set of ours yet, such as those that are being imported."""
    target, origin = (out / "masks").resolve(), source.resolve()
    overlap = target == origin or target in origin.parents or origin in target.parents
    if overlap and target.exists() and not (out / "manifest.csv").exists():
        raise ManifestError(f"-o {out}: would write its masks over those in {target}; choose another folder")
