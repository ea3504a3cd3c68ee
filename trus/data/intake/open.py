"""What a raw file is, by its content; its name and suffix say nothing."""

from collections.abc import Callable
from pathlib import Path

from trus.data.intake.quiet import quietly
from trus.data.intake.source import Source
from trus.data.intake.volume_headers import GZIP, NIFTI_BYTES, gunzipped, is_nifti
from trus.errors import IntakeError

UNKNOWN = "not a DICOM, image, volume or clip"
_HEAD = 512
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SIGNS: dict[str, Callable[[bytes], bool]] = {
    "dicom": lambda head: head[128:132] == b"DICM",
    "png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "bmp": lambda head: head.startswith(b"BM"),
    "tiff": lambda head: head.startswith(_TIFF),
    "avi": lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ",
    "mp4": lambda head: head[4:8] in _MP4_BOXES,
    "nrrd": lambda head: head.startswith(b"NRRD0"),
    "nifti": is_nifti,
}
"""Kind of a file by its first bytes, the first that fits: a DICOM preamble may hold a TIFF's header."""


def open_source(path: Path, axis: int = 2) -> Source:
    """Look at a file's content and open it: DICOM, PNG, JPEG, BMP, TIFF, NIfTI, NRRD, AVI or MP4.

    `axis` (0, 1 or 2: i, j or k of the file's own index order) is what slices of a volume lie along. Raises
    IntakeError, whose message names nothing of the file: not its path, not a text in it.
    """
    path = Path(path)
    return _open(path, kind_of(path), axis)


def kind_of(path: Path) -> str:
    """dicom, png, jpeg, bmp, tiff, avi, mp4, nrrd or nifti. Raises IntakeError where the content is none of them."""
    head = quietly("cannot be read; look at its permissions", _head, path)
    if head.startswith(GZIP) and is_nifti(gunzipped(path, NIFTI_BYTES)):
        return "nifti"
    kind = next((kind for kind, fits in _SIGNS.items() if fits(head)), "dicom" if _begins_a_data_set(head) else None)
    if kind is None:
        raise IntakeError(UNKNOWN)
    return kind


def _head(path: Path) -> bytes:
    if not path.is_file():  # a pipe or a device would never end
        raise IntakeError("not a regular file" if path.exists() else "no such file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise IntakeError("an empty file")
    return head


def _begins_a_data_set(head: bytes) -> bool:
    """Whether DICOM without preamble: the first element is of group 2 or 8, with a VR or a short length."""
    little, big = head[:2] in (b"\x02\0", b"\x08\0"), head[:2] in (b"\0\x02", b"\0\x08")
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return (little or big) and (explicit or (little and int.from_bytes(head[4:8], "little") < _HEAD))


def _open(path: Path, kind: str, axis: int) -> Source:
    """Imports what a kind needs only when a file of that kind comes."""
    if kind == "dicom":
        from trus.data.intake.dicom import open_dicom

        return open_dicom(path)
    if kind in ("nifti", "nrrd"):
        from trus.data.intake.volumes import open_volume

        return open_volume(path, kind, axis)
    if kind in ("avi", "mp4"):
        from trus.data.intake.clips import open_clip

        return open_clip(path, kind)
    from trus.data.intake.stills import open_still

    return open_still(path, kind)
