"""COCO and LabelMe, by the writers of `trus annotations export`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from trus.app.exports.deidentified import keep
from trus.app.exports.download import Download, check_size, zipped_folder
from trus.app.exports.folders import private_folder
from trus.app.exports.going import Going, same_classes
from trus.app.exports.request import ExportOptions
from trus.data.annotations import format_named
from trus.data.annotations.exchange import FrameOut, WriteOptions
from trus.data.images import write_image
from trus.inference.overlay import display


def annotations(going: Sequence[Going], options: ExportOptions, name: str) -> Download:
    """`coco` or `labelme` as an archive; of COCO without pictures the JSON alone.

    Pictures are 8 bit and show no more of a frame than may be handed on (`deidentified.keep`). Raises Problem as
    `Going.labels` and `same_classes`.
    """
    classes, form = same_classes(going), format_named(name)
    assert form.write is not None, "both formats are written"
    with private_folder() as folder:
        form.write(
            (_out(frame, options.pictures, folder) for frame in going),
            classes,
            folder,
            WriteOptions(options.geometry, options.tolerance),
        )
        if name == "coco" and not options.pictures:
            return Download("trus-coco.json", "application/json", (folder / "annotations.json").read_bytes())
        return zipped_folder(f"trus-{name}.zip", folder)


def _out(frame: Going, pictures: bool, folder: Path) -> FrameOut:
    copy = _copying(frame, folder) if pictures else _nothing
    return FrameOut(frame.stem, f"{frame.stem}.png", frame.size, frame.labels, copy, frame.scale.whole)


def _nothing(target: Path) -> None:
    """For a format without pictures."""


def _copying(frame: Going, folder: Path) -> Callable[[Path], None]:
    def copy(target: Path) -> None:
        picture = keep(frame.picture(), frame.regions).picture
        write_image(target, display(picture) if picture.dtype != np.uint8 else picture)
        check_size(sum(path.stat().st_size for path in folder.rglob("*.png")))

    return copy
