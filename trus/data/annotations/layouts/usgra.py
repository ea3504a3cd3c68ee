"""usgra-seg: nerves and vessels in ultrasound for regional anaesthesia; palette PNG, train and test folders."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Painted, ReadOptions
from trus.data.annotations.layouts.folders import mask_of, pictures
from trus.data.classes import Classes
from trus.errors import AnnotationError

_LABELS = {1: "nerve", 2: "vessel"}


def read_usgra(source: Path, options: ReadOptions) -> Export:
    """Read `source`/images and masks (train) and `source`/test/images and masks (test), where they are.

    Masks hold 0 background, 1 nerve, 2 vessel, as palette or grey PNG. No patients are known. The licence is stated
    where the LICENSE file of the data set lies in `source`. Raises AnnotationError where there is no such folder.
    """
    folders = [(source, "train"), (source / "test", "test")]
    present = [(folder, split) for folder, split in folders if (folder / "images").is_dir()]
    if not present:
        raise AnnotationError(f"{source}: no images/ and no test/images/ in it; give the folder that holds them")
    classes = Classes.from_dict({"labels": {"0": "background", **{str(v): n for v, n in _LABELS.items()}}})
    export = Export(classes, [], notes=["usgra: no patient is known; frames of one volunteer may be on both sides"])
    licence, seen = _licence(source), set()
    for folder, split in present:
        images = pictures(folder / "images")
        masks = pictures(folder / "masks") if (folder / "masks").is_dir() else {}
        export.refused.extend(
            f"{masks[stem]}: there is no picture of that name" for stem in sorted({*masks} - {*images})
        )
        for stem, image in images.items():
            export.frames.append(
                AnnotatedFrame(
                    name=image.relative_to(source).as_posix(),
                    draw=_drawing(image, masks.get(stem)),
                    image=image,
                    image_id=f"test_{stem}" if stem in seen else stem,
                    split=split if len(present) > 1 else None,
                    device="Mindray TE7",
                    source="usgra-seg (github.com/tmkand/usgra-seg)",
                    licence=licence,
                )
            )
        seen |= {*images}
    return export


def _licence(source: Path) -> str | None:
    file = source / "LICENSE"
    with_name = file.is_file() and file.read_bytes()[:200].decode(errors="replace")
    return "CC-BY-4.0" if with_name and with_name.startswith("Attribution 4.0 International") else None


def _drawing(image: Path, mask: Path | None) -> Callable[[], list[Drawn]] | None:
    return None if mask is None else partial(_draw, image, mask)


def _draw(image: Path, mask: Path) -> list[Drawn]:
    labels = mask_of(image, mask)
    unknown = np.setdiff1d(labels, [0, *_LABELS]).tolist()
    if unknown:
        raise AnnotationError(f"{mask}: holds labels {unknown}; this data set has 0 background, 1 nerve, 2 vessel")
    return [Painted(name, labels == value) for value, name in _LABELS.items() if (labels == value).any()]
