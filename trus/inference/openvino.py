"""The OpenVINO backend: a predictor over a model file on the CPU, for processors that it suits better."""

from pathlib import Path

import numpy as np
import openvino

from trus.cores import available_cores
from trus.errors import ModelFileError
from trus.inference.predictor import NetworkPredictor, read_model_file


class OpenVinoPredictor(NetworkPredictor):
    """A model file compiled by OpenVINO for the CPU, in float32 as ONNX Runtime runs it (INT8 files stay INT8)."""

    backend = "openvino"

    def __init__(self, path: Path, threads: int | None = None):
        super().__init__(path, read_model_file(path)[0])
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has it: other masks
            "INFERENCE_NUM_THREADS": threads or available_cores(),
            "ENABLE_CPU_PINNING": False,  # two processes would be pinned to the same cores
        }
        try:
            compiled = openvino.Core().compile_model(path, "CPU", settings)
        except Exception as error:
            text = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
            raise ModelFileError(f"{path}: OpenVINO cannot run it ({text}); leave the backend out") from error
        self._compiled = compiled

    def network(self, batch: np.ndarray) -> np.ndarray:
        """Run the graph; several threads may."""
        request = self._compiled.create_infer_request()
        request.infer({"image": batch})
        return np.array(request.get_tensor("probabilities").data)
