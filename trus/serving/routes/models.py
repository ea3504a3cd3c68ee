"""GET /v1/models: what is served."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from trus.inference.metadata import STATEMENT, Score
from trus.serving.problems import problem_responses
from trus.serving.service import Here, ServedModel

router = APIRouter(prefix="/v1", tags=["models"])


class ModelClass(BaseModel):
    """A class that the model segments."""

    name: str
    value: int = Field(description="The label's value in masks")
    threshold: float = Field(description="Probabilities above it belong to the class")


_EXAMPLE: dict[str, Any] = {
    "name": "fpn_resnet152",
    "sha256": "bba69d70a6303e56b87adecc195216ac74ec8228d3cc21ffbb9fde7ddb6472aa",
    "created": "2026-11-23T06:21:16+00:00",
    "classes": [{"name": "gland", "value": 1, "threshold": 0.5}, {"name": "lesion", "value": 2, "threshold": 0.4}],
    "input_shape": [3, 768, 768],
    "score": {
        "metric": "mean per-image IoU",
        "part": "validation",
        "value": 0.81,
        "low": 0.68,
        "high": 0.88,
        "confidence": 0.95,
        "frames": 16,
        "patients": 4,
        "grouped": True,
    },
    "statement": STATEMENT,
}


class Model(BaseModel):
    """A model, from its file's own document."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: str
    sha256: str
    created: str
    classes: list[ModelClass]
    input_shape: tuple[int, int, int] = Field(description="Channels, height, width of the network's input")
    score: Score | None = Field(description="With its interval; null where the file holds none")
    statement: str


class Models(BaseModel):
    """All models; the first is used where a request names none."""

    models: list[Model]


@router.get("/models", summary="All models", responses=problem_responses())
async def list_models(service: Here) -> Models:
    """The models that this service has loaded."""
    service.model()
    return Models(models=[_describe(model) for model in service.models.values()])


@router.get("/models/{name}", summary="One model", responses=problem_responses(404, 422))
async def get_model(name: str, service: Here) -> Model:
    """One model by its name."""
    return _describe(service.model(name))


def _describe(model: ServedModel) -> Model:
    predictor, metadata = model.predictor, model.predictor.metadata
    classes = [
        ModelClass(name=name, value=predictor.classes.values[name], threshold=threshold)
        for name, threshold in zip(predictor.classes.targets, predictor.thresholds, strict=True)
    ]
    return Model(
        name=model.name,
        sha256=predictor.model_hash,
        created=metadata.created,
        classes=classes,
        input_shape=metadata.input_shape,
        score=metadata.score,
        statement=metadata.statement,
    )
