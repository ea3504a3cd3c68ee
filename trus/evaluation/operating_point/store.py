"""An operating point written into a model file; its graph is not touched."""

from pathlib import Path

from trus.errors import ModelFileError
from trus.evaluation.operating_point.choice import Choice
from trus.files import atomic_path
from trus.inference.metadata import ModelMetadata
from trus.inference.predictor import METADATA_KEY, open_predictor


def store_operating_point(model_file: Path, choice: Choice) -> ModelMetadata:
    """Put thresholds, post-processing and their provenance into an .onnx model file, atomically; its hash changes.

    A choice that takes nothing over is stored too: the file then says that it was tried. Raises ModelFileError, and
    leaves the file as it was, when it is no model file of trus, has other classes, or was trained on other data or
    with another split than the predictions of the choice.
    """
    import onnx

    model_file = Path(model_file)
    if model_file.suffix != ".onnx":
        raise ModelFileError(f"{model_file}: an operating point is stored in an .onnx model file")
    metadata = open_predictor(model_file, threads=1).metadata
    _check(model_file, metadata, choice)
    changes = {
        "thresholds": choice.thresholds,
        "postprocessing": choice.rules,
        "operating_point": choice.operating_point,
    }
    metadata = ModelMetadata.model_validate({**metadata.model_dump(), **changes})
    model = onnx.load(model_file)
    properties = {one.key: one.value for one in model.metadata_props} | {METADATA_KEY: metadata.model_dump_json()}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    with atomic_path(model_file) as temporary:
        temporary.write_bytes(model.SerializeToString())
        open_predictor(temporary, threads=1)  # what cannot be opened again must not take the old file's place
    return metadata


def _check(model_file: Path, metadata: ModelMetadata, choice: Choice) -> None:
    own, given = [*metadata.class_set.targets], [*choice.classes]
    problems = [f"segments {own}, the choice is for {given}"] * (own != given)
    for name in ("data_hash", "split_hash"):
        mine, theirs = getattr(metadata.training, name), getattr(choice, name)
        if mine != theirs:
            problems.append(f"its {name} is {mine[:12]}, that of the predictions {theirs[:12]}")
    if problems:
        raise ModelFileError(f"{model_file}: the operating point was not stored: {'; '.join(problems)}")
