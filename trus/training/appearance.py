"""What a fold's training frames look like, for the model file: measured once, and kept in the cache."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from trus.data.datamodule import FrameDataModule
from trus.data.images import read_frame
from trus.data.manifest import Frame
from trus.files import hash_json, write_json
from trus.inference.appearance import Appearance, Measures, measure_frame, summarise
from trus.inference.appearance.measures import NAMES
from trus.preprocessing import Preprocessor

CODE_VERSION = 1
"""Raise it when the same frame gives other measures than before."""
MOST_FRAMES = 400
"""More training frames tell nothing more; these are spread evenly over the manifest."""


def appearance_of_fold(data: FrameDataModule) -> Appearance | None:
    """Of the training frames that `data` uses; None where they are very few. Raises ImageError."""
    key = hash_json([CODE_VERSION, data.contents.data_hash, data.preprocessor.region])
    kept = Path(data.settings["cache_dir"]) / "appearance" / f"{key}.json"
    return appearance_of(data.training_frames, data.preprocessor, kept)


def appearance_of(frames: Sequence[Frame], preprocessor: Preprocessor, kept: Path | None = None) -> Appearance | None:
    """Of these frames, within their regions where the preprocessing crops to them.

    `kept`: a file of measures by image_id; what it lacks is added. Raises ImageError.
    """
    places = np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int)
    chosen = [frames[place] for place in places]
    known = _read(kept) if kept else {}
    found = {frame.image_id: known.get(frame.image_id) or _measured(frame, preprocessor) for frame in chosen}
    if kept and not {*found} <= {*known}:
        write_json(kept, known | found)
    return summarise([*found.values()])


def _measured(frame: Frame, preprocessor: Preprocessor) -> Measures:
    region = frame.region if preprocessor.region == "manifest" else preprocessor.region
    return {name: round(value, 6) for name, value in measure_frame(read_frame(frame.image), region).items()}


def _read(kept: Path) -> dict[str, Measures]:
    """What is there of it; a file that something else damaged is made anew."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        content = json.loads(kept.read_text(encoding="utf-8"))
        return {str(name): measures for name, measures in content.items() if {*measures} == {*NAMES}}
    return {}
