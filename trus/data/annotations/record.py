"""trus_export.json: what an export sent out, so that what comes back is known again where a tool leaves the file."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from trus.errors import AnnotationError
from trus.files import hash_bytes, hash_file, write_json

FILE = "trus_export.json"
_LARGEST = 2**26


@dataclass(frozen=True)
class Sent:
    """A frame that was exported: SHA-256 of its file, who drew its labels, and SHA-256 of these.

    Of the labels as they come back if nobody touches them: outlines can differ from the mask at its edges. None where
    the frame is not annotated.
    """

    image_id: str
    image_sha256: str
    labels_sha256: str | None = None
    drawn_by: str | None = None

    @property
    def unannotated(self) -> bool:
        """Whether it went out without labels."""
        return self.labels_sha256 is None

    def is_proposal(self, labels: np.ndarray) -> bool:
        """Whether these labels are those that a model proposed, untouched."""
        return self.drawn_by == "model" and self.labels_sha256 == hash_labels(labels)

    def check(self, image: Path) -> None:
        """Raise AnnotationError where the frame is not the one that was exported any more."""
        if image.is_file() and hash_file(image) != self.image_sha256:
            raise AnnotationError(f"{image} has changed since it was exported; export it again")


class ExportRecord:
    """What `trus_export.json` says, by file name; empty where there is none."""

    def __init__(self, frames: dict[str, Sent]):
        self._frames = frames

    @classmethod
    def find(cls, folder: Path) -> "ExportRecord":
        """Read the record in a folder that came back. Raises AnnotationError where it is damaged."""
        path = folder / FILE
        if not path.is_file():
            return cls({})
        try:
            if path.stat().st_size > _LARGEST:
                raise ValueError(f"is {path.stat().st_size} bytes long")
            frames = json.loads(path.read_text(encoding="utf-8"))["frames"]
            return cls({name: _sent(entry) for name, entry in frames.items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise AnnotationError(
                f"{path}: cannot be read ({error}); remove it, names are matched without it"
            ) from error

    def sent(self, name: str) -> Sent | None:
        """The frame that went out under this file name."""
        return self._frames.get(PurePosixPath(name).name)

    def save(self, folder: Path, header: dict[str, Any]) -> None:
        """Write the record with further keys before it."""
        write_json(folder / FILE, header | {"frames": {name: vars(sent) for name, sent in self._frames.items()}})


def hash_labels(labels: np.ndarray) -> str:
    """SHA-256 of a label mask's size and values."""
    return hash_bytes(f"{labels.shape}".encode() + np.ascontiguousarray(labels, np.uint8).tobytes())


def _sent(entry: dict[str, Any]) -> Sent:
    texts = {key: entry[key] for key in ("image_id", "image_sha256", "labels_sha256", "drawn_by")}
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        raise ValueError(f"wrong types in {entry}")
    return Sent(**texts)
