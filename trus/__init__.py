import os

__version__ = "0.1.0"

# ONNX Runtime sends data on each session to its maker unless this is set before it is imported (1.29 and later, Linux)
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# MLflow tells its makers which of its functions are used, on which system
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
