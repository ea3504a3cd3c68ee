"""trus itself, by the commands that a user types: `python -m peers.fit_trus`, in the environment of trus.

VARIANT is an experiment of conf/experiment, and after it further overrides with a plus sign between them:
`unet_small+preprocessing.size=[128,128]`. It trains as that recipe says until the wall clock is over and predicts with
the model file of the best epoch by val/iou.
"""

import os
import subprocess
import sys
from pathlib import Path

from peers.task import Task, parse_arguments, write_account

ROOT = Path(__file__).resolve().parents[2]


def command(task: Path, run: Path, variant: str, seconds: float, seed: int) -> list[str]:
    """What a user would type, with the split of the task and the wall clock."""
    experiment, *overrides = variant.split("+")
    fixed = [
        f"experiment={experiment}",
        f"data.manifest={task / 'manifest.csv'}",
        f"hydra.run.dir={run}",
        "logger=none",
    ]
    split = ["split=holdout", f"split.file={task / 'split.json'}", "split.allow_ungrouped=true"]
    clock = [f"trainer.max_time={{seconds:{seconds}}}", f"seed={seed}", "callbacks.export.panels=false"]
    return [sys.executable, str(ROOT / "scripts" / "train.py"), *fixed, *split, *clock, *overrides]


def predict(task: Task, model: Path, out: Path) -> None:
    """`trus predict` on the test part; its masks are moved to where every peer's lie."""
    links = out / "frames"
    links.mkdir()
    for case in task.test:
        (links / f"{case.name}{case.image.suffix}").symlink_to(case.image.resolve())
    subprocess.run(
        [
            sys.executable,
            "-m",
            "trus.cli",
            "predict",
            str(links),
            "--model",
            str(model),
            "--out",
            str(out / "predicted"),
        ],
        check=True,
    )
    (out / "predicted" / "masks").rename(out / "masks")


def read_training(checkpoint: Path) -> dict[str, float]:
    """Steps, epochs, and seconds from the first step to the last validation, as Lightning noted them."""
    import torch

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    seconds = float(content["callbacks"]["Timer"]["time_elapsed"]["train"])
    return {"training_seconds": seconds, "steps": content["global_step"], "epochs": content["epoch"] + 1}


def main() -> None:
    options = parse_arguments()
    out, run = options.out.resolve(), options.out.resolve() / "run"
    arguments = command(options.task.resolve(), run, options.variant, options.seconds, options.seed)
    print(*arguments, flush=True)
    environment = os.environ | {"TRUS_OUTPUTS": str(out)}  # nothing made earlier helps: no cache of frames
    (out / "weights").symlink_to(ROOT / "outputs" / "weights")
    subprocess.run(arguments, env=environment, check=True)
    predict(Task.read(options.task), run / "model.onnx", out)
    write_account(
        out,
        ("trus", "torch", "segmentation-models-pytorch", "onnxruntime"),
        **read_training(run / "checkpoints" / "last.ckpt"),
        overrides=options.variant,
    )


if __name__ == "__main__":
    main()
