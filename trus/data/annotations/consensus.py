"""One mask from those of several annotators: by majority vote, or by STAPLE."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.annotations.annotators import Annotator, SharedFrame
from trus.data.classes import Classes
from trus.data.manifest import write_manifest
from trus.data.schema import COLUMNS, read_table
from trus.errors import ManifestError

METHODS = ("majority", "staple")
_MARGIN = 0.25
"""STAPLE sees the box around all that was drawn, widened on each side by this share of its height and width."""
_MAX_ITERATIONS = 200


@dataclass(frozen=True)
class Staple:
    """`probability` is float32 (H, W) that a pixel belongs to the class; sensitivity and specificity, float64 (A,), are
    those of each annotator against it, inside the box that STAPLE saw; NaN where nobody drew the class."""

    probability: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray


def majority(planes: np.ndarray) -> np.ndarray:
    """0/1 planes of A annotators (A, ...) -> float32 (...), 1 where more than half of them drew, else 0.

    A tie is background; so for two annotators this is what both drew.
    """
    return (2 * planes.astype(np.int32).sum(0) > len(planes)).astype(np.float32)


def staple(planes: np.ndarray) -> Staple:
    """Estimate the true plane from 0/1 planes (A, H, W) (Warfield, Zou & Wells, IEEE TMI 23(7), 2004; by SimpleITK).

    Runs on the box around all that was drawn, so that the black around a sector does not decide the prior. What all or
    nobody drew is left as it is: of two annotators with little background STAPLE may make the reverse of it. So planes
    that are all equal, empty ones included, come back unchanged.
    """
    planes = planes.astype(bool)
    if (planes == planes[0]).all():
        rate = np.full(len(planes), 1.0 if planes[0].any() else np.nan)
        return Staple(planes[0].astype(np.float32), rate, rate.copy())
    box = _box(np.any(planes, axis=0))
    inside, sensitivity, specificity = _run_staple(planes[:, *box])
    probability = np.zeros(planes.shape[1:], np.float32)
    probability[box] = inside
    probability[planes.all(0)], probability[~planes.any(0)] = 1, 0
    return Staple(probability, sensitivity, specificity)


@dataclass(frozen=True)
class Consensus:
    """`labels` is uint8 (H, W); `rates` are STAPLE's by class, empty for a majority vote."""

    labels: np.ndarray
    rates: dict[str, Staple]


def find_consensus(labels: Sequence[np.ndarray], classes: Classes, method: str) -> Consensus:
    """Label masks uint8 (H, W) of two annotators or more -> one, class by class.

    An outer class is voted on with the classes inside it, and an inner class lies over its outer one, so that nesting
    is kept. Where STAPLE finds several classes of one level in a pixel, the most probable takes it.
    """
    planes = np.stack([classes.planes(mask) for mask in labels])
    if method == "majority":
        return Consensus(classes.decode(majority(planes), [0.5] * len(classes.targets)), {})
    rates = {name: staple(planes[:, k]) for k, name in enumerate(classes.targets)}
    probabilities = np.stack([rate.probability for rate in rates.values()])
    return Consensus(classes.decode(probabilities, [0.5] * len(classes.targets)), rates)


def check_target(out: Path, annotators: Sequence[Annotator]) -> None:
    """Raise ManifestError where a consensus in `out` would be written over a data set."""
    if any(out.resolve() == annotator.manifest.path.resolve().parent for annotator in annotators):
        raise ManifestError(f"-o {out}: holds an annotator's own masks; choose another folder for the consensus")
    if (out / "manifest.csv").exists():
        raise ManifestError(f"{out / 'manifest.csv'}: is there already; choose another -o, or remove the old consensus")


def write_consensus(
    out: Path, annotators: Sequence[Annotator], voted: dict[str, SharedFrame], left_out: set[str], method: str
) -> int:
    """Write `out`/manifest.csv and classes.json beside the masks, which are in `out`/masks; returns the rows written.

    Every frame of every manifest stands in it but those in `left_out`, with all its columns as the first manifest that
    has it; frames that were not `voted` on have no mask. The annotator column names those who were asked.
    """
    rows: dict[str, dict[str, Any]] = {}
    for annotator in annotators:
        folder = annotator.manifest.path.resolve().parent
        for cells in read_table(annotator.manifest.path).to_dict("records"):
            row = {str(column): text for column, text in cells.items()}
            image_id = row["image_id"]
            if image_id not in rows and image_id not in left_out:
                image = Path(os.path.relpath((folder / row["image"]).resolve(), out.resolve())).as_posix()
                rows[image_id] = {**row, "image": image, **_voted(image_id, voted.get(image_id), method)}
    further = dict.fromkeys(key for row in rows.values() for key in row if key not in COLUMNS)
    annotators[0].manifest.classes.save(out / "classes.json")
    write_manifest(out / "manifest.csv", rows.values(), [*further])
    return len(rows)


def _voted(image_id: str, frame: SharedFrame | None, method: str) -> dict[str, str]:
    if frame is None:
        return {"mask": "", "annotator": ""}
    return {"mask": f"masks/{image_id}.png", "annotator": f"consensus of {', '.join(frame.rows)} ({method})"}


def _box(drawn: np.ndarray) -> tuple[slice, slice]:
    sides = []
    for axis, length in enumerate(drawn.shape):
        found = np.flatnonzero(drawn.any(1 - axis))
        margin = max(2, round(_MARGIN * (found[-1] - found[0] + 1)))
        sides.append(slice(max(0, int(found[0]) - margin), min(length, int(found[-1]) + 1 + margin)))
    return sides[0], sides[1]


def _run_staple(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import SimpleITK as sitk  # noqa: N813

    run = sitk.STAPLEImageFilter()
    run.SetForegroundValue(1)
    run.SetMaximumIterations(_MAX_ITERATIONS)
    run.SetNumberOfThreads(1)  # sums in one order: the same result everywhere
    probability = run.Execute([sitk.GetImageFromArray(plane.astype(np.uint8)) for plane in planes])
    found = sitk.GetArrayFromImage(probability).astype(np.float32)
    return found, np.array(run.GetSensitivity()), np.array(run.GetSpecificity())
