"""The page: one HTML file without scripts and without anything from elsewhere, for reading, mailing and printing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trus import __version__
from trus.data.check.charts import areas_chart, brightness_charts, patients_chart
from trus.data.check.findings import Finding, Kind, Severity, shorten
from trus.data.check.measure import FrameFacts
from trus.data.check.pictures import small_picture
from trus.data.check.run import Check
from trus.data.check.summary import WRITTEN_BY, summarise
from trus.data.manifest import Frame
from trus.files import write_text
from trus.inference.overlay import class_colour

SHEET = 400
"""Pictures on the contact sheet: frames with findings first, the gravest before the others, then an even sample."""
OTHERS = 40
"""Places on a full sheet that are kept for frames without errors and warnings."""
ALIKE_GROUPS, ALIKE_FRAMES = 30, 4
"""Groups of look-alikes of a kind, and frames of each, that are shown side by side."""
EXAMPLES = 6
"""Findings on single frames that are shown with a picture, for each kind of error and warning."""
TO_BE_SEEN = ("mask-", "inner-", "unusual-", "region-", "blank-")
"""Codes of findings on single frames that a picture explains begin like this; those on files need none."""
LINES, LINKS = 1000, 12
"""Findings of a kind, and frames of a finding, that are listed; `--json` holds all."""


@dataclass(frozen=True)
class Picture:
    """A frame on the page: `image` is a data URI, None where there is none; `codes` are its findings, gravest first."""

    frame: Frame
    facts: FrameFacts
    image: str | None
    codes: list[str]


@dataclass(frozen=True)
class Group:
    """All findings of a kind."""

    code: str
    kind: Kind
    severity: Severity
    accepted: bool
    findings: list[Finding]
    frames: int

    @property
    def pictured(self) -> list[Finding]:
        """The findings that are shown with pictures; the others are lines of text."""
        if "duplicate" in self.code or self.code == "mask-repeated":
            return self.findings[:ALIKE_GROUPS]
        seen = self.code.startswith(TO_BE_SEEN) and self.code not in ("mask-unreadable", "mask-size")
        return self.findings[:EXAMPLES] if seen and self.severity is not Severity.INFO else []


def write_page(
    check: Check, path: Path, jobs: int = 1, progress: Callable[[int, int], Any] = lambda done, all_: None
) -> None:
    """Write the page atomically. At most some 500 small pictures are in it, so that it stays below 20 MB."""
    write_text(path, render_page(check, jobs, progress))


def render_page(check: Check, jobs: int = 1, progress: Callable[[int, int], Any] = lambda done, all_: None) -> str:
    """The page as HTML."""
    template = _template()
    groups = group_findings(check)
    sheet = choose_frames(check)
    wanted = {*sheet} | {row for group in groups for f in group.pictured for row in f.rows[:ALIKE_FRAMES]}
    pictures = _take_pictures(check, wanted, jobs, progress)
    summary = summarise(check)
    return template.render(
        check=check,
        groups=groups,
        sheet=[pictures[row] for row in sheet],
        pictures=pictures,
        on_sheet={*sheet},
        names={frame.row: shorten(frame.image_id, 120) or "(no image_id)" for frame in check.frames},
        summary=summary,
        charts=[chart for chart in (patients_chart(summary), *brightness_charts(check)) if chart],
        areas=areas_chart(check, summary),
        colours=["#{:02x}{:02x}{:02x}".format(*class_colour(k)) for k in range(len(check.classes.targets))],
        grave_codes=[
            g.code for g in groups if g.severity != Severity.INFO and g.frames <= max(len(check.frames) // 2, 1)
        ],
        limits={"frames": ALIKE_FRAMES, "lines": LINES, "links": LINKS},
        written_by=WRITTEN_BY,
        version=__version__,
        now=datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z"),
    )


def require_jinja() -> None:
    """Raise ModuleNotFoundError where the page cannot be made, before any file is read."""
    _template()


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("trus.data.check", "")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.jinja")


def group_findings(check: Check) -> list[Group]:
    """Findings by kind, gravest first; accepted warnings stand with what is only worth knowing."""
    kinds: dict[str, list[Finding]] = {}
    for finding in check.findings:
        kinds.setdefault(finding.code, []).append(finding)
    groups = [
        Group(
            code=code,
            kind=findings[0].kind,
            severity=check.severity(code),
            accepted=code in check.accepted,
            findings=findings,
            frames=len({row for finding in findings for row in finding.rows}),
        )
        for code, findings in kinds.items()
    ]
    return sorted(groups, key=lambda group: [*Severity].index(group.severity))


def choose_frames(check: Check) -> list[int]:
    """Rows of the contact sheet, at most SHEET: errors, warnings, then an even sample of the others."""
    rows = [frame.row for frame in check.frames]
    if len(rows) <= SHEET:
        rank = _ranks(check)
        return sorted(rows, key=lambda row: (rank.get(row, len(Severity)) // 2, row))
    rank = _ranks(check)
    grave = [row for row in sorted(rank, key=lambda row: (rank[row], row)) if rank[row] < 2 and row in {*rows}]
    grave = grave[: SHEET - OTHERS]
    others = [row for row in rows if row not in {*grave}]
    places = SHEET - len(grave)
    return grave + [others[k * len(others) // places] for k in range(min(places, len(others)))]


def _ranks(check: Check) -> dict[int, int]:
    """Row -> 0 with an error, 1 with a warning of its own; findings on most frames single out none."""
    ranks: dict[int, int] = {}
    for finding in check.findings:
        if len(finding.rows) <= max(SHEET // 4, 1):
            rank = [*Severity].index(check.severity(finding.code))
            for row in finding.rows:
                ranks[row] = min(rank, ranks.get(row, rank))
    return ranks


def _take_pictures(check: Check, rows: set[int], jobs: int, progress: Callable[[int, int], Any]) -> dict[int, Picture]:
    codes: dict[int, list[str]] = {}
    for finding in check.findings:
        for row in finding.rows:
            if row in rows and finding.code not in codes.setdefault(row, []):
                codes[row].append(finding.code)
    wanted = [(frame, known) for frame, known in zip(check.frames, check.facts, strict=True) if frame.row in rows]
    pictures = {}
    with ThreadPoolExecutor(jobs) as pool:
        images = pool.map(lambda pair: small_picture(pair[0], pair[1], check.classes), wanted)
        for done, ((frame, known), image) in enumerate(zip(wanted, images, strict=True), start=1):
            pictures[frame.row] = Picture(frame, known, image, codes.get(frame.row, []))
            progress(done, len(wanted))
    return pictures
