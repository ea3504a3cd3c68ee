"""The state of a data set as a run saw it, frame by frame: what has changed since is named, not guessed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trus.data.manifest import Contents, Frame
from trus.errors import ManifestError
from trus.files import write_json

NAME = "data.json"
"""The file in a run folder and in a cross-validation's folder."""
SHOWN = 8
_KEYS = ("image", "mask", "row")


@dataclass(frozen=True)
class Changes:
    """image_ids by what is no longer as it was; `masks` and `added` change no prediction, the others do."""

    missing: list[str]
    images: list[str]
    rows: list[str]
    masks: list[str]
    added: list[str]

    @property
    def harmless(self) -> bool:
        """Can predictions that were kept still be compared with the masks of now?"""
        return not (self.missing or self.images or self.rows)

    def __str__(self) -> str:
        """A line a kind of change, with the first frames' names."""
        kinds = {
            "no longer in the manifest": self.missing,
            "image changed": self.images,
            "patient, split or region changed": self.rows,
            "mask changed": self.masks,
            "new": self.added,
        }
        return "\n".join(f"  {name}: {_names(ids)}" for name, ids in kinds.items() if ids)


def save_state(path: Path, frames: list[Frame], contents: Contents) -> None:
    """Write what of each frame goes into the data hash, atomically."""
    write_json(path, {"data_hash": contents.data_hash, "frames": _state(frames, contents)})


def read_changes(path: Path, frames: list[Frame], contents: Contents) -> Changes:
    """What differs now from the state at `path`. Raises ManifestError where it cannot be read."""
    try:
        before = json.loads(Path(path).read_text(encoding="utf-8"))["frames"]
        now = _state(frames, contents)
        both = [name for name in before if name in now]
        differ = {key: [name for name in both if before[name][key] != now[name][key]] for key in _KEYS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{path}: no state of a data set, or damaged ({error!r})") from error
    return Changes(
        missing=[name for name in before if name not in now],
        images=differ["image"],
        rows=differ["row"],
        masks=differ["mask"],
        added=[name for name in now if name not in before],
    )


def _state(frames: list[Frame], contents: Contents) -> dict[str, dict[str, Any]]:
    return {
        frame.image_id: {
            "image": contents.image[frame.image_id],
            "mask": contents.mask.get(frame.image_id),
            "row": [frame.patient_id, frame.split, list(frame.region) if frame.region else None],
        }
        for frame in frames
    }


def _names(ids: list[str]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{len(ids)} frame{'s' * (len(ids) > 1)} ({', '.join(ids[:SHOWN])}{more})"
