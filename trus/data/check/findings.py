"""What a data check can find: each kind with its severity, its meaning and the way out."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is: an error stops a training, a warning should be looked at, the rest is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Kind:
    """A kind of finding: what it says of the frames, and what to do."""

    severity: Severity
    title: str
    remedy: str


_ERRORS = {
    "manifest-schema": ("The manifest breaks its schema", "Correct the cell as the line says."),
    "classes-unreadable": ("classes.json cannot be used", "Correct it; until then labels go by their numbers."),
    "image-unreadable": ("The frame cannot be read", "Export it again, or take its row out."),
    "mask-unreadable": ("The mask cannot be read", "Export it again, or empty the cell if there is none."),
    "mask-size": ("The mask is not of its frame's size", "Export the mask at the frame's own size."),
    "mask-label-unknown": ("The mask holds labels without a class", "Name them in classes.json, or correct the mask."),
    "region-beyond-frame": ("The region is empty or lies beyond its frame", "Correct region_x0 to region_y1."),
    "patient-on-both-sides": (
        "A patient has frames on both sides of the test split",
        "Put all of a patient's frames on one side: what was trained on must not be tested on.",
    ),
    "duplicate-across-test": (
        "The same picture stands on both sides of the test split",
        "Keep one: a score on a frame that was trained on means nothing.",
    ),
    "duplicate-across-patients": (
        "The same picture stands under different patients",
        "Find out whose it is and keep one; folds by patient would leak.",
    ),
}
_WARNINGS = {
    "duplicate": ("The same picture stands there more than once", "Keep one, unless it shall count twice."),
    "duplicate-other-mask": (
        "The same picture has different masks",
        "Decide which mask is right, or make a consensus of the annotators.",
    ),
    "near-duplicate-across-test": (
        "Nearly the same picture on both sides of the test split",
        "Look at each pair: if it is one patient or one clip, put both on one side.",
    ),
    "near-duplicate-across-patients": (
        "Nearly the same picture under different patients",
        "Look at each pair: if it is one patient, give both frames one patient_id.",
    ),
    "near-duplicate-patient-unknown": (
        "Nearly the same picture, and the patients are not known",
        "Look at each pair and fill patient_id, or random folds will train and test on one patient.",
    ),
    "mask-repeated": (
        "Different pictures have the very same mask",
        "Look whether a mask was saved under the wrong name.",
    ),
    "mask-specks": ("The mask has specks beside the object", "Rub them out: they are slips of the pen, or noise."),
    "mask-holes": ("The mask has holes", "Fill them, unless they are meant."),
    "mask-touches-border": (
        "The mask touches the frame's border",
        "Right where the picture cuts the object off (its area is then a lower bound); else a shifted mask.",
    ),
    "mask-outside-region": (
        "The mask reaches outside the region",
        "That part is cropped away before training: correct the mask or the region.",
    ),
    "mask-nearly-full": ("A class covers nearly the whole picture", "Look whether background and object are swapped."),
    "inner-without-outer": (
        "A contained class stands alone",
        "Draw the outer class too (the gland around its lesion): without it the outer class is learnt wrongly.",
    ),
    "inner-outside-outer": (
        "A contained class lies outside the outer one",
        "Extend the outer class around it, or correct the inner one.",
    ),
    "blank-frame": ("The picture is blank", "Take its row out, or export it again."),
    "unusual-intensity": ("Brightness or contrast unlike the device's other frames", "Look at the frame."),
    "unusual-size": ("A size unlike the other frames", "Look whether it was resized or cropped on its way."),
    "unusual-spacing": (
        "A pixel spacing unlike the other frames",
        "Look it up: a wrong spacing gives wrong millimetres (is it in cm, or of a resized picture?).",
    ),
    "class-never-used": ("A class of classes.json is in no mask", "Annotate it, or take it out of classes.json."),
    "class-in-one-part": (
        "A class is only on one side of the test split",
        "Draw the split anew: a class must be there to be learnt, and there to be measured.",
    ),
    "patient-unknown": (
        "Frames without a patient_id",
        "Fill it: without it nothing keeps one patient out of both training and test.",
    ),
    "patient-ids-alike": ("Patient ids that differ only in writing", "If they are one patient, write them one way."),
    "test-frame-without-mask": ("A test frame has no mask", "Annotate it, or take it out: it cannot be scored."),
}
_INFOS = {
    "near-duplicate": ("Nearly the same picture of one patient", "Nothing; neighbours in a clip look like this."),
    "mask-copied": (
        "Frames of one patient with the very same mask",
        "Look whether a mask that was carried over still fits each frame.",
    ),
    "mask-several-parts": ("A class in several parts", "Right where there are several; else join them."),
    "mask-empty": ("Annotated, and nothing there", "Nothing, if that is so; not yet annotated is an empty cell."),
    "not-annotated": ("No mask yet", "`trus annotations export` hands them to an annotation tool."),
    "patient-with-one-frame": ("Patients with one frame", "Nothing; they weigh little in folds by patient."),
    "spacing-unknown": ("Frames without a pixel spacing", "Areas and distances of these are in pixels only."),
    "licence-unknown": ("Frames without a licence", "Fill it before data or a model leave the house."),
}
KINDS = {
    code: Kind(severity, *texts)
    for severity, kinds in ((Severity.ERROR, _ERRORS), (Severity.WARNING, _WARNINGS), (Severity.INFO, _INFOS))
    for code, texts in kinds.items()
}
"""Code -> kind, gravest first. Codes are stable: scripts may lean on them."""


@dataclass(frozen=True)
class Finding:
    """One thing found: its code (a key of KINDS), the manifest rows concerned, and what was seen there."""

    code: str
    rows: tuple[int, ...]
    what: str

    @property
    def kind(self) -> Kind:
        """What this code means."""
        return KINDS[self.code]


def shorten(text: str, most: int = 600) -> str:
    """The text, without its middle where it is longer than `most`: a cell may hold a book."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def in_order(findings: list[Finding]) -> list[Finding]:
    """Gravest kind first, then by row; endless texts are shortened."""
    rank = {code: number for number, code in enumerate(KINDS)}
    bounded = [replace(finding, what=shorten(finding.what)) for finding in findings]
    return sorted(bounded, key=lambda finding: (rank[finding.code], finding.rows[:1], finding.what))
