"""Deployment never loads the training stack."""

import subprocess
import sys

HEAVY = {
    *("albumentations", "hydra", "mlflow", "omegaconf", "onnx", "pytorch_lightning", "segmentation_models_pytorch"),
    *("skimage", "sklearn", "timm", "torch", "torchmetrics", "torchvision", "transformers"),
}


def loaded(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {*done.stdout.split()}


def test_inference_is_imported_without_the_training_stack():
    modules = loaded(
        "import trus.cli, trus.data.annotations, trus.data.manifest, trus.data.phantom\n"
        "import trus.inference.batch, trus.inference.inputs, trus.inference.metadata, trus.inference.overlay\n"
        "import trus.inference.augmented, trus.inference.ensemble, trus.inference.postprocessing\n"
        "import trus.inference.predictor, trus.inference.record, trus.preprocessing"
    )
    assert "onnxruntime" in modules
    assert not modules & HEAVY


def test_the_command_line_is_imported_without_anything_heavy():
    assert not loaded("import trus.cli") & (HEAVY | {"numpy", "pandas", "pandera", "scipy", "cv2", "onnxruntime"})
