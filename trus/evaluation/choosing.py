"""Thresholds and post-processing of a cross-validation: chosen, and stored in its networks' model files."""

from typing import Any

from rich.progress import Progress

from trus.evaluation.operating_point import Choice, choose_operating_point, store_operating_point
from trus.evaluation.subjects.sources import KeptSource
from trus.evaluation.subjects.subject import Subject


def choose(subject: Subject, config: dict[str, Any]) -> Choice:
    """Choose on the out-of-fold predictions of the subject and store the choice in every model file of its folds."""
    assert subject.cv is not None
    assert isinstance(subject.source, KeptSource)
    parts = [(part.fold or 0, part.predictions) for part in subject.source.kept]
    content = subject.cv.read()
    with Progress(transient=True) as progress:
        task = progress.add_task("choosing", total=None)
        choice = choose_operating_point(
            parts,
            subject.source.frames,
            subject.reference,
            subject.data_hash,
            content.split_hash,
            content.key,
            threshold=content.config["threshold"],
            resamples=config["resamples"],
            done=lambda: progress.advance(task),
        )
    for member in subject.cv.members():
        model_file = subject.cv.run_dir(member) / "model.onnx"
        if model_file.is_file():
            store_operating_point(model_file, choice)
    return choice
