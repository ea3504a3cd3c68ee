import subprocess
import sys

CODE = """
import gc, sys
from trus.training.startup import quick_imports
with quick_imports():
    from trus.training.run import train
print(*sorted({"matplotlib", "mlflow", "timm", "torchvision", "transformers"} & {*sys.modules}))
print(gc.isenabled())
from lightning_utilities.core.imports import RequirementCache
print(bool(RequirementCache("torchvision")))
import torchvision
"""


def test_what_training_does_not_use_is_not_imported_and_can_be():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "True", "True"]
