"""What a .ckpt archive may be, seen before PyTorch reads it."""

import zipfile
from pathlib import Path

from trus.errors import ModelFileError

_MAX_PICKLE = 64 << 20
"""Bytes of the structure of a checkpoint, without its tensors; real ones have some 200,000."""


def check_checkpoint(path: Path) -> None:
    """Raise ModelFileError for what PyTorch does not write: no archive, compressed entries, more bytes than the file.

    PyTorch unpacks compressed entries as it reads: a file of 2 MB then takes 2 GB of memory. A checkpoint's tensors
    are stored as they are. That its pickle runs no code is `weights_only`'s part.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: no such checkpoint") from error
    except Exception as error:  # what a damaged archive makes zipfile raise is not documented
        raise ModelFileError(f"{path}: is damaged, or no checkpoint of trus ({error})") from error
    packed = [entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    structure = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size or structure > _MAX_PICKLE:
        raise ModelFileError(
            f"{path}: is damaged, or no checkpoint of trus (its entries are compressed, overlap or hold a structure of "
            f"{structure:,} bytes; PyTorch's are stored as they are)"
        )
