"""Finding the raw files, and the patient whom a folder or a path names."""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trus.data.intake.folders import Folders, real_path
from trus.data.intake.pseudonyms import normalised
from trus.errors import IntakeError


@dataclass(frozen=True)
class RawFile:
    """One file, and the input below which it was found."""

    path: Path
    root: Path

    @property
    def below(self) -> str:
        """The path below the input, with forward slashes: the file's name alone where the input is the file."""
        return self.path.relative_to(self.root).as_posix()


@dataclass
class Found:
    """Files in a fixed order, and how many were left out.

    Those are links that lead outside, what is no file (pipes, devices), hidden files and folders, and folders that may
    not be read.
    """

    files: list[RawFile] = field(default_factory=list)
    outside: int = 0
    hidden: int = 0
    special: int = 0
    unreadable: int = 0


def find_raw_files(inputs: Sequence[Path], folders: Folders) -> Found:
    """All files at any depth, each once, sorted below each input; hidden ones and the intake's own are left out.

    Raises IntakeError that names the inputs by number, as a path can hold a name.
    """
    missing = [number for number, path in enumerate(inputs, 1) if not path.exists()]
    if missing:
        numbers = ", ".join(map(str, missing))
        raise IntakeError(f"input {numbers}: no such file or folder")
    found, seen = Found(), set()
    for path in map(Path.absolute, inputs):
        root = path if path.is_dir() else path.parent
        for file in _walk(path, folders, found) if path.is_dir() else _alone(path, found):
            real = real_path(file)
            if real not in seen:
                seen.add(real)
                found.files.append(RawFile(file, root))
    return found


def _walk(root: Path, folders: Folders, found: Found) -> list[Path]:
    def unreadable(_: OSError) -> None:
        found.unreadable += 1

    files = []
    for folder, names, entries in os.walk(root, onerror=unreadable):
        here = Path(folder)
        found.hidden += sum(name.startswith(".") for name in names + entries)
        names[:] = sorted(n for n in names if not n.startswith(".") and not _ours(real_path(here / n), folders))
        files += [here / name for name in entries if not name.startswith(".") and _is_taken(here / name, root, found)]
        found.outside += sum(_leads_outside(here / name, root) for name in names)
    return sorted(files)


def _alone(path: Path, found: Found) -> list[Path]:
    """A file given by name; the user says where a link of that name leads."""
    found.special += not path.is_file()
    return [path] if path.is_file() else []


def _leads_outside(path: Path, root: Path) -> bool:
    return path.is_symlink() and not real_path(path).is_relative_to(real_path(root))


def _ours(folder: Path, folders: Folders) -> bool:
    return folder in (folders.out, folders.private)


def _is_taken(path: Path, root: Path, found: Found) -> bool:
    if _leads_outside(path, root):
        found.outside += 1
        return False
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return True
    except OSError:
        return True  # a broken link or a forbidden file: refused where it is read, so that it is not lost
    found.special += 1
    return False


@dataclass(frozen=True)
class PatientRule:
    """Who names the patient: dicom, parent-folder, regex or none."""

    kind: str = "dicom"
    pattern: str = ""
    several_inputs: bool = False

    def patient(self, file: RawFile, header_id: str | None) -> str:
        """The patient id of a file, empty under the rule `none`. Raises IntakeError with the way out."""
        if self.kind == "none":
            return ""
        if self.kind == "dicom":
            if header_id and header_id.strip():
                return header_id
            raise IntakeError("carries no patient id; say where it stands: --patient-from parent-folder, regex or none")
        return self._from_folder(file) if self.kind == "parent-folder" else self._from_path(file)

    def check(self, files: Sequence[RawFile]) -> None:
        """Raises IntakeError where folders of one name could be of two patients, such as the dates of their visits."""
        if self.kind != "parent-folder":
            return
        places: dict[tuple[Path, str], set[Path]] = defaultdict(set)
        for file in files:
            places[file.root, normalised(file.path.parent.name)].add(file.path.parent)
        repeated = sum(len(folders) > 1 for folders in places.values())
        if repeated:
            raise IntakeError(
                f"--patient-from parent-folder: {repeated} names of folders stand at several places below one input, "
                "and two patients could share a pseudonym; name the patient's folder, e.g. with --patient-from regex "
                "--patient-regex '^([^/]+)/' for the outermost"
            )

    def _from_folder(self, file: RawFile) -> str:
        if file.path.parent == file.root and not self.several_inputs:
            raise IntakeError("lies in no patient's folder; give the folder above as the input")
        return real_path(file.path).parent.name

    def _from_path(self, file: RawFile) -> str:
        found = re.search(self.pattern, file.below)
        if found and (found.group(1) or "").strip():
            return found.group(1)
        raise IntakeError("its path holds nothing that --patient-regex finds; widen the pattern")


def patient_rule(kind: str, pattern: str | None, several_inputs: bool) -> PatientRule:
    """Check the two options. Raises IntakeError."""
    if kind not in ("dicom", "parent-folder", "regex", "none"):
        raise IntakeError(f"--patient-from {kind!r}: choose from dicom, parent-folder, regex, none")
    if (kind == "regex") != bool(pattern):
        raise IntakeError("--patient-from regex and --patient-regex PATTERN go together; give both")
    try:
        groups = re.compile(pattern or "()").groups
    except re.error as error:
        raise IntakeError(f"--patient-regex: is no regular expression ({error})") from None
    if not groups:
        raise IntakeError("--patient-regex: needs a group around the patient's part, e.g. '^([^/]+)/'")
    return PatientRule(kind, pattern or "", several_inputs)
