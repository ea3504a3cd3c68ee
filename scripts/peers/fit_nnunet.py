"""nnU-Net v2, 2d, with its own planner: `python -m peers.fit_nnunet`, in the environment of nnunet.txt.

`default` plans for the memory that nnU-Net assumes (8 GB), `small` for 1 GB: a smaller patch and batch, and so more
steps in the same time. Of the trainer only the end and what depends on it are changed: it stops by the wall clock, the
polynomial decay of the learning rate follows it, and there is no pause for its online validation.
"""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from peers.task import Case, Clock, Task, parse_arguments, read_grey, write_account

DATASET = "Dataset001_peer"
MEMORY_GB = {"default": None, "small": 1.0}
FOLDERS = ("raw", "preprocessed", "results")


def set_environment(out: Path, threads: int) -> None:
    """nnU-Net takes its folders and its processes from the environment, when it is imported."""
    for name in FOLDERS:
        os.environ[f"nnUNet_{name}"] = str(out / name)
    os.environ |= {"nnUNet_n_proc_DA": str(threads), "nnUNet_def_n_proc": str(threads), "nnUNet_compile": "f"}


def write_dataset(task: Task, out: Path) -> list[str]:
    """The raw data set of training and validation part; returns the names of the cases, training first."""
    folder = out / "raw" / DATASET
    names = []
    for case in [*task.train, *task.validation]:
        assert case.mask
        names.append(f"case_{len(names):05d}")
        _write_image(case, folder / "imagesTr", names[-1])
        path = folder / "labelsTr" / f"{names[-1]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(task.read_classes(case.mask)).save(path)
    labels = {name: number for number, name in enumerate(task.names)}
    content = {"channel_names": {"0": "ultrasound"}, "labels": {"background": 0} | _without_first(labels)}
    content |= {"numTraining": len(names), "file_ending": ".png"}
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    return names


def prepare(task: Task, out: Path, variant: str, threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fingerprint, plan, preprocessing, and the split as given; returns the plans and dataset.json."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
        preprocess,
    )

    names = write_dataset(task, out)
    extract_fingerprints([1], num_processes=threads, check_dataset_integrity=True, show_progress_bar=False)
    plan_experiments([1], gpu_memory_target_in_gb=MEMORY_GB[variant], overwrite_plans_name="plans")
    preprocess([1], "plans", ["2d"], [threads], show_progress_bar=False)
    folder = out / "preprocessed" / DATASET
    split = {"train": names[: len(task.train)], "val": names[len(task.train) :]}
    (folder / "splits_final.json").write_text(json.dumps([split]), encoding="utf-8")
    return tuple(json.loads((folder / name).read_text("utf-8")) for name in ("plans.json", "dataset.json"))  # type: ignore[return-value]


def make_trainer(plans: dict[str, Any], dataset: dict[str, Any], clock: Clock) -> Any:
    """nnU-Net's trainer of fold 0, the split given, that stops when the clock is over."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    class WallClockTrainer(nnUNetTrainer):
        steps = 0
        seconds = 0.0

        def run_training(self) -> None:
            """As the original, without epochs: nobody knows their number beforehand."""
            self.on_train_start()
            clock.start()
            self.network.train()
            while not clock.over:
                for group in self.optimizer.param_groups:
                    group["lr"] = self.initial_lr * (1 - clock.share) ** 0.9
                loss = self.train_step(next(self.dataloader_train))["loss"]
                self.steps += 1
                if self.steps % 10 == 1:
                    print(f"step {self.steps}: {clock.elapsed:.0f} s, loss {float(loss):.4f}", flush=True)
            self.seconds = clock.elapsed
            self.on_train_end()

    plans = plans | {"continue_training": False}  # what its command adds, and its trainer takes out again
    return WallClockTrainer(plans, "2d", 0, dataset, device=torch.device("cpu"))


def predict(task: Task, trainer: Any, dataset: dict[str, Any], out: Path) -> None:
    """Write the test part's masks as nnU-Net predicts by default: sliding window and mirror images."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    trainer.set_deep_supervision_enabled(False)
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
    predictor.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        [trainer.network.state_dict()],
        dataset,
        type(trainer).__name__,
        trainer.inference_allowed_mirroring_axes,
    )
    answers = out / "answers"
    answers.mkdir()
    images = [[str(_write_image(case, out / "raw" / DATASET / "imagesTs", case.name))] for case in task.test]
    predictor.predict_from_files_sequential(images, [str(answers / case.name) for case in task.test])
    for case in task.test:
        task.write_prediction(out, case, np.asarray(Image.open(answers / f"{case.name}.png")))


def _write_image(case: Case, folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_0000.png"
    Image.fromarray(read_grey(case.image)).save(path)
    return path


def _without_first(labels: dict[str, int]) -> dict[str, int]:
    """nnU-Net wants class 0 to be called background, whatever the set calls it."""
    return {name: number for name, number in labels.items() if number > 0}


def main() -> None:
    options = parse_arguments()
    begun = time.perf_counter()
    set_environment(options.out, options.threads)
    import torch

    torch.manual_seed(options.seed)
    np.random.seed(options.seed)
    torch.set_num_threads(options.threads)
    task, clock = Task.read(options.task), Clock(options.seconds)
    plans, dataset = prepare(task, options.out, options.variant, options.threads)
    trainer = make_trainer(plans, dataset, clock)
    prepared = time.perf_counter() - begun
    trainer.run_training()
    predict(task, trainer, dataset, options.out)
    plan = plans["configurations"]["2d"]
    for name in ("raw", "preprocessed"):
        shutil.rmtree(options.out / name)  # as large as the data, and made again from them
    write_account(
        options.out,
        ("nnunetv2", "dynamic-network-architectures", "batchgeneratorsv2", "torch"),
        training_seconds=trainer.seconds,
        preparation_seconds=prepared,
        steps=trainer.steps,
        batch=plan["batch_size"],
        patch=plan["patch_size"],
        plan=plan,
    )


if __name__ == "__main__":
    main()
