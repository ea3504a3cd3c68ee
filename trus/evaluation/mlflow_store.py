"""MLflow's store as evaluation and training ask it: with bounded patience."""

import os
from typing import Any


def connect(tracking_uri: str) -> Any:
    """An MlflowClient of the store there; mlflow is imported on first use, which takes seconds.

    A server that is gone is told within seconds: by itself MLflow waits for 120 s and tries eight times. What the
    environment says of MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES counts.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri)
