"""An evaluation in MLflow: beside the run that it is about, or as a run of its own for a model file."""

from pathlib import Path
from typing import Any

from trus.evaluation.cross_validation.folder import CvFolder, Member
from trus.evaluation.mlflow_store import connect
from trus.evaluation.subjects.subject import Subject

OWN_FRAMES = ("out-of-fold", "validation")
"""Parts that belong to the run itself; what it scores on others is named after them."""


def publish(summary: dict[str, Any], files: list[Path], subject: Subject, config: dict[str, Any]) -> str | None:
    """Log metrics `eval/...` and `files` (folder evaluation/); returns what was done in a line, None without a logger.

    On another part than the run's own the names are `eval_test/...` and evaluation_test/. A store that cannot be
    reached loses nothing: the line says so, and the files stay where they are.
    """
    if not config["logger"]:
        return None
    located = subject.located
    suffix = "" if located is None or subject.part in OWN_FRAMES else f"_{subject.part}"
    try:
        if located is None:
            uri, run_id = config["logger"]["tracking_uri"], _create_run(summary, subject, config)
        elif located.run_id is None:
            return f"not logged: {located.path} was trained without MLflow"
        else:
            uri, run_id = located.tracking_uri, located.run_id
        client = connect(str(uri))
        for name, value in headline_metrics(summary).items():
            client.log_metric(run_id, f"eval{suffix}/{name}", value)
        for file in files:
            client.log_artifact(run_id, str(file), f"evaluation{suffix}")
        if subject.cv and config["choose"]:
            for member in subject.cv.members():
                renew_model_file(client, subject.cv, member)
        if located is None:
            client.set_terminated(run_id)
    except Exception as error:  # noqa: BLE001 (MLflow, SQLAlchemy and the network each raise their own)
        return f"not logged to MLflow, only the files are there: {error}"
    return f"MLflow run {run_id}, evaluation{suffix}/"


def renew_model_file(client: Any, cv: CvFolder, member: Member) -> None:
    """Log a network's model file again: it holds the chosen operating point now."""
    run_id, model_file = cv.progress(member).run_id, cv.run_dir(member) / "model.onnx"
    if run_id and model_file.is_file():
        client.log_artifact(run_id, str(model_file))


def complete_summary(subject: Subject, config: dict[str, Any]) -> None:
    """Write what a cross-validation's last job would have written, where it was killed before or others ended since."""
    if subject.cv is None:
        return
    written = subject.cv.path / "summary.json"
    ended = [path.stat().st_mtime for path in subject.cv.path.glob("members/*/validation.csv")]
    if not ended or (written.is_file() and written.stat().st_mtime >= max(ended)):
        return
    from trus.training.cv_results import publish as write_results

    content = subject.cv.read()
    tracked = config["logger"] and content.parent_run_id
    write_results(subject.cv, config["logger"] | {"tracking_uri": content.tracking_uri} if tracked else None)


def headline_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """IoU with its interval and Dice over all classes, and by class where there are several."""
    parts = {"": summary["all"]}
    if len(summary["classes"]) > 1:
        parts |= {f"{name}/": part for name, part in summary["classes"].items()}
    found: dict[str, float | None] = {}
    for prefix, part in parts.items():
        found |= {f"{prefix}iou": part["iou"]["value"], f"{prefix}dice": part["dice"]["value"]}
        found |= {f"{prefix}iou_{end}": part["iou"][end] for end in ("low", "high")}
    return {name.replace(" ", "_"): value for name, value in found.items() if value is not None}


def _create_run(summary: dict[str, Any], subject: Subject, config: dict[str, Any]) -> str:
    from trus.training.tracking import create_logger

    tags = {
        "trus.kind": "evaluation",
        "trus.model": subject.name,
        "trus.data_hash": summary["data_hash"],
        "trus.split_hash": summary["split_hash"],
        "trus.part": subject.part,
    }
    logger = create_logger(config["logger"], f"evaluation {subject.name} {subject.part}", tags)
    assert logger is not None
    assert logger.run_id is not None
    return logger.run_id
