"""Which frame of a manifest each picture of an export is; names say it, and pixels have to agree (`fitting`)."""

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from trus.data.annotations.exchange import AnnotatedFrame
from trus.data.annotations.frames import Job
from trus.data.annotations.names import Known, NameIndex
from trus.data.annotations.record import ExportRecord
from trus.data.manifest import Frame, Manifest
from trus.errors import AnnotationError


def frames_of_manifest(
    annotated: Iterable[AnnotatedFrame], manifest: Path, record: ExportRecord
) -> tuple[list[Job], list[str]]:
    """One job for each frame of `manifest` that the export has pictures of, in the manifest's order; refused lines.

    A picture's name is looked up in the record of our own export, then as image_id, file name, stem, exported name
    (`/` as `__`), Roboflow's original name, and with all but letters and digits left out. A name that may mean
    several frames is refused; so is one in another folder where the export holds no picture to prove it. Raises
    ManifestError for a broken manifest.
    """
    frames = {frame.image_id: frame for frame in Manifest.load(manifest).frames}
    index = NameIndex(known_frames(frames.values(), manifest))
    copies: dict[str, list[AnnotatedFrame]] = defaultdict(list)
    refused = []
    for item in annotated:
        try:
            copies[_find(item, index, frames, record)].append(item)
        except AnnotationError as error:
            refused.append(f"{item.name}: {error}")
    return [Job(name, copies[name], frame.image) for name, frame in frames.items() if name in copies], refused


def known_frames(frames: Iterable[Frame], manifest: Path) -> list[Known]:
    """The frames of a manifest by their names."""
    folder = manifest.resolve().parent
    return [
        Known(frame.image_id, PurePosixPath(Path(os.path.relpath(frame.image, folder)).as_posix())) for frame in frames
    ]


def _find(item: AnnotatedFrame, index: NameIndex, frames: dict[str, Frame], record: ExportRecord) -> str:
    sent = record.sent(item.name)
    if sent is not None and sent.image_id in frames:
        sent.check(frames[sent.image_id].image)
        return sent.image_id
    if item.image_id is not None:
        with suppress(AnnotationError):  # tools state the original name less garbled than the file's, if at all
            return index.find(item.image_id).image_id
    seen = item.image is not None or item.picture is not None
    return (index.find if seen else index.find_unseen)(item.name).image_id
