"""What is evaluated: predictions with their frames, and where they come from."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trus.data.classes import Classes
from trus.data.manifest import Manifest
from trus.errors import ManifestError
from trus.evaluation.cross_validation.folder import CvFolder
from trus.evaluation.locate import Located
from trus.evaluation.subjects.sources import Decision, Source
from trus.inference.postprocessing import Rule


@dataclass(frozen=True)
class Subject:
    """Everything that an evaluation needs to know before it starts.

    `reference` are the manifest's classes with the network's targets. `origin` names files and hashes for the report,
    `warnings` what a reader must know, `located` the run that the results belong to (None: a run of their own), `cv`
    the cross-validation whose out-of-fold predictions these are.
    """

    kind: str
    name: str
    part: str
    source: Source
    manifest: Manifest
    data_hash: str
    reference: Classes
    thresholds: list[float]
    origin: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    includes_training_frames: bool = False
    located: Located | None = None
    cv: CvFolder | None = None


def with_options(plain: Decision, config: dict[str, Any], classes: Classes) -> list[Decision]:
    """What `threshold` and `smallest_component` of the config change in deciding, one after the other."""
    decisions = []
    if config["threshold"] is not None:
        thresholds = [config["threshold"]] * len(plain.thresholds)
        plain = replace(plain, name=f"threshold {config['threshold']:g}", thresholds=thresholds)
        decisions.append(plain)
    if smallest := config["smallest_component"]:
        change = {"smallest_px": smallest, "smallest_mm2": None}
        rules = {name: plain.rules.get(name, Rule()).model_copy(update=change) for name in classes.targets}
        decisions.append(replace(plain, name=f"components under {smallest} px dropped", rules=rules))
    return decisions


def as_reference(classes: Classes, targets: tuple[str, ...], origin: Path) -> Classes:
    """The manifest's classes with a network's targets. Raises ManifestError for one that it does not name."""
    if missing := sorted(set(targets) - set(classes.values)):
        raise ManifestError(
            f"{origin}: segments {missing}, which the manifest's classes.json does not name: {[*classes.values]}"
        )
    return replace(classes, targets=targets)
