"""BUSI: breast ultrasound, folders benign, malignant and normal (Al-Dhabyani et al., Data in Brief 28, 2020)."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trus.data.annotations.exchange import AnnotatedFrame, Drawn, Export, Painted, ReadOptions
from trus.data.annotations.layouts.folders import drawn_in, pictures
from trus.data.classes import Classes
from trus.errors import AnnotationError

_KINDS = ("benign", "malignant")
_MASK = re.compile(r"(?P<picture>.+)_mask(_\d+)?", re.DOTALL)
_NOTES = [
    "busi: no patient is known, and the full data set holds repeated pictures (Pawlowska et al., Data in Brief 48, "
    "2023): run `trus check` before frames are split",
    "busi: benign and malignant lesions are two classes; --rename benign=lesion,malignant=lesion makes one of them",
]


def read_busi(source: Path, options: ReadOptions) -> Export:
    """Read the folders `benign`, `malignant` and `normal`: `NAME.png` with `NAME_mask.png`, `NAME_mask_1.png`, ...

    Every mask of a picture is an object of its own, of class `benign` or `malignant`; a picture with an empty mask
    (all of `normal`) is annotated and shows nothing. Raises AnnotationError where none of the folders is there.
    """
    folders = [source / kind for kind in (*_KINDS, "normal") if (source / kind).is_dir()]
    if not folders:
        raise AnnotationError(f"{source}: no folder benign, malignant or normal in it; give the folder that holds them")
    classes = Classes.from_dict({"labels": {"0": "background", "1": "benign", "2": "malignant"}})
    export = Export(classes, [], notes=list(_NOTES))
    for folder in folders:
        _read_folder(folder, export)
    return export


def _read_folder(folder: Path, export: Export) -> None:
    images = pictures(folder)
    masks: dict[str, list[Path]] = {}
    for stem in [*images]:
        if match := _MASK.fullmatch(stem):
            masks.setdefault(match["picture"], []).append(images.pop(stem))
    for stem in sorted({*masks} - {*images}):
        export.refused.extend(f"{mask}: there is no picture {stem}" for mask in masks[stem])
    for stem, image in images.items():
        export.frames.append(
            AnnotatedFrame(
                name=f"{folder.name}/{image.name}",
                draw=_drawing(folder.name, image, masks.get(stem, [])),
                image=image,
                image_id=f"{folder.name}/{stem}",
                source="BUSI (doi:10.1016/j.dib.2019.104863)",
            )
        )


def _drawing(kind: str, image: Path, masks: list[Path]) -> Callable[[], list[Drawn]] | None:
    return partial(_draw, kind, image, masks) if masks else None


def _draw(kind: str, image: Path, masks: list[Path]) -> list[Drawn]:
    planes = [(mask, drawn_in(image, mask)) for mask in masks]
    filled = [(mask, plane) for mask, plane in planes if plane.any()]
    if filled and kind not in _KINDS:
        raise AnnotationError(f"{filled[0][0]}: marks a lesion in a picture of the folder {kind}; which kind is it?")
    return [Painted(kind, plane) for _, plane in filled]
