"""What a model file says of itself: a versioned schema, kept as JSON in the file's metadata."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trus.data.classes import Classes
from trus.errors import ConfigError, ManifestError, ModelFileError
from trus.inference.appearance import Appearance
from trus.inference.postprocessing import Rule, check_rules
from trus.preprocessing import Preprocessor

SCHEMA_VERSION: Literal[4] = 4
"""A document is of the first version that knows all that it says, and an older trus refuses it in one line.

2 added postprocessing and operating_point: an older trus would segment without them. 3 added quantisation, 4
appearance.
"""
STATEMENT = "Research use only. Not a medical device; must not be used for diagnosis or treatment decisions."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(_Part):
    """Mean per-image IoU with its interval, and on what."""

    metric: str = "mean per-image IoU"
    part: str
    value: float | None
    low: float | None
    high: float | None
    confidence: float = 0.95
    frames: int
    patients: int
    grouped: bool = Field(description="False: frames without patient ids, so that the score may be too good")


class Training(_Part):
    """Where the weights come from."""

    run_id: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    data_hash: str
    split_hash: str
    fold: int
    seed: int
    epoch: int
    initial_weights: str
    initial_weights_licence: str
    config: dict[str, Any] = Field(description="The network's config group, resolved")


class Provenance(_Part):
    """The training data."""

    sources: list[str]
    licences: list[str]
    frames: int
    patients: int
    cropped: int = Field(
        default=0, description="How many of the frames were cropped to a region of the manifest; early files do not say"
    )


class Interval(_Part):
    """A mean over frames with its interval over patients; None where there is none."""

    value: float | None
    low: float | None
    high: float | None
    frames: int
    patients: int


class OperatingPoint(_Part):
    """Where thresholds and post-processing come from: chosen on out-of-fold predictions, scored on folds left out.

    `before` and `after` are mean per-image IoU, `gain` their paired difference; `accepted` says for each class what was
    taken over (nothing: the gain's interval reached 0).
    """

    cv_key: str | None = Field(description="Of the cross-validation whose networks predicted")
    data_hash: str
    split_hash: str
    created: str
    trus_version: str
    before: Interval
    after: Interval
    gain: Interval
    accepted: dict[str, list[Literal["threshold", "postprocessing"]]]
    grouped: bool = Field(description="False: frames without patient ids, so that intervals are over frames")


class Quantisation(_Part):
    """How 8-bit integers took the place of a float network, and what that cost.

    Ranges, and the layers left out, were chosen on training frames; Dice is over the validation frames.
    """

    method: str
    source_sha256: str = Field(description="Of the float model file")
    created: str
    trus_version: str
    onnxruntime_version: str
    calibration_frames: int
    calibration_hash: str = Field(description="Which training images, in which order")
    operators: str = Field(description="layers: convolutions and matrix products with their activations; or all")
    layers: int = Field(description="Convolutions and matrix products of the network")
    left_out: list[str] = Field(description="Those that stayed in float, beside the last one")
    logits_rms: float = Field(description="Of the difference on training frames, as a share of the logits' deviation")
    masks_distance: float = Field(description="1 - Dice between both networks' masks on training frames")
    dice_before: Interval
    dice_after: Interval
    dice_loss: Interval
    speed_up: float = Field(description="Median ratio of rounds in which both networks took turns")
    seconds_before: float
    seconds_after: float
    threads: int
    processor: str


class ModelMetadata(_Part):
    """The JSON document of a model file. Earlier versions are read as the current one."""

    schema_version: Literal[1, 2, 3, 4] = SCHEMA_VERSION
    name: str
    created: str
    trus_version: str
    classes: dict[str, Any]
    thresholds: list[float]
    postprocessing: dict[str, Rule] = {}
    operating_point: OperatingPoint | None = None
    quantisation: Quantisation | None = None
    preprocessing: dict[str, Any]
    input_shape: tuple[int, int, int] = Field(description="channels, height, width")
    training: Training
    data: Provenance
    appearance: Appearance | None = Field(
        default=None, description="Of the training frames; None in files of earlier versions, and of very few frames"
    )
    score: Score | None = Field(
        default=None, description="With threshold 0.5 or what training was told, nothing tidied"
    )
    statement: str = STATEMENT

    @property
    def class_set(self) -> Classes:
        """The classes as an object."""
        return Classes.from_dict(self.classes, self.name)

    @property
    def preprocessor(self) -> Preprocessor:
        """The preprocessing as an object."""
        return Preprocessor.from_dict(self.preprocessing)


def parse_metadata(text: str, origin: str) -> ModelMetadata:
    """Validate a model file's JSON. Raises ModelFileError that tells a newer schema from a damaged document."""
    try:
        metadata = ModelMetadata.model_validate_json(text)
        targets = metadata.class_set.targets
        channels, height, width = metadata.input_shape
        if metadata.preprocessor.size != (height, width) or metadata.preprocessor.in_channels != channels:
            raise ModelFileError(f"{origin}: its input shape {metadata.input_shape} is not that of its preprocessing")
        check_rules(metadata.postprocessing, metadata.class_set)
    except ValidationError as error:
        raise ModelFileError(_explain(error, origin)) from error
    except (ConfigError, ManifestError) as error:
        raise ModelFileError(f"{origin}: its metadata is damaged ({error}); export the model again") from error
    if len(metadata.thresholds) != len(targets):
        raise ModelFileError(f"{origin}: {len(metadata.thresholds)} thresholds, {len(targets)} classes; export again")
    return metadata.model_copy(update={"schema_version": SCHEMA_VERSION})


def _explain(error: ValidationError, origin: str) -> str:
    problems = error.errors()
    for problem in problems:
        given = problem["input"]
        if problem["loc"] == ("schema_version",) and isinstance(given, int) and given > SCHEMA_VERSION:
            return (
                f"{origin}: was written with metadata schema {given}, this trus knows up to {SCHEMA_VERSION}; "
                "upgrade trus or export the model with this version"
            )
    text = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'document'}: {p['msg']}" for p in problems[:5])
    return f"{origin}: its metadata does not fit schema {SCHEMA_VERSION} ({text}); export the model again"
