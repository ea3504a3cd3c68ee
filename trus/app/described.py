"""Models, as the pages are told of them."""

from typing import Any

from trus.app.found import FoundModel, is_synthetic
from trus.inference.metadata import ModelMetadata
from trus.serving.service import ServedModel


def describe_model(model: ServedModel) -> dict[str, Any]:
    """A loaded model: its classes, thresholds, score, and where it comes from."""
    predictor, metadata = model.predictor, model.predictor.metadata
    classes = predictor.classes.to_dict()
    return {
        "name": model.name,
        "sha256": predictor.model_hash,
        "created": metadata.created,
        "targets": [
            {"name": name, "value": predictor.classes.values[name], "threshold": threshold}
            for name, threshold in zip(predictor.classes.targets, predictor.thresholds, strict=True)
        ],
        "labels": classes["labels"],
        "contains": {outer: sorted(predictor.classes.inside(outer)) for outer in classes["contains"]},
        "input_shape": metadata.input_shape,
        "synthetic": is_synthetic(metadata),
        "licence_note": _licences(metadata),
        "score": metadata.score.model_dump() if metadata.score else None,
        "postprocessing": {name: rule.model_dump() for name, rule in predictor.postprocessing.items()},
        "appearance_known": metadata.appearance is not None,
        "data": metadata.data.model_dump(include={"sources", "licences", "frames", "patients", "cropped"}),
    }


def describe_found(model: FoundModel) -> dict[str, Any]:
    """A model file that can be loaded."""
    metadata = model.metadata
    _, height, width = metadata.input_shape
    return {
        "id": model.id,
        "name": metadata.name,
        "folder": str(model.path.parent),
        "file": model.path.name,
        "bytes": model.bytes,
        "created": metadata.created,
        "synthetic": is_synthetic(metadata),
        "targets": [*metadata.class_set.targets],
        "input_shape": metadata.input_shape,
        "score": metadata.score.model_dump() if metadata.score else None,
        "description": f"{', '.join(metadata.class_set.targets)} · {width}×{height}",
    }


def _licences(metadata: ModelMetadata) -> str:
    """Of the data and of the weights that training began with."""
    data = ", ".join(sorted({*metadata.data.licences})) or "not stated"
    return f"data: {data}; initial weights: {metadata.training.initial_weights_licence or 'not stated'}"
