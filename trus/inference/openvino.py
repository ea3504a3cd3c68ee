"""The OpenVINO backend: a predictor over a model file on the CPU, for processors that it suits better."""

from pathlib import Path

import numpy as np
import openvino

from trus.cores import available_cores
from trus.errors import ModelFileError
from trus.inference.predictor import NetworkPredictor, read_model_file


class OpenVinoPredictor(NetworkPredictor):
    """A model file compiled by OpenVINO for the CPU, in float32 as ONNX Runtime runs it (INT8 files stay INT8).

    With `bfloat16` float layers compute in that type, eight bits of mantissa instead of 24: several times as fast where
    the processor has instructions for it, with probabilities that differ in the second digit. Raises ModelFileError
    where it has none.
    """

    def __init__(self, path: Path, threads: int | None = None, bfloat16: bool = False):
        super().__init__(path, read_model_file(path)[0])
        core = openvino.Core()
        if bfloat16 and core.get_property("CPU", "INFERENCE_PRECISION_HINT") != openvino.Type.bf16:
            raise ModelFileError(
                f"{path}: this processor has no bfloat16 instructions (AVX512_BF16, AMX), so openvino-bf16 would gain "
                "nothing; use openvino"
            )
        self.backend = "openvino-bf16" if bfloat16 else "openvino"
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",  # unsaid, OpenVINO takes what is fastest
            "INFERENCE_NUM_THREADS": threads or available_cores(),
            "ENABLE_CPU_PINNING": False,  # two processes would be pinned to the same cores
        }
        try:
            compiled = core.compile_model(path, "CPU", settings)
        except Exception as error:
            text = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
            raise ModelFileError(f"{path}: OpenVINO cannot run it ({text}); leave the backend out") from error
        self._compiled = compiled

    def network(self, batch: np.ndarray) -> np.ndarray:
        """Run the graph; several threads may."""
        request = self._compiled.create_infer_request()
        request.infer({"image": batch})
        return np.array(request.get_tensor("probabilities").data)
