"""Model files as the subject of an evaluation: run now, on a part of a manifest."""

import json
from pathlib import Path
from typing import Any

from trus.data.manifest import Contents, Frame, Manifest
from trus.data.state import NAME as STATE
from trus.errors import ManifestError
from trus.evaluation.locate import Located
from trus.evaluation.subjects.sources import Decision, NetworkSource
from trus.evaluation.subjects.subject import Subject, as_reference, with_options
from trus.inference.augmented import AugmentedPredictor
from trus.inference.ensemble import EnsemblePredictor
from trus.inference.predictor import NetworkPredictor, Predictor, open_predictor


def open_networks(config: dict[str, Any], manifest_path: Path, paths: list[Path], located: Located | None) -> Subject:
    """One model file, or several as an ensemble. Raises TrusError for what a user can mend."""
    part = config["split"]["part"] or "test"
    members = _open_members(paths, config["threshold"], config["backend"])
    predictor = _together(members)
    manifest = Manifest.load(manifest_path)
    reference = as_reference(manifest.classes, predictor.classes.targets, predictor.path)
    contents = manifest.verify()
    frames = choose_part(manifest, part)
    plain = Decision("plain", predictor.thresholds, predictor.postprocessing)
    decisions = with_options(plain, config, predictor.classes)
    training = predictor.metadata.training
    seen, warnings = _training_frames(frames, contents, part, training.data_hash, {path.parent for path in paths})
    return Subject(
        kind="Model file" if len(members) == 1 else "Ensemble",
        name=predictor.metadata.name,
        part=part,
        source=NetworkSource(_ways(members, config["tta"]), decisions, frames),
        manifest=manifest,
        data_hash=contents.data_hash,
        reference=reference,
        thresholds=decisions[-1].thresholds if decisions else predictor.thresholds,
        origin={
            **({"model_file": str(paths[0])} if len(paths) == 1 else {"model_files": [str(path) for path in paths]}),
            "model_sha256": predictor.model_hash,
            **({"backend": predictor.backend} if config["backend"] else {}),
            "split_hash": training.split_hash,
            "trained_on": training.data_hash,
        },
        warnings=warnings,
        includes_training_frames=seen,
        located=located,
    )


def choose_part(manifest: Manifest, part: str) -> list[Frame]:
    """The annotated frames of the test part, of all others (train), or all. Raises ManifestError for none."""
    chosen = [
        f for f in manifest.frames if f.mask is not None and (part == "all" or (f.split == "test") == (part == "test"))
    ]
    if not chosen:
        counts = {name: sum(f.split == name for f in manifest.frames) for name in ("train", "test")}
        raise ManifestError(
            f"{manifest.path}: no annotated frame in split.part={part} (rows: {counts}); try split.part=all"
        )
    return chosen


def _training_frames(
    frames: list[Frame], contents: Contents, part: str, trained_on: str, folders: set[Path]
) -> tuple[bool, list[str]]:
    """Are frames of the training (or of the choice of the best epoch) among `frames`? And what to say of it.

    The run folder lists them, so that they are known again by their content in any manifest and any part of it; for a
    model file alone only the hash of the whole data is known.
    """
    listed = [images for folder in folders if (images := _images_of_run(folder)) is not None]
    known: set[str] = set().union(*listed)
    count = sum(contents.image[frame.image_id] in known for frame in frames)
    if count or (contents.data_hash == trained_on and part != "test"):
        some = f" ({count} of {len(frames)})" if count else ""
        return True, [f"includes frames that the model was trained on{some}; no score of new frames"]
    if len(listed) < len(folders) and contents.data_hash != trained_on:
        return False, ["of a model file without its run folder it is not known whether it was trained on these frames"]
    return False, []


def _images_of_run(folder: Path) -> set[str] | None:
    """SHA-256 of the images that a run trained and validated on; None where its folder does not tell."""
    try:
        frames = json.loads((folder / STATE).read_text(encoding="utf-8"))["frames"]
        split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        return {frames[image_id]["image"] for image_id in split["image_ids"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _open_members(paths: list[Path], threshold: float | None, backend: Any) -> list[NetworkPredictor]:
    members = [open_predictor(path, backend=backend) for path in paths]
    if threshold is not None and len({tuple(member.thresholds) for member in members}) > 1:
        for member in members:  # networks of different thresholds have no mean; with one for all they have
            member.thresholds = [threshold] * len(member.thresholds)
    return members


def _together(members: list[NetworkPredictor]) -> Predictor:
    return members[0] if len(members) == 1 else EnsemblePredictor(members)


def _ways(members: list[NetworkPredictor], tta: Any) -> list[tuple[str, list[Predictor]]]:
    """Plain first, then what each option adds."""
    ways: list[tuple[str, list[Predictor]]] = [("plain" if len(members) == 1 else "one network", [*members])]
    if len(members) > 1:
        ways.append((f"mean of {len(members)} networks", [_together(members)]))
    if tta:
        ways.append(("mean with the mirror image", [_together([AugmentedPredictor(m, tta) for m in members])]))
    return ways
