"""The two folders of an intake: what may be handed on, and what must stay."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trus.errors import IntakeError
from trus.files import write_bytes

README = """This folder must not leave your institution.

It belongs to the de-identified frames in the folder beside it and holds what those were cleaned of: untouched pixels
(quarantine/, contact_sheets/), the names and places of the raw files (sources.csv), and the key that turns patient ids
into pseudonyms (pseudonyms.key). Whoever has the key and a list of patient ids can undo the pseudonyms.

Keep pseudonyms.key: without it the same patient gets another pseudonym next time.

quarantine/             frames that a person must decide on; if_accepted/ shows what would be handed on
quarantine.csv          the same as a list, with reasons; `trus intake ... --accept LIST` takes an edited copy
contact_sheets/         before and after, for checking by eye
sources.csv             which raw file became which frames, and which was refused
journal/                what has been done, so that an interrupted intake goes on where it stopped
"""

OWN_FILES = ("README.txt", "quarantine.csv", "sources.csv")
"""What the intake writes into the private folder itself, besides the key."""


@dataclass(frozen=True)
class Folders:
    """`out` is safe to hand on as a whole; `private` is not."""

    out: Path
    private: Path

    @property
    def quarantine(self) -> Path:
        """Untouched pixels of the frames that wait for a person."""
        return self.private / "quarantine"

    @property
    def ready(self) -> Path:
        """What would be handed on of a frame in quarantine."""
        return self.quarantine / "if_accepted"

    @property
    def sheets(self) -> Path:
        """Contact sheets."""
        return self.private / "contact_sheets"

    @property
    def journal(self) -> Path:
        """What has been done."""
        return self.private / "journal"

    @property
    def scratch(self) -> Path:
        """Temporary files of the decoders: not in /tmp, where a kill would leave them for others to read."""
        return self.private / "scratch"

    def image(self, pseudonym: str, image_id: str) -> Path:
        """Where a frame is written, relative to `out`."""
        return Path("images", pseudonym or "unknown", f"{image_id}.png")


def choose_folders(out: Path, private: Path | None, raw: Iterable[Path]) -> Folders:
    """Resolve the two folders. Raises IntakeError where one lies in the other, or a raw input in one of them."""
    out = real_path(out)
    private = real_path(private or out.with_name(f"{out.name}-private"))
    if private.is_relative_to(out) or out.is_relative_to(private):
        raise IntakeError(
            "--private: one of the two folders lies inside the other, so that names and untouched pixels "
            "would be handed on; choose a folder outside of OUT"
        )
    for number, path in enumerate(raw, 1):
        if real_path(path).is_relative_to(out) or real_path(path).is_relative_to(private):
            raise IntakeError(f"input {number}: lies inside OUT or its private folder; choose another -o")
    return Folders(out, private)


def real_path(path: Path) -> Path:
    """`path` without links; unlike Path.resolve it raises nothing, in whose message a name could stand."""
    return Path(os.path.realpath(path))


def prepare(folders: Folders) -> None:
    """Make both folders, the private one readable by its owner alone, and clear what a killed run left half-written."""
    if not folders.private.exists() and (folders.out / "manifest.csv").exists():
        raise IntakeError(
            "OUT holds a manifest, but the private folder of the intake that made it is not there; "
            "give it with --private, or choose another -o"
        )
    if not folders.journal.exists():
        for option, folder in (("-o", folders.out), ("--private", folders.private)):
            if folder.is_dir() and {path.name for path in folder.iterdir()} - {"pseudonyms.key"}:
                raise IntakeError(f"{option}: the folder holds other files already; choose a new or empty one")
    folders.out.mkdir(parents=True, exist_ok=True)
    folders.private.mkdir(parents=True, exist_ok=True)
    folders.private.chmod(0o700)
    for folder in (folders.journal, folders.quarantine, folders.ready, folders.scratch):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not (folders.private / "README.txt").exists():
        write_private(folders.private / "README.txt", README.encode())


def clear_remains(folders: Folders) -> None:
    """Remove temporary files of an earlier run; call it with the lock held. A hidden key in `private` is the user's."""
    for folder in (folders.out / "images", folders.quarantine, folders.sheets, folders.journal):
        for path in folder.rglob(".*"):
            if path.is_file():
                path.unlink(missing_ok=True)
    for name in OWN_FILES:
        for path in folders.private.glob(f".{Path(name).stem}.*{Path(name).suffix}"):
            path.unlink(missing_ok=True)
    shutil.rmtree(folders.scratch, ignore_errors=True)
    folders.scratch.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def locked(folders: Folders) -> Iterator[None]:
    """One intake at a time works on these folders; the lock goes with its process. Raises IntakeError."""
    (folders.private / ".lock").touch(0o600)
    with (folders.private / ".lock").open("w") as file:
        with suppress(ModuleNotFoundError):  # Windows has no fcntl; two runs at once are then up to the user
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise IntakeError("another trus intake is at work on this OUT; wait for it to end") from None
        yield


def write_private(path: Path, content: bytes) -> None:
    """Write atomically, readable by the owner alone."""
    write_bytes(path, content)
    path.chmod(0o600)
