"""The data set that an import writes into: its rows and classes as they are, and the files it would get."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trus.data.annotations.categories import check_compatible
from trus.data.annotations.changes import Changes, compare_masks
from trus.data.annotations.history import UNFINISHED, keep_earlier, locked
from trus.data.classes import Classes
from trus.data.images import read_mask, write_image
from trus.data.manifest import manifest_text
from trus.data.schema import COLUMNS, read_table, schema_problems
from trus.errors import AnnotationError, ImageError, ManifestError
from trus.files import write_text

Row = dict[str, str]
_STAGED = ".import-"


@dataclass
class Store:
    """OUT: rows by image_id with paths relative to `folder`, and the classes of its masks (None: none yet).

    `rows` starts as what is there and is changed by the import; `before` stays. `columns` are those of the manifests.
    """

    folder: Path
    rows: dict[str, Row]
    classes: Classes | None
    before: dict[str, Row] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, out: Path, manifest: Path | None) -> "Store":
        """What is in `out`, and the rows of `manifest` beside it. Raises ManifestError.

        Columns of `manifest` win; but what an earlier import into `out` drew (mask, annotator) stays. A classes.json
        that somebody put into `out` before the first import counts.
        """
        here, named = out / "manifest.csv", out / "classes.json"
        before, columns = read_rows(here, out) if here.exists() else ({}, [])
        rows = {name: dict(row) for name, row in before.items()}
        classes = Classes.load(named) if here.exists() or named.exists() else None
        if manifest is not None and manifest.resolve() != here.resolve():
            given, further = read_rows(manifest, out)
            columns += further
            for name, row in given.items():
                earlier = before.get(name, {})
                drawn: Row = {k: earlier[k] for k in ("mask", "annotator") if earlier.get("mask") and k in earlier}
                rows[name] = {**earlier, **row, **drawn}
            theirs = Classes.load(manifest.parent / "classes.json")
            if classes is not None and any(row.get("mask") for row in given.values()):
                check_compatible(theirs, classes, str(manifest))
            classes = classes or theirs
        return cls(out, rows, classes, before, columns)

    @property
    def annotated(self) -> bool:
        """Whether any frame has a mask, so that the classes cannot be given other labels."""
        return any(row.get("mask") for row in self.rows.values())

    @property
    def images(self) -> dict[str, Path]:
        """The frames' files by image_id, in the order of the rows."""
        return {name: self.folder / row["image"] for name, row in self.rows.items() if row.get("image")}

    def mask_of(self, image_id: str) -> Path | None:
        """Where the mask of a frame lies now."""
        cell = self.rows.get(image_id, {}).get("mask")
        return self.folder / cell if cell else None

    def mask_target(self, image_id: str) -> Path:
        """Where a frame's new mask goes: over its earlier one if that is ours. Raises AnnotationError: not free."""
        earlier, folder = self.mask_of(image_id), self.folder / "masks"
        ours = earlier is not None and earlier.suffix == ".png" and folder.resolve() in earlier.resolve().parents
        target = earlier if earlier is not None and ours else folder / f"{image_id}.png"
        others = [name for name, row in self._holders(target) if name != image_id]
        if others:
            raise AnnotationError(f"its mask would be {target}, which is the mask of {others[0]}; rename one")
        return target

    def _holders(self, target: Path) -> list[tuple[str, Row]]:
        cell = self.relative(target)
        return [(name, row) for name, row in self.rows.items() if os.path.normpath(row.get("mask") or "-") == cell]

    def relative(self, path: Path) -> str:
        """A path as the manifest holds it."""
        return Path(os.path.relpath(path.resolve(), self.folder.resolve())).as_posix()


def read_rows(manifest: Path, folder: Path) -> tuple[dict[str, Row], list[str]]:
    """Rows by image_id, empty cells left out, paths relative to `folder`; and the columns.

    Raises ManifestError with all problems.
    """
    table = read_table(manifest)
    check_rows(manifest, schema_problems(table))
    moved = manifest.resolve().parent != folder.resolve()
    rows = {}
    for record in table.to_dict("records"):
        row = {str(key): str(text) for key, text in record.items() if text}
        for key in ("image", "mask"):
            if moved and row.get(key):
                there = (manifest.resolve().parent / row[key]).resolve()
                row[key] = Path(os.path.relpath(there, folder.resolve())).as_posix()
        rows[row["image_id"]] = row
    return rows, [*map(str, table.columns)]


