"""The sections of the report that are numbers: scores by class, gains, strata, folds, the frames to look at."""

import math
from collections.abc import Sequence
from typing import Any

from trus.evaluation.report import charts
from trus.evaluation.report.view import Headline, Section, Table
from trus.evaluation.report.words import GROUPS, digits_of, estimate, group, interval, label, many, number, signed
from trus.evaluation.result import FrameResult, Result

_MISSES = {
    "missed": "Missed: the reference holds the class, the prediction does not",
    "false positive": "False positive: predicted, though the reference holds none",
}


def result_section(result: Result) -> Section:
    """The headline number first, then the counts."""
    summary = result.summary
    together, counts = summary["all"], summary["all"]["counts"]
    several = len(summary["classes"]) > 1
    iou = together["iou"]
    over = many(iou["patients"], "patient") if summary["grouped_by_patient"] else "frames, as patients are not known"
    meaning = f"mean per-image IoU{', mean of the classes' * several}, over {over}"
    if iou["value"] is None:
        headline = Headline("–", "not defined", f"mean per-image IoU: {iou.get('reason', 'nothing to score')}")
    else:
        headline = Headline(number(iou["value"]), f"95 % interval {interval(iou)}", meaning)
    scores = {f"IoU, {name}": part["iou"] for name, part in summary["classes"].items()} if several else {}
    scores |= {"Dice": together["dice"], "IoU, all pixels together": together["pooled_iou"]}
    fates = {"frames": "frames", "patients": "patients", "missed": "targets missed (IoU 0)"}
    fates |= {"false_positive_frames": "false-positive frames", "both_empty": "both masks empty, not scored"}
    tiles = [
        [(number(part["value"]), f"{name} ({interval(part)})") for name, part in scores.items()],
        [(f"{counts[key]:g}", text) for key, text in fates.items()],
    ]
    return Section("result", "Result", headline=headline, tiles=tiles)


def metrics_section(result: Result) -> Section:
    """Every metric by class, in tables."""
    summary = result.summary
    parts = (
        dict(summary["classes"])
        if len(summary["classes"]) == 1
        else {"all classes": summary["all"], **summary["classes"]}
    )
    keys = [k for k in dict.fromkeys(key for part in parts.values() for key in part) if k != "counts"]
    tables = []
    for name in (*GROUPS, "Further"):
        chosen = sorted((key for key in keys if group(key) == name), key=_rank)
        if chosen:
            tables.append(_metrics_table(name, chosen, parts))
    texts = [
        "In brackets: 95 % interval, from resampled patients. A dash: not defined, with the reason below the table."
    ]
    return Section("metrics", "All metrics", texts, tables=tables)


def _rank(key: str) -> int:
    bare = key.removeprefix("patient_").removeprefix("pooled_")
    order = ("iou", "dice", "precision", "recall")
    return order.index(bare) if bare in order else len(order)


def _metrics_table(title: str, keys: list[str], parts: dict[str, dict[str, Any]]) -> Table:
    parts = {name: part for name, part in parts.items() if any(key in part for key in keys)}
    cells = [
        [label(key), *(estimate(part[key], digits_of(key)) if key in part else "" for part in parts.values())]
        for key in keys
    ]
    reasons: dict[str, list[str]] = {}
    for key in keys:
        for name, part in parts.items():
            if key in part and part[key]["value"] is None:
                reasons.setdefault(part[key].get("reason", ""), []).append(
                    f"{label(key)} ({name})" if len(parts) > 1 else label(key)
                )
    note = ". ".join(f"{reason[:1].upper()}{reason[1:]}: {'; '.join(which)}" for reason, which in reasons.items())
    return Table(
        ["", *parts], cells, title, f"Not defined. {note}." if note else "", look="even" if len(parts) < 5 else ""
    )


def gains_section(result: Result) -> Section:
    """What each step of the prediction gained over the plain one, and its cost."""
    rows = result.summary["stages"]
    if len(rows) < 2 and rows[0]["seconds"] is None and not result.choice:
        return Section("gains", "")
    base = rows[0]["seconds"]
    cells = [
        [
            row["name"],
            estimate(row["iou"]),
            signed(row["gain"]),
            number(row["seconds"], 2),
            _times(row["seconds"], base),
        ]
        for row in rows
    ]
    note = (
        "Each line adds its step to the line above. Gain: mean of the differences within frames, against the first "
        "line; an interval that holds 0 shows no gain. Seconds: median a frame, on the machine of the evaluation."
    )
    header = ["Prediction", "IoU", "Gain", "Seconds a frame", "Times the first"]
    table = Table(header, cells, note=note)
    return Section("gains", "Options: gain and cost", result.choice, tables=[table])


def _times(seconds: float | None, base: float | None) -> str:
    return f"{seconds / base:.1f}" if seconds and base else "–"


def distribution_section(result: Result) -> Section:
    """Where the mean comes from: frames and patients."""
    plots = []
    for k, name in enumerate(result.subject.reference.targets):
        scored = [frame for frame in result.frames if not math.isnan(frame.iou[k])]
        if scored:
            plots.append(
                charts.iou_histogram(name, k, [f.iou[k] for f in scored], result.summary["classes"][name]["iou"])
            )
    for k, name in enumerate(result.subject.reference.targets):
        by_patient: dict[str, list[tuple[str, float]]] = {}
        for frame in result.frames:
            if not math.isnan(frame.iou[k]):
                by_patient.setdefault(frame.patient, []).append((frame.image_id, frame.iou[k]))
        if result.summary["grouped_by_patient"] and len(by_patient) > 1:
            shown = {patient: patient.split(" ", 1)[1] for patient in by_patient}
            plots.append(charts.patients_chart(name, k, by_patient, shown))
    return Section("distributions", "Frames and patients", plots=plots)


