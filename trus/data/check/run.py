"""The data check: every file of a manifest read once, and all that can be said of it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trus.data.check.alike import equal_frames, nearly_equal_frames
from trus.data.check.findings import KINDS, Finding, Severity, in_order
from trus.data.check.mask_rules import mask_findings
from trus.data.check.measure import FrameFacts, look_at
from trus.data.check.rows import Rows, read_rows
from trus.data.check.set_rules import set_findings
from trus.data.classes import Classes
from trus.data.manifest import Frame, hash_data
from trus.errors import ConfigError


@dataclass(frozen=True)
class Check:
    """What a check found. `facts` are in the order of `frames`, `findings` gravest first.

    `accepted` are the codes of warnings that somebody has looked at. `data_hash` is what a training on this manifest
    logs; None where the data has errors, as no training would start.
    """

    path: Path
    frames: list[Frame]
    classes: Classes
    facts: list[FrameFacts]
    findings: list[Finding]
    accepted: frozenset[str]
    data_hash: str | None

    def severity(self, code: str) -> Severity:
        """Severity of a kind of finding here: an accepted warning is only worth knowing."""
        return Severity.INFO if code in self.accepted else KINDS[code].severity

    def count(self, severity: Severity) -> int:
        """How many findings of a severity there are."""
        return sum(self.severity(finding.code) == severity for finding in self.findings)


def check_manifest(
    path: Path,
    jobs: int = 1,
    accepted: Iterable[str] = (),
    progress: Callable[[int, int], Any] = lambda done, all_: None,
) -> Check:
    """Check a manifest and all files that it names; `jobs` frames are in work at a time.

    Finds all that `Manifest.load` and `Manifest.verify` refuse, and goes on where these stop. Memory grows by about
    6 KiB a frame. `progress` is called with (frames done, frames in all). Raises ManifestError where no table can be
    read, ConfigError for an accepted code that is no warning.
    """
    path = Path(path)
    accepted = _check_accepted(frozenset(accepted))
    rows = read_rows(path)
    facts = list(_look_at_all(rows, jobs, progress))
    seen = list(zip(rows.frames, facts, strict=True))
    classes = rows.classes if rows.classes_known else _used(rows.classes, facts)
    findings = [
        *rows.findings,
        *(finding for known in facts for finding in known.findings),
        *(finding for frame, known in seen for finding in mask_findings(frame, known)),
        *set_findings(seen, classes, rows.classes_known),
        *equal_frames(rows.frames, facts),
        *nearly_equal_frames(rows.frames, facts),
    ]
    wrong = any(finding.kind.severity is Severity.ERROR for finding in findings)
    data_hash = None if wrong else _data_hash(rows, facts)
    return Check(path, rows.frames, classes, facts, in_order(findings), accepted, data_hash)


def _check_accepted(codes: frozenset[str]) -> frozenset[str]:
    warnings = [code for code, kind in KINDS.items() if kind.severity is Severity.WARNING]
    wrong = sorted(codes - {*warnings})
    if wrong:
        raise ConfigError(f"--accept {wrong[0]!r}: only warnings can be accepted: {', '.join(warnings)}")
    return codes


def _look_at_all(rows: Rows, jobs: int, progress: Callable[[int, int], Any]) -> Iterator[FrameFacts]:
    """Facts in the order of the frames; threads do, since decoding and counting leave the interpreter free."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for done, facts in enumerate(pool.map(lambda frame: look_at(frame, rows.classes), rows.frames), start=1):
                progress(done, len(rows.frames))
                yield facts
        finally:
            pool.shutdown(cancel_futures=True)


def _used(classes: Classes, facts: list[FrameFacts]) -> Classes:
    """The numbered stand-ins for unknown classes, but only those that are there."""
    used = {name for known in facts if known.mask is not None for name in known.mask.shapes}
    return classes.select(tuple(used)) if used else classes.select((classes.labels[1],))


def _data_hash(rows: Rows, facts: list[FrameFacts]) -> str:
    hashes = {frame.image_id: known for frame, known in zip(rows.frames, facts, strict=True)}
    image = {name: known.image_hash for name, known in hashes.items()}
    mask = {name: known.mask_hash for name, known in hashes.items() if known.mask_hash}
    return hash_data(rows.frames, rows.classes, image, mask)
