"""A segmentation as DICOM SEG (PS3.3 A.51), which refers to the file that it was made from.

Runs in the process that decodes: it reads the header of an uploaded file.
"""

from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset, config, dcmread
from pydicom.sr.codedict import codes
from pydicom.valuerep import DA, TM

from trus.data.classes import Classes
from trus.errors import IntakeError

_SERIES_NUMBER = 9700
_REQUIRED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_PERHAPS_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName"),
)
"""Type 2 of the standard: present, perhaps empty; scanners leave them out."""

_FURTHER = (
    *("SpecificCharacterSet", "IssuerOfPatientID", "Modality", "Manufacturer", "ManufacturerModelName", "Rows"),
    *("Columns", "NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator", "LossyImageCompression"),
    *("LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
"""All else of a source is not even read, such as further names, comments and institutions."""

_SINGLE_FRAME = "1.2.840.10008.5.1.4.1.1.6.1"
_TEMPORAL_POSITION, _FRAME_CONTENT = 0x00209128, 0x00209111

_STRUCTURE = CodedConcept("123037004", "SCT", "Anatomical Structure")
_ALTERED = CodedConcept("49755003", "SCT", "Morphologically Altered Structure")
_TISSUE = CodedConcept("85756007", "SCT", "Tissue")
_KNOWN = {
    "prostate": (_STRUCTURE, CodedConcept("41216001", "SCT", "Prostate")),
    "gland": (_STRUCTURE, CodedConcept("41216001", "SCT", "Prostate")),
    "lesion": (_ALTERED, CodedConcept("52988006", "SCT", "Lesion")),
    "nerve": (_STRUCTURE, CodedConcept("3057000", "SCT", "Nerve")),
    "vessel": (_STRUCTURE, CodedConcept("59820001", "SCT", "Blood vessel")),
}
"""Category and type of segments by the name of the class; others get a code of their own below _TISSUE."""


def build_segmentation(path: Path, numbers: list[int], labels: np.ndarray, about: dict[str, Any]) -> bytes:
    """The DICOM file of a SEG of `labels` uint8 (N, H, W), of the frames `numbers` of the DICOM file at `path`.

    One binary segment a class, an outer class with what lies in it; of a multi-frame source, each frame refers to its
    own. `about`: classes (`Classes.to_dict`), model, sha256, thresholds (None: several), version, statement; where a
    person had a hand in it, corrected (bool) and annotator. The patient, study and
    frame of reference are those of the source, as the standard demands. Raises IntakeError where the source lacks what
    a reference needs.
    """
    config.settings.writing_validation_mode = config.IGNORE  # a scanner's unusual value is handed back as it came
    source = _source(path)
    classes = Classes.from_dict(about["classes"])
    segmentation = _of_one_frame(source, classes, about)
    _refer(segmentation, source, [1 + number for number in numbers])
    segmentation.NumberOfFrames = len(numbers) * len(classes.targets)
    segmentation.PixelData, overlap = _packed(labels, classes)
    segmentation.SegmentsOverlap = "YES" if overlap else "NO"
    segmentation.ImageComments = about["statement"]
    if not about.get("annotator", "").isascii():
        segmentation.SpecificCharacterSet = "ISO_IR 192"  # the source's may lack the letters of that name
    buffer = BytesIO()
    segmentation.save_as(buffer)
    return buffer.getvalue()


def _source(path: Path) -> Dataset:
    """What a SEG takes over of the source, with the empty elements that the standard demands."""
    source = dcmread(path, specific_tags=[*_REQUIRED, *_PERHAPS_EMPTY, *_FURTHER], stop_before_pixels=True, force=True)
    missing = [keyword for keyword in _REQUIRED if not source.get(keyword)]
    if missing:
        raise IntakeError(f"lacks {', '.join(missing)}, which a DICOM SEG refers to; ask for JSON or PNG")
    for keyword in _PERHAPS_EMPTY:
        if keyword not in source:
            setattr(source, keyword, None)
    for keyword, kind in (("StudyDate", DA), ("PatientBirthDate", DA), ("StudyTime", TM)):
        setattr(source, keyword, _conforming(source, keyword, kind))
    return source


def _conforming(source: Dataset, keyword: str, kind: type[DA] | type[TM]) -> DA | TM | None:
    """A date or time without the dots and colons of ACR-NEMA; None where it is none."""
    try:
        return kind(str(source.get(keyword) or "").translate(str.maketrans("", "", ".:" if kind is DA else ":")))
    except ValueError:
        return None


def _packed(labels: np.ndarray, classes: Classes) -> tuple[bytes, bool]:
    """Planes frame by frame, eight pixels a byte without gaps, of an even length; and whether any of them overlap."""
    packed, rest, overlap = bytearray(), np.zeros(0, np.uint8), False
    for frame in labels:
        planes = classes.planes(frame)
        overlap = overlap or bool((planes.sum(0) > 1).any())
        bits = np.concatenate([rest, planes.ravel()])
        whole = len(bits) // 8 * 8
        packed += np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    packed += np.packbits(rest, bitorder="little").tobytes()
    return bytes(packed) + b"\0" * (len(packed) % 2), overlap


def _of_one_frame(source: Dataset, classes: Classes, about: dict[str, Any]) -> Segmentation:
    """The SEG of a single empty frame. highdicom makes none of several frames without a place in space."""
    single, corrected = deepcopy(source), about.get("corrected", False)
    single.SOPClassUID = _SINGLE_FRAME
    for keyword in ("NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator"):
        single.pop(keyword, None)
    return Segmentation(
        source_images=[single],
        pixel_array=np.zeros((1, source.Rows, source.Columns, len(classes.targets)), np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=_descriptions(classes, about),
        series_instance_uid=hd.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="trus",
        manufacturer_model_name=about["model"][:64],
        software_versions=about["version"],
        device_serial_number=about["sha256"],
        content_label="TRUS",
        content_description=f"{'Corrected' if corrected else 'Automatic'} segmentation, research use only",
        content_creator_name=_creator(about),
        series_description=f"trus: {about['model']}"[:64],
        omit_empty_frames=False,
    )


def _refer(segmentation: Segmentation, source: Dataset, frames: list[int]) -> None:
    """Refer to `frames` (from 1) of the source, each with all its segments: the second dimension is time."""
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        if keyword in source:
            setattr(segmentation, keyword, source.get(keyword))
    references = [
        *segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence,
        *segmentation.SourceImageSequence,
    ]
    items = []
    for position, frame in enumerate(frames, 1):
        for segment, pattern in enumerate(segmentation.PerFrameFunctionalGroupsSequence, 1):
            item = deepcopy(pattern)
            content, reference = item.FrameContentSequence[0], item.DerivationImageSequence[0].SourceImageSequence[0]
            content.DimensionIndexValues = [segment, position]
            content.TemporalPositionIndex = position
            if "NumberOfFrames" in source:
                reference.ReferencedFrameNumber = frame
            references.append(reference)
            items.append(item)
    for reference in references:
        reference.ReferencedSOPClassUID = source.SOPClassUID
    segmentation.PerFrameFunctionalGroupsSequence = items
    segmentation.DimensionIndexSequence.append(_time_dimension(segmentation))


def _time_dimension(segmentation: Segmentation) -> Dataset:
    dimension = Dataset()
    dimension.DimensionOrganizationUID = segmentation.DimensionIndexSequence[0].DimensionOrganizationUID
    dimension.DimensionIndexPointer = _TEMPORAL_POSITION
    dimension.FunctionalGroupPointer = _FRAME_CONTENT
    dimension.DimensionDescriptionLabel = "Temporal Position Index"
    return dimension


def _descriptions(classes: Classes, about: dict[str, Any]) -> list[SegmentDescription]:
    thresholds = dict(zip(classes.targets, about["thresholds"], strict=True))
    kinds = SegmentAlgorithmTypeValues
    kind_of_making = kinds.SEMIAUTOMATIC if about.get("corrected") else kinds.AUTOMATIC
    found = []
    for number, name in enumerate(classes.targets, 1):
        category, kind = _KNOWN.get(name.lower(), (_TISSUE, CodedConcept(f"TRUS{number}", "99TRUS", name[:64])))
        algorithm = hd.AlgorithmIdentificationSequence(
            name=about["model"][:64],
            family=codes.cid7162.ArtificialIntelligence,
            version=f"{about['version']} {about['sha256'][:16]}",
            source="trus",
            parameters={"model_sha256": about["sha256"], "threshold": _threshold(thresholds[name])},
        )
        found.append(
            SegmentDescription(
                segment_number=number,
                segment_label=name[:64],
                segmented_property_category=category,
                segmented_property_type=kind,
                algorithm_type=kind_of_making,
                algorithm_identification=algorithm,
            )
        )
    return found


def _threshold(value: float | None) -> str:
    return "several" if value is None else f"{value:g}"


def _creator(about: dict[str, Any]) -> str | None:
    """The annotator as a DICOM name of one component; None without one. Marks that part names are left out."""
    name = "".join(" " if mark in "\\^=" or not mark.isprintable() else mark for mark in about.get("annotator", ""))
    return name.strip()[:64] or None
