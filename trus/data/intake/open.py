"""What a raw file is, by its content; its name and suffix say nothing."""

from collections.abc import Callable
from pathlib import Path

from trus.data.intake.source import Source
from trus.errors import IntakeError

UNKNOWN = "not a DICOM, image, volume or clip"
_HEAD = 512

_STILLS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free")


def open_source(path: Path, axis: int = 2) -> Source:
    """Look at a file's content and open it: DICOM, PNG, JPEG, BMP, TIFF, NIfTI, NRRD, AVI or MP4.

    `axis` (0, 1 or 2: i, j or k of the file's own index order) is what slices of a volume lie along. Raises
    IntakeError, whose message names nothing of the file: not its path, not a text in it.
    """
    path = Path(path)
    head = _head(path)
    open_kind = _opener(path, head, axis)
    try:
        return open_kind()
    except OSError as error:
        raise IntakeError(f"cannot be read ({_reason(error)})") from None
    except ModuleNotFoundError as error:
        raise IntakeError(f"reading it needs {error.name}: pip install 'trus[data]'") from None


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise IntakeError("no file" if not path.exists() else "not a regular file")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError) as error:
        raise IntakeError(f"cannot be read ({_reason(error)})") from None
    if not head:
        raise IntakeError("an empty file")
    return head


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "unknown reason"


def _opener(path: Path, head: bytes, axis: int) -> Callable[[], Source]:
    """The reader for a file that begins with `head`. DICOM comes first: its preamble may hold a TIFF's header."""
    if head[128:132] == b"DICM":
        return lambda: _dicom(path)
    for magic, kind in _STILLS.items():
        if head.startswith(magic):
            return lambda: _still(path, kind)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return lambda: _clip(path, "avi")
    if head[4:8] in _MP4_BOXES:
        return lambda: _clip(path, "mp4")
    if head[:5] == b"NRRD0":
        return lambda: _volume(path, "nrrd", axis)
    if _is_nifti(path):
        return lambda: _volume(path, "nifti", axis)
    if _begins_a_data_set(head):
        return lambda: _dicom(path)
    raise IntakeError(UNKNOWN)


def _begins_a_data_set(head: bytes) -> bool:
    """Whether DICOM without preamble: the first element is of group 2 or 8, with a VR or a short length."""
    little, big = head[:2] in (b"\x02\0", b"\x08\0"), head[:2] in (b"\0\x02", b"\0\x08")
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return (little or big) and (explicit or (little and int.from_bytes(head[4:8], "little") < _HEAD))


def _is_nifti(path: Path) -> bool:
    from trus.data.intake.volume_headers import NIFTI_BYTES, gunzipped, is_nifti

    return is_nifti(gunzipped(path, NIFTI_BYTES))


def _dicom(path: Path) -> Source:
    from trus.data.intake.dicom import open_dicom

    return open_dicom(path)


def _still(path: Path, kind: str) -> Source:
    from trus.data.intake.stills import open_still

    return open_still(path, kind)


def _clip(path: Path, kind: str) -> Source:
    from trus.data.intake.clips import open_clip

    return open_clip(path, kind)


def _volume(path: Path, kind: str, axis: int) -> Source:
    from trus.data.intake.volumes import open_volume

    return open_volume(path, kind, axis)