def check_rows(manifest: Path, problems: list) -> None:
    """Raise ManifestError that lists the problems, if any."""
    if problems:
        raise ManifestError(f"{manifest}: {len(problems)} problem(s)\n  " + "\n  ".join(map(str, problems)))


class Staging:
    """New files beside the data set until it is clear that all of them go in."""

    def __init__(self, store: Store, folder: Path):
        self.store = store
        self.folder = folder
        self.changes = Changes()
        self.files: dict[Path, Path] = {}

    def put_mask(self, image_id: str, labels: np.ndarray, classes: Classes) -> None:
        """Take a frame's new labels, uint8 (H, W); the same labels as before are not written again."""
        earlier, target = self.store.mask_of(image_id), self.store.mask_target(image_id)
        if earlier is not None and (same := _same_mask(earlier, labels)) is not None:
            if same:
                return
            self.changes.masks.append(compare_masks(image_id, read_mask(earlier), labels, classes))
        elif earlier is not None:
            self.changes.replaced.append(earlier)
        elif target.exists() and not _same_mask(target, labels):
            self.changes.replaced.append(target)
        self.changes.annotated += [image_id] if earlier is None else []
        self.store.rows[image_id]["mask"] = self.store.relative(target)
        write_image(self._staged(target), labels)

    def put_picture(self, target: Path, write: Callable[[Path], object]) -> None:
        """Take a picture that `write` writes to a path; the same bytes as before are not written again."""
        staged = self._staged(target)
        staged.parent.mkdir(parents=True, exist_ok=True)
        write(staged)
        if target.exists() and target.read_bytes() == staged.read_bytes():
            del self.files[target]
        elif target.exists():
            self.changes.replaced.append(target)

    def finish(self, classes: Classes) -> Changes:
        """Check the rows; say what applying would change. Raises ManifestError."""
        store = self.store
        text = self._manifest()
        write_text(self.folder / "manifest.csv", text)
        check_rows(store.folder / "manifest.csv", schema_problems(read_table(self.folder / "manifest.csv")))
        self.changes.compare_rows(store.before, store.rows)
        kept = store.folder / "classes.json"
        differs = kept.exists() and Classes.load(kept) != classes
        self.changes.classes = differs or not kept.exists()
        self.changes.replaced += [kept] if differs and not store.before else []
        return self.changes

    def apply(self, classes: Classes) -> Path | None:
        """Put everything in place, the manifest last; return where the earlier state is kept, if one was changed.

        The earlier state is copied whole before the first file is replaced, and every file is replaced in one step:
        whatever stops it halfway, each file is the earlier or the new one, and the copy can be read as it was.
        """
        out = self.store.folder
        earlier = keep_earlier(out, self.changes.replaced) if self.changes.overwrites else None
        for target, staged in self.files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
        if self.changes.classes:
            classes.save(out / "classes.json")
        if self.changes.rows:
            (self.folder / "manifest.csv").replace(out / "manifest.csv")
        return earlier

    def _staged(self, target: Path) -> Path:
        self.files[target] = self.folder / target.relative_to(self.store.folder)
        return self.files[target]

    def _manifest(self) -> str:
        used = [*self.store.columns, *(key for row in self.store.rows.values() for key in row)]
        return manifest_text(self.store.rows.values(), [*dict.fromkeys(key for key in used if key not in COLUMNS)])


@contextmanager
def staging(store: Store) -> Iterator[Staging]:
    """A hidden folder in OUT that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=_STAGED, dir=store.folder))
    try:
        yield Staging(store, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Make OUT and hold it, so that no other import writes into it; what a killed one left in it is cleared away.

    An OUT that was not there and stays empty is gone afterwards. Raises ManifestError where another import holds it.
    """
    existed = out.exists()
    if existed and not out.is_dir():
        raise ManifestError(f"-o {out}: is a file; name a folder")
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        for left in [*out.glob(f"{_STAGED}*"), *out.glob(f"earlier/{UNFINISHED}*")]:
            shutil.rmtree(left, ignore_errors=True)
        try:
            yield
        finally:
            if not existed and not any(out.iterdir()):
                out.rmdir()


def _same_mask(path: Path, labels: np.ndarray) -> bool | None:
    """Whether the file holds these labels; None where it cannot be read."""
    try:
        return bool(np.array_equal(read_mask(path), labels))
    except ImageError:
        return None
