"""The sets and their folds: written once as folders that every peer reads the same way."""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from peers.task import PARTS
from trus.data.classes import Classes
from trus.data.manifest import Frame, Manifest, write_manifest
from trus.data.splits import Split, make_split
from trus.errors import ConfigError
from trus.files import hash_file, hash_json, write_json, write_text

ROOT = Path(__file__).resolve().parents[2]
FOLDS = 5


@dataclass(frozen=True)
class KnownSet:
    """Where a manifest lies below outputs/, how it is made, and the (height, width) for peers that plan none."""

    manifest: str
    made_by: str
    size: tuple[int, int]


KNOWN = {
    "usgra": KnownSet("usgra/manifest.csv", "trus annotations import usgra PATH/usgra -o outputs/usgra", (512, 512)),
    "trus_gland": KnownSet(
        "sets/trus_gland/every8.csv",
        "trus annotations import muregpro PATH/trus_gland -o outputs/sets/trus_gland, then every eighth row of its "
        "manifest.csv (slices 4, 12, ...) as every8.csv",
        (64, 64),
    ),
    "busi_subset": KnownSet(
        "sets/busi/manifest.csv",
        "trus annotations import busi PATH/busi_subset -o outputs/sets/busi --rename benign=lesion,malignant=lesion",
        (256, 256),
    ),
}


@dataclass(frozen=True)
class Fold:
    """A fold's folder, which holds the task, and what identifies it."""

    number: int
    folder: Path
    task_hash: str


@dataclass(frozen=True)
class PreparedSet:
    """A set with its folds: `frames` of all test parts by image_id, and the hashes of data and split."""

    name: str
    classes: Classes
    frames: dict[str, Frame]
    data_hash: str
    split_hash: str
    synthetic: bool
    folds: list[Fold]


def prepare(name: str, out: Path, folds: list[int], size: tuple[int, int] | None = None) -> PreparedSet:
    """Read the set `name` (of KNOWN, or a manifest's path) and write its folds below `out`.

    Where the manifest has a test part, that is tested in every fold, and fold k validates on fold k of five of the
    rest. Otherwise fold k of five is tested and the next one validates. Patients are never divided. Raises ConfigError.
    """
    known = KNOWN.get(name)
    path = Path(os.environ["TRUS_OUTPUTS"]) / known.manifest if known else Path(name)
    if not path.is_file():
        advice = f"make it: {known.made_by}" if known else f"give a manifest.csv or one of {', '.join(KNOWN)}"
        raise ConfigError(f"--set {name}: {path} is not there; {advice}")
    manifest = Manifest.load(path)
    contents = manifest.verify()
    own_test = [frame for frame in manifest.frames if frame.split == "test" and frame.mask]
    settings = {"kind": "kfold", "folds": FOLDS, "repeats": 1, "seed": 0, "stratify": True, "allow_ungrouped": True}
    split = make_split(manifest.frames, manifest.classes, contents, settings)
    parts = [_parts(manifest.frames, split, own_test, number) for number in folds]
    size = size or (known.size if known else (256, 256))
    written = [_write(manifest, split, part, n, size, out) for n, part in zip(folds, parts, strict=True)]
    tested = {frame.image_id: frame for part in parts for frame in part["test"]}
    synthetic = (path.parent / "phantom.json").is_file()
    return PreparedSet(name, manifest.classes, tested, contents.data_hash, split.hash, synthetic, written)


def _parts(frames: list[Frame], split: Split, own_test: list[Frame], number: int) -> dict[str, list[Frame]]:
    if not 0 <= number < FOLDS:
        raise ConfigError(f"--folds {number}: choose from 0 to {FOLDS - 1}")
    test = {frame.image_id for frame in own_test} or set(split.validation[number])
    validation = set(split.validation[number if own_test else (number + 1) % FOLDS])
    train = set(split.image_ids) - validation - test
    chosen = dict(zip(PARTS, (train, validation, test), strict=True))
    return {part: [frame for frame in frames if frame.image_id in ids] for part, ids in chosen.items()}


def _write(
    manifest: Manifest, split: Split, parts: dict[str, list[Frame]], number: int, size: tuple[int, int], out: Path
) -> Fold:
    """task.json and three lists for the peers, and the same as manifest and split for trus."""
    folder = out / f"fold_{number}"
    folder.mkdir(parents=True, exist_ok=True)
    for part, frames in parts.items():
        write_text(folder / f"{part}.csv", _list(frames, folder, with_masks=part != "test"))
    labels = {str(value): name for value, name in manifest.classes.labels.items()}
    content = {"fold": number, "labels": labels, "size": size, "split_hash": split.hash}
    write_json(folder / "task.json", content | {part: len(frames) for part, frames in parts.items()})
    known = [*parts["train"], *parts["validation"]]
    write_manifest(folder / "manifest.csv", [_row(frame, folder) for frame in known])
    manifest.classes.save(folder / "classes.json")
    validation = tuple(sorted(frame.image_id for frame in parts["validation"]))
    ids = tuple(sorted(frame.image_id for frame in known))
    Split("holdout", split.grouped, (validation,), ids).save(folder / "split.json")
    names = ("task.json", *(f"{part}.csv" for part in PARTS), "manifest.csv", "split.json")
    return Fold(number, folder, hash_json([hash_file(folder / name) for name in names]))


def _list(frames: list[Frame], folder: Path, with_masks: bool) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "image", "mask", "image_id"])
    for number, frame in enumerate(frames):
        mask = _relative(frame.mask, folder) if with_masks and frame.mask else ""
        writer.writerow([f"{number:05d}", _relative(frame.image, folder), mask, frame.image_id])
    return text.getvalue()


def _row(frame: Frame, folder: Path) -> dict[str, object]:
    """Of the manifest that trus trains on: no region, for the other peers know none."""
    assert frame.mask
    row: dict[str, object] = {"image_id": frame.image_id, "image": _relative(frame.image, folder)}
    row |= {"mask": _relative(frame.mask, folder), "patient_id": frame.patient_id}
    if frame.spacing:
        row |= {"spacing_row_mm": frame.spacing[0], "spacing_col_mm": frame.spacing[1]}
    return row


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
