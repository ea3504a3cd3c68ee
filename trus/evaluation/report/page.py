"""The report as one HTML file, for reading, mailing and printing."""

import math
from datetime import datetime
from pathlib import Path
from typing import Any

from trus import __version__
from trus.evaluation.report import sections
from trus.evaluation.report.pictures import take_picture
from trus.evaluation.report.view import Gallery, Page, Section
from trus.evaluation.report.words import many
from trus.evaluation.result import FrameResult, Result
from trus.files import write_text
from trus.inference.metadata import STATEMENT
from trus.inference.overlay import class_colour

EACH = 6
"""Pictures of the worst, of the median and of the best frames."""


def write_report(path: Path, result: Result) -> None:
    """Write the page atomically; 24 pictures at most are in it, so that it can be mailed."""
    write_text(path, render_report(result))


def render_report(result: Result) -> str:
    """The page as HTML, without scripts and without anything from elsewhere."""
    return _template().render(page=build_page(result), version=__version__)


def build_page(result: Result) -> Page:
    """What the page says."""
    made = [
        sections.result_section(result),
        sections.metrics_section(result),
        sections.gains_section(result),
        sections.distribution_section(result),
        pictures_section(result),
        sections.probability_section(result),
        sections.detection_section(result),
        sections.area_section(result),
        sections.strata_section(result),
        sections.folds_section(result),
        sections.misses_section(result),
        sections.frames_section(result),
    ]
    subject = result.subject
    return Page(
        title=f"Evaluation, {subject.part} part"
        if subject.part in ("test", "train", "all")
        else f"Evaluation, {subject.part}",
        subject=subject.name,
        statement=STATEMENT,
        banners=_banners(result),
        origin=_origin(result),
        targets=subject.reference.targets,
        colours=["#{:02x}{:02x}{:02x}".format(*class_colour(k)) for k in range(len(subject.reference.targets))],
        contours="solid: reference, dashed: prediction; left the bare frame",
        sections=[section for section in made if not section.empty or section.id == "misses"],
        footer=_footer(result),
    )


def pictures_section(result: Result) -> Section:
    """The worst, the median and the best frames by the class that is hardest to find."""
    classes = {name: part["iou"]["value"] for name, part in result.summary["classes"].items()}
    known = [name for name, value in classes.items() if value is not None]
    hardest = min(known, key=lambda name: classes[name], default=None)
    k = result.subject.reference.targets.index(hardest) if hardest else 0
    order = sorted(
        (f for f in result.frames if not math.isnan(f.iou[k])), key=lambda f: (f.iou[k], f.mean_iou, f.image_id)
    )
    by = f" by IoU of {hardest}" if len(classes) > 1 else ""
    middle = max(0, len(order) // 2 - EACH // 2)
    chosen = {f"Worst{by}": order[:EACH], f"Median{by}": order[middle : middle + EACH], f"Best{by}": order[::-1][:EACH]}
    if len(order) < 3 * EACH:  # few frames: none twice
        chosen = {f"All frames{f' with {hardest}' * (len(classes) > 1)}, lowest IoU first": order}
    wrong = [f for f in result.frames if math.isnan(f.iou[k]) and "false positive" in f.outcomes]
    chosen["Predicted where the reference has nothing"] = wrong[:EACH]
    galleries = [
        Gallery(title, [_picture(frame, result) for frame in frames]) for title, frames in chosen.items() if frames
    ]
    return Section("pictures", "Frames with contours", pictures=galleries)


def _picture(frame: FrameResult, result: Result) -> Any:
    targets = result.subject.reference.targets
    said = ", ".join(
        f"no {name}" if math.isnan(iou) else f"{name} {iou:.2f}" for name, iou in zip(targets, frame.iou, strict=True)
    )
    patient = f" · patient {frame.patient_id}" if frame.patient_id else ""
    several = f" · first of {len(frame.scores)} networks" if len(frame.scores) > 1 else ""
    return take_picture(
        frame.first.frame, frame.first.labels, result.subject.reference, f"IoU {said}{patient}{several}"
    )


def _banners(result: Result) -> list[str]:
    counts = result.summary["synthetic_frames"], len(result.frames)
    synthetic = []
    if counts[0] == counts[1]:
        synthetic = [
            f"SYNTHETIC: all {many(counts[1], 'frame')} were computed; no score here says anything about a patient."
        ]
    elif counts[0]:
        synthetic = [f"SYNTHETIC: {counts[0]} of {many(counts[1], 'frame')} were computed; they come from no patient."]
    ungrouped = ["Patients are not known: intervals are over frames and too narrow."] * (
        not result.summary["grouped_by_patient"]
    )
    return [*synthetic, *(f"{text[0].upper()}{text[1:]}." for text in result.subject.warnings), *ungrouped]


def _origin(result: Result) -> list[tuple[str, str]]:
    subject, summary = result.subject, result.summary
    known = {
        "Evaluated": f"{subject.kind} {subject.name}",
        "Manifest": str(subject.manifest.path.resolve()),
        "Data hash": summary["data_hash"],
        "Split hash": summary["split_hash"],
        "Model hash": summary.get("model_sha256"),
        "Cross-validation": summary.get("cv_key"),
        "Folder": summary.get("folder"),
        "MLflow run": summary.get("run_id"),
        "Threshold": ", ".join(f"{name} {value:.3g}" for name, value in summary["thresholds"].items()),
        "Bootstrap": f"{summary['settings']['resamples']} resamples of patients",
        "Command": summary["command"],
        "Written": f"{datetime.now().astimezone():%d %B %Y, %H:%M %Z}, trus {__version__}",
    }
    return [(name, text) for name, text in known.items() if text]


def _footer(result: Result) -> list[str]:
    return [
        "Frames whose reference and prediction are both empty are not in the means. A missed target scores IoU 0 and "
        "the frame's diagonal as HD95. A prediction where the reference is empty makes a false-positive frame.",
        "This page holds pictures of the frames: whoever may not see these may not see it.",
    ]


def _template() -> Any:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader("trus.evaluation.report", ""), PackageLoader("trus.data.check", "")])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.jinja")
