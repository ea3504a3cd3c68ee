"""DICOM files as sources of the intake."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trus.data.intake.dicom_file import DAMAGED, Opened, opened
from trus.data.intake.dicom_pixels import frames_of
from trus.data.intake.dicom_regions import Calibration, calibration
from trus.data.intake.quiet import quietly
from trus.data.intake.source import Header
from trus.errors import IntakeError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass
class DicomSource:
    """A DICOM file; its frames are decoded one at a time, and only the wanted ones."""

    path: Path
    header: Header

    def frames(self, wanted: range | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """As Source.frames. A compressed clip that ends early yields the frames it has, then raises IntakeError."""
        numbers = range(self.header.frames or 1)
        if wanted is not None:
            numbers = numbers[wanted.start : wanted.stop : wanted.step]
        with opened(self.path) as file:
            yield from frames_of(file, numbers) if numbers else ()


def open_dicom(path: Path) -> DicomSource:
    """Read the header of a DICOM file. Raises IntakeError where it holds no picture that can be read."""
    with opened(path) as file:
        return DicomSource(path, quietly(DAMAGED, _header, file))


def _header(file: Opened) -> Header:
    dataset, pixels = file.dataset, file.pixels
    found = _calibration(file)
    return Header(
        kind="dicom",
        frames=pixels.frames,
        size=(pixels.rows, pixels.columns),
        patient_id=patient_id(dataset),
        identity=identity(dataset),
        device=" ".join(filter(None, (_text(dataset, "Manufacturer"), _text(dataset, "ManufacturerModelName"))))
        or None,
        regions=found.regions,
        spacing=found.spacing,
        spacing_note=found.note,
    )


def _calibration(file: Opened) -> Calibration:
    try:
        return quietly(DAMAGED, calibration, file.dataset, (file.pixels.rows, file.pixels.columns))
    except IntakeError:
        return Calibration((), None, "the regions or the spacing of the header cannot be read")


def patient_id(dataset: "Dataset") -> str | None:
    """PatientID, with its issuer where there is one, as `ID^^^ISSUER` (HL7's CX): two hospitals' `1` differ."""
    number, issuer = _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")
    return f"{number}^^^{issuer}" if number and issuer else number or None


def identity(dataset: "Dataset") -> tuple[str, ...]:
    """(name, birth date, sex), empty texts for what is not stated; () where nothing is.

    The name is normalised, so that `IVANOV^Ivan` and `Ivanov^Ivan ` are one: Unicode NFKC, no case, single spaces, and
    only its first (alphabetic) component group.
    """
    name = unicodedata.normalize("NFKC", _text(dataset, "PatientName").partition("=")[0])
    parts = (" ".join(part.split()) for part in name.casefold().split("^"))
    found = "^".join(parts).strip("^"), _text(dataset, "PatientBirthDate"), _text(dataset, "PatientSex")
    return found if any(found) else ()


def _text(dataset: "Dataset", keyword: str) -> str:
    """A text element without its padding, empty where it is absent or cannot be read."""
    try:
        text = quietly(DAMAGED, _joined, dataset, keyword)
    except IntakeError:
        return ""
    return " ".join(text.replace("\0", " ").split())


def _joined(dataset: "Dataset", keyword: str) -> str:
    from pydicom.multival import MultiValue

    value = dataset.get(keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part) for part in values if part is not None)
