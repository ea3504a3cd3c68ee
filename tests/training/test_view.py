"""The shared view is a tag of a new experiment, and its search is one that MLflow understands."""

import json

from trus.training.store import Store


def test_a_new_experiment_carries_the_view_of_cross_validations(tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    store = Store(uri)
    client = MlflowClient(uri)
    client.create_experiment("trus", tags={"mlflow.experimentKind": "mine"})
    assert client.get_experiment(store._experiment(client, "trus", None)).tags["mlflow.experimentKind"] == "mine"
    number = store._experiment(client, "other", None)
    assert client.get_experiment(number).tags["mlflow.experimentKind"] == "custom_model_development"
    state = json.loads(client.get_experiment(number).tags["mlflow.sharedViewState.trus"])
    fold, parent = (client.create_run(number, tags={"trus.kind": kind}).info.run_id for kind in ("fold", "cv"))
    found = client.search_runs([number], state["searchFilter"], order_by=[f"{state['orderByKey']} DESC"])
    assert [run.info.run_id for run in found] == [parent] != [fold]
    assert "metrics.`cv/iou_low`" in state["selectedColumns"]