def probability_section(result: Result) -> Section:
    """Calibration and thresholds."""
    where = sorted({f"{name} inside {'the ' + area}" for frame in result.scored
                    for name, area in zip(result.subject.reference.targets, frame.areas, strict=True)})  # fmt: skip
    text = f"Calibration is measured by pixel: {', '.join(where)}."
    plots = [charts.reliability_chart(result.curves), charts.threshold_chart(result.curves, result.subject.thresholds)]
    return Section("probabilities", "Calibration and threshold", [text], plots=plots)


def detection_section(result: Result) -> Section:
    """Finding components and frames."""
    made = (
        charts.froc_chart(result.curves),
        charts.precision_recall_chart(result.curves),
        charts.roc_chart(result.curves),
    )
    text = (
        "A component of the reference (8-connected) counts as found when a predicted one reaches IoU "
        f"{result.summary['settings']['hit_iou']:g} with it, one to one."
    )
    return Section("detection", "Finding what is there", [text], plots=[plot for plot in made if plot])


def area_section(result: Result) -> Section:
    """Bland-Altman."""
    return Section("areas", "Agreement of areas", plots=charts.area_charts(result.curves, result.summary["classes"]))


def strata_section(result: Result) -> Section:
    """The headline metrics in every stratum."""
    tables = [_strata_table(column, strata) for column, strata in result.summary["strata"].items()]
    texts = ["A stratum of few patients has a wide interval; that two differ is not shown by looking at two of them."]
    return Section("strata", "Strata", texts, tables=tables)


def _strata_table(column: str, strata: dict[str, dict[str, Any]]) -> Table:
    """Over all classes and for each; by the size of a class for that class alone."""
    first = next(iter(strata.values()))
    names = [name for name in first["classes"] if column == f"size of {name}"] or list(first["classes"])
    together = len(names) > 1
    rows = []
    for stratum, summary in strata.items():
        shown = [summary["all"]] * together + [summary["classes"][name] for name in names]
        counts = {key: f"{value:g}" for key, value in shown[0]["counts"].items()}
        cells = [counts["frames"], counts["patients"], *(estimate(part["iou"]) for part in shown)]
        rows.append([stratum, *cells, counts["missed"], counts["false_positive_frames"]])
    scores = ["IoU, all classes"] * together + [f"IoU, {name}" for name in names]
    return Table([column, "Frames", "Patients", *scores, "Missed", "False-positive frames"], rows, f"By {column}")


def folds_section(result: Result) -> Section:
    """How far folds and seeds lie apart."""
    rows = result.summary.get("networks", [])
    if len(rows) < 2:
        return Section("folds", "")
    values = [row["iou"]["value"] for row in rows if row["iou"]["value"] is not None]
    spread = f"Mean IoU of the networks: {number(min(values))} to {number(max(values))}. " if values else ""
    text = (
        spread
        + "Folds differ by their patients and by chance of training; the interval of the result is the one above."
    )
    cells = [
        [row["name"], f"{row['iou']['frames']:g}", f"{row['iou']['patients']:g}", estimate(row["iou"])] for row in rows
    ]
    table = Table(["Network", "Frames scored", "Patients", "IoU"], cells, look="fitted")
    return Section("folds", "Folds", [text], plots=[charts.folds_chart(rows)], tables=[table])


def misses_section(result: Result) -> Section:
    """Frames that a mean hides: targets that were missed, and what was predicted where there is nothing."""
    tables = []
    for outcome, title in _MISSES.items():
        rows = [
            row for frame in result.frames for row in _outcome_rows(frame, outcome, result.subject.reference.targets)
        ]
        if rows:
            tables.append(
                Table(
                    ["Frame", "Patient", "Class", "Reference, px", "Predicted, px", "Networks"],
                    rows,
                    title,
                    words=3,
                )
            )
    texts = [] if tables else ["No target was missed, and nothing was predicted in a frame without it."]
    return Section("misses", "Missed targets and false positives", texts, tables=tables)


def _outcome_rows(frame: FrameResult, outcome: str, targets: Sequence[str]) -> list[list[str]]:
    rows = []
    for k, name in enumerate(targets):
        met = [score.classes[k] for score in frame.scores if score.classes[k].outcome == outcome]
        if met:
            predicted = number(sum(part.predicted for part in met) / len(met), 0)
            rows.append([frame.image_id, frame.patient_id or "", name, number(met[0].reference, 0), predicted,
                         f"{len(met)} of {len(frame.scores)}"])  # fmt: skip
    return rows


def frames_section(result: Result) -> Section:
    """Every frame's IoU, folded away."""
    targets = result.subject.reference.targets
    ordered = sorted(result.frames, key=lambda f: (math.isnan(f.mean_iou), f.mean_iou, f.image_id))
    rows = [
        [f.image_id, f.patient_id or "", *(number(None if math.isnan(v) else v) for v in f.iou), f.outcomes]
        for f in ordered
    ]
    header = ["Frame", "Patient", *(f"IoU, {name}" for name in targets), "Outcome"]
    table = Table(header, rows, words=2, folded=f"All {many(len(rows), 'frame')}, lowest IoU first")
    return Section("frames", "Frame by frame", ["The same and more is in frames.csv and patients.csv."], tables=[table])
