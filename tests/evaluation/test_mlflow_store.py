"""MLflow is asked with bounded patience, wherever it is asked from, and what it raises is told as one error."""

import pytest
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT

from trus.errors import ConfigError
from trus.evaluation.locate import locate, read_run
from trus.evaluation.mlflow_store import connect


@pytest.fixture
def free(monkeypatch):
    """MLflow's own patience; what a test sets in the environment is taken back."""
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_a_server_is_tried_twice_for_seconds_and_not_for_minutes(free):
    assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 120
    connect("http://127.0.0.1:9")
    assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 15
    assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 1


def test_what_the_environment_says_counts(free, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "40")
    connect("http://127.0.0.1:9")
    assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 40


def test_a_server_that_is_gone_and_a_damaged_database_are_told(free, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigError, match="could be read from http:"):
        read_run("abc", "http://127.0.0.1:9")
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="could be read from sqlite:///"):
        locate("abc", f"sqlite:///{tmp_path}/mlflow.db")
