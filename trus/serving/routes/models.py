"""GET /v1/models: what is served."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from trus.inference.metadata import Score
from trus.serving.problems import problem_responses
from trus.serving.service import ServedModel, Service, get_service

router = APIRouter(prefix="/v1", tags=["models"])
Shared = Annotated[Service, Depends(get_service)]


class ModelClass(BaseModel):
    """A class that the model segments."""

    name: str
    value: int = Field(description="The label's value in masks")
    threshold: float = Field(description="Probabilities above it belong to the class")


class Model(BaseModel):
    """A model, from its file's own document."""

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


@router.get("/models", responses=problem_responses())
async def list_models(service: Shared) -> Models:
    """The models that this service has loaded."""
    service.model()
    return Models(models=[_describe(model) for model in service.models.values()])


@router.get("/models/{name}", responses=problem_responses(404))
async def get_model(name: str, service: Shared) -> Model:
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
