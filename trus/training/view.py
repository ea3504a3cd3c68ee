"""The view of MLflow's page of runs that shows cross-validations best first, with intervals.

MLflow's own first view shows neither metrics nor tags. A view that is shared is a tag of the experiment; the page takes
it by its key: http://HOST:PORT/#/experiments/1/runs?viewStateShareKey=trus
"""

import json

_METRICS = ("cv/iou", "cv/iou_low", "cv/iou_high", "cv/dice")
_TAGS = ("trus.model", "trus.loss", "trus.state", "trus.data")


def view_tags() -> dict[str, str]:
    """Tags of an experiment that hold the view `trus`, and make MLflow show it as one of training."""
    state = {
        "orderByKey": "metrics.`cv/iou`",
        "orderByAsc": False,
        "searchFilter": "tags.`trus.kind` = 'cv'",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [*(f"metrics.`{name}`" for name in _METRICS), *(f"tags.`{name}`" for name in _TAGS)],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
    }
    return {"mlflow.sharedViewState.trus": json.dumps(state), "mlflow.experimentKind": "custom_model_development"}
