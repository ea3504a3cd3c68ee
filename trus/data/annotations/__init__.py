"""Annotation formats by name; a format's module is imported when it is first used."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from trus.data.annotations.exchange import Format
from trus.errors import AnnotationError


def _late(module: str, function: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), function)(*arguments)

    return call


def _both(meaning: str, module: str, name: str, writer: str | None = None, tells_empty: bool = True) -> Format:
    return Format(meaning, _late(module, f"read_{name}"), _late(writer or module, f"write_{name}"), tells_empty)


def _layout(meaning: str, name: str) -> Format:
    return Format(meaning, read=_late(f"layouts.{name}", f"read_{name}"))


FORMATS = {
    "masks": _both("label masks named like the frames: grey, indexed or coloured", "masks", "masks"),
    "coco": _both("COCO instances JSON: polygons and RLE", "coco", "coco", "coco_writer", tells_empty=False),
    "roboflow-coco": _both("Roboflow's COCO segmentation folder", "roboflow", "roboflow_coco", tells_empty=False),
    "roboflow-masks": Format("Roboflow's semantic masks", read=_late("roboflow", "read_roboflow_masks")),
    "labelme": _both("LabelMe: a JSON a picture", "labelme", "labelme"),
    "yolo": _both("YOLO segmentation: data.yaml, images/ and labels/", "yolo", "yolo"),
    "cvat": _both("CVAT: XML for images or video, or its segmentation mask archive", "cvat", "cvat", tells_empty=False),
    "label-studio": _both("Label Studio's JSON: polygons and brush", "label_studio", "label_studio"),
    "nifti": _both("NIfTI or NRRD masks of ITK-SNAP and 3D Slicer", "nifti", "nifti"),
    "muregpro": _layout("µ-RegPro: TRUS volumes with the prostate gland", "muregpro"),
    "microus": _layout("Micro-US prostate: micro-ultrasound volumes, expert and other annotators", "microus"),
    "busi": _layout("BUSI: breast lesions, benign and malignant", "busi"),
    "hc18": _layout("HC18: fetal heads with pixel spacing", "hc18"),
    "usgra": _layout("USGRA: nerves and vessels, training and test frames", "usgra"),
}
"""Format name -> what it is, how it is read and written; a new format is a module and a line here."""


def format_named(name: str) -> Format:
    """The format of this name. Raises AnnotationError that lists the names there are."""
    if name not in FORMATS:
        raise AnnotationError(f"format {name!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[name]


__all__ = ["FORMATS", "format_named"]
