"""Where predictions come from: networks that are run now, or probabilities that were kept in training."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from trus.data.classes import Classes
from trus.data.images import read_frame
from trus.data.manifest import Frame
from trus.evaluation.predictions import Predictions
from trus.inference.postprocessing import Rule, decide
from trus.inference.predictor import Predictor


@dataclass(frozen=True)
class Stage:
    """What one way to predict gave on a frame.

    `labels` are the masks uint8 (H, W) of its networks; where there are several, the stage stands for any one of them.
    `seconds` is the time of one of them, None where probabilities were kept.
    """

    labels: list[np.ndarray]
    seconds: float | None = None


@dataclass(frozen=True)
class Answer:
    """What was predicted on one frame. The last stage counts; `probabilities` float32 (K, H, W) are what it decided."""

    frame: Frame
    stages: list[Stage]
    probabilities: np.ndarray
    fold: int | None = None
    seed: int | None = None

    @property
    def labels(self) -> np.ndarray:
        """The mask that counts, uint8 (H, W)."""
        return self.stages[-1].labels[0]


@dataclass(frozen=True)
class Decision:
    """From probabilities to masks: a threshold a class, and rules of post-processing by class."""

    name: str
    thresholds: list[float]
    rules: dict[str, Rule] = field(default_factory=dict)

    def labels(self, probabilities: np.ndarray, classes: Classes, frame: Frame) -> np.ndarray:
        """Float32 (K, H, W) -> uint8 (H, W)."""
        return decide(probabilities, classes, self.thresholds, self.rules, frame.spacing)


class Source(ABC):
    """Answers on annotated frames, one in memory at a time. `classes` are the network's; `stages` name the ways."""

    def __init__(self, classes: Classes, stages: Sequence[str], frames: Sequence[Frame]):
        self.classes = classes
        self.stages = tuple(stages)
        self.frames = [frame for frame in frames if frame.mask is not None]

    @abstractmethod
    def __len__(self) -> int:
        """Number of answers; above that of frames where several networks predicted a frame."""

    @abstractmethod
    def answers(self) -> Iterator[Answer]:
        """One frame after the other."""


@dataclass(frozen=True)
class Kept:
    """One network's predictions of the frames that it was not trained on."""

    predictions: Predictions
    fold: int | None = None
    seed: int | None = None


class KeptSource(Source):
    """Probabilities that were kept, decided in one way or in several, the last of which counts."""

    def __init__(self, kept: Sequence[Kept], decisions: Sequence[Decision], frames: Sequence[Frame], classes: Classes):
        seen = {image_id for part in kept for image_id in part.predictions}
        super().__init__(classes, [decision.name for decision in decisions], [f for f in frames if f.image_id in seen])
        self.kept, self._decisions = list(kept), list(decisions)
        self._by_id = {frame.image_id: frame for frame in self.frames}

    def __len__(self) -> int:
        """Frames of all folds and seeds."""
        return sum(image_id in self._by_id for part in self.kept for image_id in part.predictions)

    def answers(self) -> Iterator[Answer]:
        """Fold by fold. Raises ModelFileError where a prediction is damaged."""
        for part in self.kept:
            for image_id in part.predictions:
                if frame := self._by_id.get(image_id):
                    probabilities = part.predictions[image_id]
                    stages = [Stage([way.labels(probabilities, self.classes, frame)]) for way in self._decisions]
                    yield Answer(frame, stages, probabilities, part.fold, part.seed)


class NetworkSource(Source):
    """Networks that are run now.

    Each way is a name and its predictors, the last has one; `decisions` are further ways to decide its probabilities.
    """

    def __init__(
        self, ways: Sequence[tuple[str, Sequence[Predictor]]], decisions: Sequence[Decision], frames: Sequence[Frame]
    ):
        names = [*(name for name, _ in ways), *(decision.name for decision in decisions)]
        super().__init__(ways[0][1][0].classes, names, frames)
        self._ways, self._decisions = list(ways), list(decisions)

    def __len__(self) -> int:
        """Annotated frames."""
        return len(self.frames)

    def answers(self) -> Iterator[Answer]:
        """Frame by frame, in the manifest's order."""
        for frame in self.frames:
            image = read_frame(frame.image)
            stages = []
            for _, predictors in self._ways:
                start = time.perf_counter()
                predictions = [predictor.predict(image, frame.region, frame.spacing) for predictor in predictors]
                seconds = (time.perf_counter() - start) / len(predictors)
                stages.append(Stage([prediction.labels for prediction in predictions], seconds))
            probabilities = predictions[-1].probabilities
            for way in self._decisions:
                start = time.perf_counter()
                labels = way.labels(probabilities, self.classes, frame)
                stages.append(Stage([labels], seconds + time.perf_counter() - start))
            yield Answer(frame, stages, probabilities)
