"""Lightning's view of the data: a manifest, a split and a preprocessing become loaders of batches."""

import multiprocessing
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from rich.progress import track
from torch.utils.data import DataLoader, Dataset, RandomSampler

from trus.data.augmentation import Augmentation
from trus.data.cache import Cache
from trus.data.classes import Classes
from trus.data.manifest import Frame, Manifest
from trus.data.shares import WHOLE, Share, ShareSampler
from trus.data.splits import Split, make_split, require_patients
from trus.errors import ConfigError, ManifestError
from trus.preprocessing import Preprocessor

LEVELS = 255
"""A teacher's probabilities are kept as bytes: 0 is 0, 255 is 1."""


class FrameDataset(Dataset):
    """Items: image float32 (C, h, w), target float32 (K, h, w) of 0 and 1, index of the frame, whether it counts.

    `share`: this process's; it gives augmentation a random stream of its own. `counted`: frames after that many are
    padding and are not scored; None: all count. `taught`: files of a teacher's probabilities, uint8 (K, h, w), by
    image_id; an item has them as `taught` then, float32 in 0..1.
    """

    def __init__(
        self, frames: list[Frame], cache: Cache, augmentation: Augmentation | None = None, share: Share = WHOLE,
        counted: int | None = None, taught: dict[str, Path] | None = None,
    ):  # fmt: skip
        self.frames = frames
        self.cache = cache
        self.augmentation = augmentation
        self.share = share
        self.counted = len(frames) if counted is None else counted
        self.taught = taught

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One frame, augmented where an augmentation was given."""
        image, planes = self.cache.load(self.frames[index])
        count = len(planes)
        if self.taught:
            planes = np.concatenate([planes, np.load(self.taught[self.frames[index].image_id])])
        if self.augmentation is not None:
            image, planes = self.augmentation(np.asarray(image), np.asarray(planes))
        item = {
            "image": torch.from_numpy(np.array(image)),
            "target": torch.from_numpy(np.array(planes[:count])).float(),
            "index": index,
            "counted": index < self.counted,
        }
        if self.taught:
            item["taught"] = torch.from_numpy(planes[count:] / np.float32(LEVELS))
        return item


class FrameDataModule(pl.LightningDataModule):
    """Training and validation frames of one fold of a manifest. The test part is not reachable from here.

    `data`, `preprocessing`, `augmentation` and `split` are the config groups of those names. `prepare` reads and
    checks everything and must be called before the loaders are asked for; where split.fold is `all`, `use` chooses
    the fold then.
    """

    def __init__(
        self, data: dict[str, Any], preprocessing: dict[str, Any], augmentation: dict[str, Any], split: dict[str, Any],
        seed: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.settings, self.split_settings, self.seed = data, split, seed
        self.augmentation = Augmentation(**augmentation) if any(augmentation.values()) else None
        self.preprocessor = Preprocessor.from_dict(preprocessing)
        self.classes: Classes
        self.manifest: Manifest
        self.split: Split
        self.taught: dict[str, Path] | None = None

    def prepare(self) -> None:
        """Load and verify the manifest, split it, and preprocess what the cache does not hold. Raises TrusError."""
        self.manifest = Manifest.load(Path(self.settings["manifest"]))
        chosen = self.settings["classes"]
        self.classes = self.manifest.classes.select(tuple(chosen)) if chosen else self.manifest.classes
        require_patients(self.manifest.frames, self.split_settings["allow_ungrouped"])  # before the slow reading
        self.contents = self.manifest.verify()
        self.split = self._make_split()
        self.cache = Cache(Path(self.settings["cache_dir"]), self.preprocessor, self.classes, self.contents)
        fold = self.split_settings["fold"]
        folds = range(len(self.split.validation)) if fold == "all" else [fold]
        parts = [self._part(fold) for fold in folds]  # a fold that is not there is told before the slow part
        self._held: dict[str, np.ndarray] = {}
        frames = parts[0][0] + parts[0][1]  # every fold has the same frames
        for frame in track(frames, "preprocessing", transient=True):
            self._held[frame.image_id] = np.any(self.cache.load(frame)[1], axis=(1, 2))
        self._check_targets(dict(zip(folds, parts, strict=True)))
        if fold != "all":
            self.use(fold, self.seed)

    def use(self, fold: int, seed: int) -> None:
        """Load the training and validation frames of that fold from now on, shuffled and augmented by that seed."""
        self.seed = seed
        self.training_frames, self.validation_frames = self._part(fold)

    def train_dataloader(self) -> DataLoader:
        """Shuffled batches of training frames."""
        share = self._share()
        # batch normalisation cannot learn from a last batch of one frame
        count, size = share.length(len(self.training_frames)), self.settings["batch_size"]
        drop_last = count > size > 1 and count % size == 1
        frames = FrameDataset(self.training_frames, self.cache, self.augmentation, share, taught=self.taught)
        return self._loader(frames, True, drop_last)

    def val_dataloader(self) -> DataLoader:
        """Validation frames in the manifest's order; with several processes this one's share, filled up to the same
        number for all with frames that are not counted."""
        share = self._share()
        if share.processes > len(self.validation_frames):
            raise ConfigError(
                f"trainer.devices: {share.processes} processes in all, and {len(self.validation_frames)} validation "
                "frames; each process needs one"
            )
        frames, counted = share.pad(self.validation_frames)
        return self._loader(FrameDataset(frames, self.cache, share=share, counted=counted), False, False)

    def _share(self) -> Share:
        return Share(self.trainer.global_rank, self.trainer.world_size) if self.trainer else WHOLE

    def _make_split(self) -> Split:
        if self.split_settings["file"]:
            return Split.load(Path(self.split_settings["file"]), self.manifest.frames)
        return make_split(self.manifest.frames, self.classes, self.contents, self.split_settings)

    def _part(self, fold: int) -> tuple[list[Frame], list[Frame]]:
        training, validation = ({*ids} for ids in self.split.part(fold))
        frames = self.manifest.frames
        return [f for f in frames if f.image_id in training], [f for f in frames if f.image_id in validation]

    def _check_targets(self, parts: dict[int, tuple[list[Frame], list[Frame]]]) -> None:
        """Raise ManifestError that names what every fold lacks."""
        targets = self.classes.targets
        if not self._seen([frame for frames in next(iter(parts.values())) for frame in frames]).any():
            raise ManifestError(
                f"{self.manifest.path}: every mask is empty: no frame holds a pixel of {list(targets)}, so nothing can "
                "be learnt or scored; annotate some or choose other classes (data.classes)"
            )
        problems = []
        for fold, (training, validation) in parts.items():
            where = f"fold {fold}: " if len(parts) > 1 else ""
            missing = [name for name, seen in zip(targets, self._seen(training), strict=True) if not seen]
            if missing:
                problems.append(
                    f"{where}no training frame holds a pixel of {missing}; "
                    "annotate some, choose other classes (data.classes) or another fold (split.fold)"
                )
            if not self._seen(validation).any():
                problems.append(
                    f"{where}no validation frame holds a pixel of {list(targets)}, so nothing can be scored; "
                    "choose another fold (split.fold), fewer folds (split.folds) or another split.seed"
                )
        if problems:
            raise ManifestError(f"{self.manifest.path}: " + "\n  ".join(problems))

    def _seen(self, frames: list[Frame]) -> np.ndarray:
        """Which targets have a pixel in any of the frames, bool (K,)."""
        return np.any([self._held[frame.image_id] for frame in frames], axis=0)

    def _loader(self, dataset: FrameDataset, shuffle: bool, drop_last: bool) -> DataLoader:
        workers = self.settings["workers"]
        if dataset.augmentation is not None and workers == 0:
            dataset.augmentation.seed(dataset.share.seed(self.seed))
        generator = torch.Generator().manual_seed(self.seed) if shuffle else None
        return DataLoader(
            dataset,
            batch_size=self.settings["batch_size"],
            sampler=ShareSampler(RandomSampler(dataset, generator=generator), dataset.share) if shuffle else None,
            drop_last=drop_last,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=seed_worker,
            # the system's own: where joblib has started this process, the default can start joblib's processes only
            multiprocessing_context=multiprocessing.get_all_start_methods()[0] if workers else None,
            pin_memory=torch.cuda.is_available(),
            generator=generator,
        )


def seed_worker(worker: int) -> None:
    """Give each DataLoader worker its own random stream of augmentations, another one each epoch and run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):  # schedulers send them to every process of a job
        signal.signal(number, signal.SIG_IGN)  # the training process answers them, and ends its workers itself
    info = torch.utils.data.get_worker_info()
    if info and isinstance(info.dataset, FrameDataset) and info.dataset.augmentation is not None:
        info.dataset.augmentation.seed(info.dataset.share.seed(torch.initial_seed()))
