"""Made raw exports: a scanner's screen with a name above the picture, as DICOM, PNG or clip."""

import os
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from trus.data.images import read_frame

from ...dicom_region import region_item

TRUS = Path(sys.executable).parent / "trus"

SIZE = (240, 320)
BOX = (40, 50, 280, 230)
"""Where the picture lies on the made screen."""


def draw_screen(seed: int, banner: str = "IVANOV IVAN", inside: str = "") -> np.ndarray:
    """A grey screen, uint8 (240, 320): blurred speckle in BOX, a name above it and, if wanted, a text inside it."""
    random = np.random.default_rng(seed)
    frame = np.zeros(SIZE, np.uint8)
    x0, y0, x1, y1 = BOX
    speckle = cv2.GaussianBlur(random.rayleigh(40, (y1 - y0, x1 - x0)).astype(np.float32), (0, 0), 2.5)
    frame[y0:y1, x0:x1] = np.clip(speckle + 20, 20, 160)
    cv2.putText(frame, banner, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    if inside:
        cv2.putText(frame, inside, (70, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return frame


def write_dicom(path: Path, frames: list[np.ndarray], regions: list[Any] | None = None, **tags: Any) -> Path:
    """An ultrasound DICOM file of grey frames with further `tags` by keyword."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Modality = "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames[0].shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.NumberOfFrames = len(frames)
    if regions is None:
        regions = [region_item(BOX)]
    if regions:
        dataset.SequenceOfUltrasoundRegions = regions
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.PixelData = np.stack(frames).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="session")
def screen() -> Callable[..., np.ndarray]:
    """`draw_screen`."""
    return draw_screen


@pytest.fixture(scope="session")
def region() -> Callable[..., Any]:
    """`region_item`, of the picture on the made screen where no box is given."""
    return _region


def _region(box: tuple[int, int, int, int] = BOX, delta: float = 0.02) -> Any:
    return region_item(box, delta)


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., Path]:
    """`write_dicom`."""
    return write_dicom


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two patients: one with a still and a clip of three frames, one whose frame carries a text; and rubbish."""
    folder = tmp_path / "raw"
    write_dicom(
        folder / "Иванов (1)" / "a.dcm",
        [draw_screen(1)],
        PatientID="77",
        Manufacturer="Made",
        ManufacturerModelName="Up 7",
    )
    write_dicom(folder / "Иванов (1)" / "clip", [draw_screen(n) for n in (2, 3, 4)], PatientID="77 ")
    write_dicom(folder / "Petrov" / "b.dcm", [draw_screen(5, inside="PETROV P.")], PatientID="78")
    (folder / "notes.txt").write_text("Petrov, born 1950")
    (folder / "empty.png").touch()
    return folder


NAMES = [
    "Ivanov",
    "Kanareykin",
    "Щеглов",
    "Zyablikov",
    "Chizhova",
    "Snegiryov",
    "Drozdetsky",
    "Skvortsova",
    "Dyatlovich",
]
PLANTED = (*NAMES, "PID-774411", "19510423", "ACC-993377")
CODES = ["utf-8", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "iso8859-5"]


def spellings(text: str) -> set[bytes]:
    """Bytes under which a text may hide."""
    found = set()
    for form in {text, text.upper(), text.lower(), text.swapcase()}:
        found |= {form.encode(code, "ignore") for code in CODES}
        found |= {urllib.parse.quote(form).encode(), ascii(form).strip("'").encode()}
    return {form for form in found if len(form) > 4}


PATTERNS = {form: text for text in PLANTED for form in spellings(text)}


def leaks(content: bytes) -> set[str]:
    """The planted names that some bytes hold."""
    return {text for form, text in PATTERNS.items() if form in content}


def leaks_in_files(folder: Path) -> dict[str, set[str]]:
    """The planted names in the content of every file, and in the names of files and folders."""
    found = {}
    for path in folder.rglob("*"):
        names = leaks(os.fsencode(path.relative_to(folder)))
        if path.is_file():
            names |= leaks(path.read_bytes())
        if names:
            found[str(path)] = names
    return found


@dataclass
class Run:
    """A finished `trus intake` in a home and a temporary folder of its own."""

    code: int
    printed: str
    out: Path
    home: Path

    def check(self) -> None:
        """No name was printed, handed on, or left in a cache or temporary folder."""
        assert leaks(self.printed.encode()) == set()
        assert leaks_in_files(self.out) == {}
        assert leaks_in_files(self.home) == {}
        for path in self.out.rglob("*.png"):
            assert read_frame(path).max() < 220, "the name's white pixels"
            with Image.open(path) as image:
                assert image.info == {}


def start(out: Path, *command: object, **environment: object) -> tuple[subprocess.Popen, Path]:
    home = out.with_name(f"{out.name}-home")
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    own = {"HOME": home, "TMPDIR": home / "tmp", "XDG_CACHE_HOME": home, "PYTHONDONTWRITEBYTECODE": 1} | environment
    process = subprocess.Popen(
        [*map(str, (TRUS, "intake", *command, "-o", out))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home,
        env=os.environ | {name: str(value) for name, value in own.items()},
    )  # fmt: skip
    return process, home


def run(out: Path, *command: object, **environment: object) -> Run:
    process, home = start(out, *command, **environment)
    printed, _ = process.communicate(timeout=300)
    return Run(process.returncode, printed, out, home)


class Canary:
    """Known names, and `trus intake` as a process whose every trace is searched for them."""

    Run = Run
    leaks = staticmethod(leaks)
    leaks_in_files = staticmethod(leaks_in_files)
    start = staticmethod(start)
    run = staticmethod(run)


@pytest.fixture(scope="session")
def canary() -> type[Canary]:
    """`Canary`."""
    return Canary
