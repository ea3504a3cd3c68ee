"""Several model files as one predictor: the mean of their probabilities in the frame."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trus.data.classes import Classes
from trus.errors import ModelFileError
from trus.files import hash_json
from trus.inference.augmented import AugmentedPredictor, Views
from trus.inference.metadata import ModelMetadata, Provenance
from trus.inference.predictor import Backend, Box, NetworkPredictor, Predictor, open_predictor


def open_models(
    paths: Sequence[Path],
    threads: int | None = None,
    tta: Views | None = None,
    threshold: float | None = None,
    postprocess: bool = True,
    backend: Backend | None = None,
) -> Predictor:
    """Open one model file (.onnx or .ckpt), or several as an ensemble; `threads` and `backend` as `open_predictor`.

    `threshold` replaces the files' own for every class; without `postprocess` theirs is left out. Raises
    ModelFileError for a file that cannot be used and for files that do not go together.
    """
    repeated = sorted(
        {str(path) for path in paths if [Path(p).resolve() for p in paths].count(Path(path).resolve()) > 1}
    )
    if repeated or not paths:
        raise ModelFileError(f"{', '.join(repeated)}: given more than once" if paths else "no model file was given")
    members: list[Predictor] = []
    for path in paths:
        opened = open_predictor(path, threads, backend)
        opened.thresholds = opened.thresholds if threshold is None else [threshold] * len(opened.thresholds)
        opened.postprocessing = opened.postprocessing if postprocess else {}
        members.append(AugmentedPredictor(opened, tta) if tta else opened)
    return members[0] if len(members) == 1 else EnsemblePredictor(members)


class EnsemblePredictor(Predictor):
    """The mean of the members' probabilities; each does its own preprocessing, one after the other.

    Members have one set of classes, and one set of thresholds and post-processing, which the ensemble takes over.
    `metadata` is the first member's with the sources of all, the counts of the largest, no score and no operating
    point; what the training frames looked like is the first member's too, as members are trained on much the same ones.
    Raises ModelFileError that lists every difference.
    """

    def __init__(self, members: Sequence[Predictor]):
        _check_classes(members)
        _check_decisions(members)
        super().__init__(members[0].path, _merge([member.metadata for member in members]))
        self.thresholds, self.postprocessing = list(members[0].thresholds), dict(members[0].postprocessing)
        self._members = list(members)
        self.tta, self.backend = members[0].tta, members[0].backend
        self._prepared_by = [next(i for i, other in enumerate(members) if _same_input(m, other)) for m in members]

    @property
    def members(self) -> Sequence[Predictor]:
        """The predictors whose mean this is."""
        return self._members

    @cached_property
    def model_hash(self) -> str:
        """SHA-256 over the members' hashes, whatever their order."""
        return hash_json(sorted(member.model_hash for member in self._members))

    @property
    def settings(self) -> dict[str, Any]:
        """As of a single model, and the members' hashes."""
        return super().settings | {"members_sha256": sorted(member.model_hash for member in self._members)}

    def prepare(self, image: np.ndarray, region: Box | None = None) -> list[Any]:
        """A member's input each; those with equal preprocessing share it."""
        made = {i: self._members[i].prepare(image, region) for i in {*self._prepared_by}}
        return [made[i] for i in self._prepared_by]

    def infer(self, prepared: list[Any]) -> np.ndarray:
        """Mean of the members' probabilities, float32 (K, H, W)."""
        total = self._members[0].infer(prepared[0]).copy()
        for member, own in zip(self._members[1:], prepared[1:], strict=True):
            total += member.infer(own)
        return total / np.float32(len(self._members))


def _same_input(first: Predictor, second: Predictor) -> bool:
    if isinstance(first, NetworkPredictor) and isinstance(second, NetworkPredictor):
        return first.preprocessor == second.preprocessor
    return first is second


def _check_classes(members: Sequence[Predictor]) -> None:
    first, *others = members
    expected = _meaning(first.classes)
    differing = [f"{m.path}: {_meaning(m.classes)}" for m in others if _meaning(m.classes) != expected]
    if differing:
        raise ModelFileError(
            "the models of an ensemble must segment the same classes\n  "
            + "\n  ".join([f"{first.path}: {expected}", *differing])
        )


def _meaning(classes: Classes) -> str:
    targets = {*classes.targets}
    inside = {name: sorted(classes.inside(name) & targets) for name in classes.targets}
    return ", ".join(
        f"{classes.values[name]} {name}" + f" (contains {', '.join(inside[name])})" * bool(inside[name])
        for name in classes.targets
    )


def _check_decisions(members: Sequence[Predictor]) -> None:
    """Which of several thresholds suits the mean nobody has measured, so none is picked silently."""
    said = {str(m.path): f"thresholds {m.thresholds}, post-processing {_rules(m)}" for m in members}
    if len({*said.values()}) > 1:
        raise ModelFileError(
            "the models of an ensemble have different thresholds or post-processing; give one threshold for all "
            "(--threshold) and leave post-processing out (--no-postprocess), or choose them anew on out-of-fold "
            "predictions\n  " + "\n  ".join(f"{path}: {text}" for path, text in said.items())
        )


def _rules(member: Predictor) -> str:
    return (
        "; ".join(f"{name}: {rule}" for name, rule in sorted(member.postprocessing.items()) if str(rule) != "none")
        or "none"
    )


def _merge(documents: Sequence[ModelMetadata]) -> ModelMetadata:
    data = [document.data for document in documents]
    merged = Provenance(
        sources=sorted({source for part in data for source in part.sources}),
        licences=sorted({licence for part in data for licence in part.licences}),
        frames=max(part.frames for part in data),
        patients=max(part.patients for part in data),
        cropped=max(part.cropped for part in data),
    )
    names = ", ".join(dict.fromkeys(document.name for document in documents))
    name = f"ensemble of {len(documents)} ({names})"
    return documents[0].model_copy(update={"name": name, "data": merged, "score": None, "operating_point": None})
