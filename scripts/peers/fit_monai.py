"""MONAI's tutorials: `python -m peers.fit_monai`, in the environment of monai.txt.

`unet` is 2d_segmentation/torch/unet_training_dict with DiceCELoss for several classes, `dynunet` the network, crops,
augmentation, optimiser and deep supervision of modules/dynunet_pipeline in two dimensions. Both crop around the
classes, validate with a sliding window and keep the network with the best validation Dice.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai import transforms as mt
from monai.data import CacheDataset, DataLoader, Dataset, decollate_batch, list_data_collate
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.nets import DynUNet, UNet
from monai.utils import set_determinism
from PIL import Image

from peers.task import Case, Clock, Task, parse_arguments, read_grey, write_account

KEYS = ["image", "label"]


@dataclass(frozen=True)
class Recipe:
    """What the two tutorials differ in; `validate_every` epochs, `window` and `overlap` of the sliding window."""

    network: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scaling: Any
    augmentation: list[Any]
    crops: int
    batch: int
    validate_every: int
    window: str
    overlap: float
    patch: tuple[int, int]


def unet(patch: tuple[int, int], classes: int) -> Recipe:
    """The recipe of unet_training_dict.py."""
    network = UNet(2, 1, classes, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2)
    turn = mt.RandRotate90d(KEYS, prob=0.5, spatial_axes=(0, 1))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    return Recipe(network, optimizer, mt.ScaleIntensityd("image"), [turn], 4, 2, 2, "constant", 0.25, patch)


def dynunet(patch: tuple[int, int], classes: int) -> Recipe:
    """The recipe of dynunet_pipeline: train.py, create_network.py and transforms.py."""
    kernels, strides = kernels_strides(patch)
    network = DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=classes,
        kernel_size=kernels,
        strides=strides,
        upsample_kernel_size=strides[1:],
        norm_name="instance",
        deep_supervision=True,
        deep_supr_num=min(3, len(strides) - 2),
    )
    sgd = torch.optim.SGD(network.parameters(), lr=1e-2, momentum=0.99, weight_decay=3e-5, nesterov=True)
    augmentation = [
        mt.RandZoomd(
            KEYS, min_zoom=0.9, max_zoom=1.2, mode=("bilinear", "nearest"), align_corners=(True, None), prob=0.15
        ),
        mt.RandGaussianNoised("image", std=0.01, prob=0.15),
        mt.RandGaussianSmoothd("image", sigma_x=(0.5, 1.15), sigma_y=(0.5, 1.15), prob=0.15),
        mt.RandScaleIntensityd("image", factors=0.3, prob=0.15),
        *(mt.RandFlipd(KEYS, spatial_axis=axis, prob=0.5) for axis in (0, 1)),
    ]
    scaling = mt.NormalizeIntensityd("image", nonzero=True, channel_wise=True)
    return Recipe(network, sgd, scaling, augmentation, 3, 2, 5, "gaussian", 0.5, patch)


RECIPES = {"unet": unet, "dynunet": dynunet}


def kernels_strides(patch: tuple[int, int]) -> tuple[list[list[int]], list[list[int]]]:
    """create_network.py's rule for pixels of equal sides: halve while a side has 8 or more."""
    sides, strides = list(patch), [[1, 1]]
    while any(side >= 8 for side in sides):
        strides.append([2 if side >= 8 else 1 for side in sides])
        sides = [side // stride for side, stride in zip(sides, strides[-1], strict=True)]
    return [[3, 3]] * len(strides), strides


def patch_of(size: tuple[int, int]) -> tuple[int, int]:
    """Three quarters of the frame, as the tutorial's 96 of 128, in multiples of 16."""
    height, width = (max(32, side * 3 // 4 // 16 * 16) for side in size)
    return height, width


class Training:
    """The tutorial's loop, ended by the wall clock."""

    def __init__(self, task: Task, recipe: Recipe, workers: int):
        self.recipe = recipe
        self.loss_function = DiceCELoss(to_onehot_y=True, softmax=True)
        height, width = recipe.patch
        crop = mt.RandCropByPosNegLabeld(
            KEYS, label_key="label", spatial_size=(height, width), pos=1, neg=1, num_samples=recipe.crops
        )
        transform = mt.Compose([recipe.scaling, crop, *recipe.augmentation])
        frames = CacheDataset(list(_load(task, task.train)), transform, progress=False)
        self.frames = DataLoader(
            frames,
            workers,
            batch_size=recipe.batch,
            shuffle=True,
            collate_fn=list_data_collate,
            persistent_workers=True,
        )
        self.validation = DataLoader(Dataset(list(_load(task, task.validation)), recipe.scaling), batch_size=1)
        self.one_hot = mt.AsDiscrete(to_onehot=len(task.labels))
        self.decide = mt.AsDiscrete(argmax=True, to_onehot=len(task.labels))
        self.steps = self.epochs = 0
        self.best, self.state = -1.0, copy.deepcopy(recipe.network.state_dict())

    def run(self, clock: Clock) -> None:
        """Train until the clock is over, validate once more, and put the best network back."""
        clock.start()
        while not clock.over:
            self.epochs += 1
            self._epoch(clock)
            if clock.over or self.epochs % self.recipe.validate_every == 0:
                self._keep_best(clock)
        self.recipe.network.load_state_dict(self.state)

    def _epoch(self, clock: Clock) -> None:
        self.recipe.network.train()
        for batch in self.frames:
            self.recipe.optimizer.zero_grad()
            self._loss(self.recipe.network(batch["image"].as_tensor()), batch["label"].as_tensor()).backward()
            self.recipe.optimizer.step()
            self.steps += 1
            if clock.over:
                return

    def _loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """With deep supervision each head counts half of the one before."""
        heads = torch.unbind(output, dim=1) if output.ndim == 5 else [output]
        return torch.stack([0.5**k * self.loss_function(head, label) for k, head in enumerate(heads)]).sum()

    @torch.no_grad()
    def _keep_best(self, clock: Clock) -> None:
        self.recipe.network.eval()
        dice = DiceMetric(include_background=False)
        for batch in self.validation:
            predicted = [self.decide(one) for one in decollate_batch(infer(self.recipe, batch["image"]))]
            dice(y_pred=predicted, y=[self.one_hot(one) for one in decollate_batch(batch["label"])])
        value = float(np.nan_to_num(dice.aggregate().item()))
        print(f"epoch {self.epochs}: {clock.elapsed:.0f} s, validation Dice {value:.4f}", flush=True)
        if value > self.best:
            self.best, self.state = value, copy.deepcopy(self.recipe.network.state_dict())


@torch.no_grad()
def infer(recipe: Recipe, image: torch.Tensor) -> torch.Tensor:
    """Logits (N, K, H, W) of whole frames (N, 1, H, W)."""
    return sliding_window_inference(image, recipe.patch, 4, recipe.network, recipe.overlap, recipe.window)


def predict(task: Task, recipe: Recipe, out: Any) -> None:
    """Write the test part's masks; logits are brought to the frame's own size before the highest is taken."""
    recipe.network.eval()
    for case, item in zip(task.test, _load(task, task.test), strict=True):
        logits = infer(recipe, torch.as_tensor(recipe.scaling(item)["image"])[None])
        size = read_grey(case.image).shape
        whole = torch.nn.functional.interpolate(torch.as_tensor(logits), size=size, mode="bilinear")
        task.write_prediction(out, case, whole[0].argmax(0).numpy())


def _load(task: Task, cases: list[Case]) -> Iterator[dict[str, np.ndarray]]:
    """Frames and masks brought to the task's size, float32 and uint8 (1, H, W)."""
    height, width = task.size
    for case in cases:
        image = Image.fromarray(read_grey(case.image)).resize((width, height), Image.Resampling.BILINEAR)
        item = {"image": np.array(image, np.float32)[None]}
        if case.mask:
            mask = Image.fromarray(task.read_classes(case.mask)).resize((width, height), Image.Resampling.NEAREST)
            item["label"] = np.array(mask)[None]
        yield item


def main() -> None:
    options = parse_arguments()
    set_determinism(options.seed, use_deterministic_algorithms=False)
    torch.set_num_threads(options.threads)
    task, clock = Task.read(options.task), Clock(options.seconds)
    recipe = RECIPES[options.variant](patch_of(task.size), len(task.labels))
    training = Training(task, recipe, options.threads)
    training.run(clock)
    seconds = clock.elapsed
    predict(task, recipe, options.out)
    write_account(
        options.out,
        ("monai", "torch"),
        training_seconds=seconds,
        steps=training.steps,
        epochs=training.epochs,
        batch=recipe.batch * recipe.crops,
        size=task.size,
        patch=recipe.patch,
        validation_dice=training.best,
    )


if __name__ == "__main__":
    main()
