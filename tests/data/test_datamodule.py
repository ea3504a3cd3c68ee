"""The datamodule: batches of the right frames, random where they should be, and clear refusals."""

import multiprocessing
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from trus.data import cache as cache_module
from trus.data.datamodule import FrameDataModule
from trus.data.images import read_mask, write_image
from trus.data.manifest import Manifest
from trus.errors import ConfigError, ManifestError, SplitError

LIGHT = {"flip": 0.5, "rotate": 10, "scale": 0.1, "translate": 0.05}
SPLIT = {
    "kind": "kfold", "folds": 2, "repeats": 1, "fold": 0, "val_fraction": 0.2, "seed": 0, "stratify": True,
    "allow_ungrouped": False,
    "file": None,
}  # fmt: skip


@pytest.fixture
def make(tmp_path, dataset):
    """A prepared datamodule: make(folder of the data set, split settings, other settings)."""

    def build(folder: Path = dataset, split: dict | None = None, augmentation: dict | None = None, seed=0, **data):
        settings = {"manifest": str(folder / "manifest.csv"), "classes": None, "batch_size": 2, "workers": 0}
        module = FrameDataModule(
            settings | {"cache_dir": str(tmp_path / "cache")} | data,
            {"size": [32, 64], "channels": "grey3"},
            augmentation or {},
            SPLIT | (split or {}),
            seed,
        )
        module.prepare()
        return module

    return build


def names(frames) -> set[str]:
    return {frame.image_id for frame in frames}


def test_batches_have_the_contracts_shapes_and_types(make):
    module = make()
    batch = next(iter(module.train_dataloader()))
    assert batch["image"].shape == (2, 3, 32, 64)
    assert batch["image"].dtype == torch.float32
    assert batch["target"].shape == (2, 2, 32, 64)
    assert batch["target"].dtype == torch.float32
    assert set(batch["target"].unique().tolist()) == {0, 1}


def test_each_fold_trains_on_the_patients_that_it_does_not_validate(make):
    parts = [make(split={"fold": fold}) for fold in range(2)]
    for module in parts:
        training, validation = (
            {frame.patient_id for frame in frames} for frames in (module.training_frames, module.validation_frames)
        )
        assert training | validation == {"p1", "p2", "p3", "p4"}
        assert not training & validation
    assert names(parts[0].validation_frames) == names(parts[1].training_frames)


def test_test_frames_and_frames_without_a_mask_are_not_reachable(make):
    module = make()
    reachable = names(module.training_frames) | names(module.validation_frames)
    assert reachable == {"p1_0", "p1_1", "p2_0", "p3_0", "p3_1", "p4_0", "p4_1"}


def test_validation_goes_through_all_frames_in_the_manifests_order(make):
    module = make()
    seen = [int(index) for batch in module.val_dataloader() for index in batch["index"]]
    assert seen == list(range(len(module.validation_frames)))
    assert [frame.row for frame in module.validation_frames] == sorted(frame.row for frame in module.validation_frames)


def test_training_is_shuffled_by_the_seed(make):
    def order(module) -> list[list[int]]:
        loader = module.train_dataloader()
        return [[int(i) for batch in loader for i in batch["index"]] for _ in range(3)]

    assert order(make(batch_size=1)) == order(make(batch_size=1))
    assert order(make(batch_size=1)) != order(make(batch_size=1, seed=1))


def test_a_rest_of_frames_is_dropped_only_where_enough_remain(make):
    module = make()
    count = len(module.training_frames)
    assert len(make(batch_size=count).train_dataloader()) == 1
    assert len(make(batch_size=count + 1).train_dataloader()) == 1
    assert sum(len(batch["image"]) for batch in make(batch_size=2).train_dataloader()) == count // 2 * 2


def test_preparing_again_reads_from_the_cache(make, monkeypatch):
    make()
    monkeypatch.setattr(cache_module, "read_frame", lambda path: pytest.fail("preprocessed again"))
    make()


def test_a_selection_of_classes_gives_their_planes(make):
    module = make(classes=["lesion"])
    assert module.classes.targets == ("lesion",)
    assert next(iter(module.val_dataloader()))["target"].shape[1] == 1


def twins(module, count: int = 8):
    """A loader of one frame many times over: what differs comes from the augmentation."""
    module.training_frames = module.training_frames[-1:] * count
    return module.train_dataloader()


def pictures(loader) -> list[bytes]:
    return [image.numpy().tobytes() for batch in loader for image in batch["image"]]


def test_workers_and_epochs_all_augment_differently(make):
    loader = twins(make(augmentation=LIGHT, workers=2))
    two_epochs = pictures(loader) + pictures(loader)
    assert len(two_epochs) == 16
    assert len(set(two_epochs)) == 16


def test_without_workers_epochs_augment_differently_too(make):
    loader = twins(make(augmentation=LIGHT))
    assert len(set(pictures(loader) + pictures(loader))) == 16


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_augments_alike(make, workers):
    first, again, other = (
        pictures(twins(make(augmentation=LIGHT, workers=workers, seed=seed), 4)) for seed in (0, 0, 1)
    )
    assert first == again
    assert not {*first} & {*other}


def test_without_augmentation_a_frame_stays_as_cached(make):
    module = make(augmentation=dict.fromkeys(LIGHT, 0))
    assert len(set(pictures(twins(module)))) == 1
    image, _ = module.cache.load(module.training_frames[0])
    assert pictures(twins(module, 1))[0] == np.asarray(image).tobytes()


def test_validation_is_never_augmented(make):
    plain, augmented = (pictures(make(augmentation=settings).val_dataloader()) for settings in ({}, LIGHT))
    assert plain == augmented


def test_a_class_that_no_training_frame_shows_is_refused(make, dataset_copy):
    for path in (dataset_copy / "masks").glob("p[1-4]*.png"):
        write_image(path, np.minimum(read_mask(path), 1))
    with pytest.raises(ManifestError, match=r"no training frame holds a pixel of \['lesion'\]; annotate some, choose"):
        make(dataset_copy)


def test_frames_without_patients_need_the_users_word(make, dataset_copy):
    path = dataset_copy / "manifest.csv"
    path.write_text(re.sub(r",p\d,(train|test)", r",,\1", path.read_text()))
    with pytest.raises(SplitError, match=r"7 of 7 frames have no patient_id.*split\.allow_ungrouped=true"):
        make(dataset_copy)
    assert not make(dataset_copy, {"allow_ungrouped": True}).split.grouped


def test_fewer_patients_than_folds_are_refused(make):
    with pytest.raises(SplitError, match=r"split\.folds=5: .* to spread: 4; ask for at most"):
        make(split={"folds": 5})


def test_a_bad_frame_is_refused_before_anything_is_cached(make, dataset_copy, tmp_path):
    (dataset_copy / "images" / "p4_1.png").unlink()
    with pytest.raises(ManifestError, match=r"row 9, column image"):
        make(dataset_copy)
    assert not (tmp_path / "cache").exists()


def test_an_earlier_split_is_used_as_it_is(make, tmp_path):
    make(split={"seed": 5}).split.save(tmp_path / "split.json")
    assert make(split={"file": str(tmp_path / "split.json")}).split.hash == make(split={"seed": 5}).split.hash


def test_a_bad_augmentation_or_preprocessing_is_refused(make):
    with pytest.raises(ConfigError, match="augmentation: unknown"):
        make(augmentation={"zoom": 1})
    with pytest.raises(ConfigError, match="multiples of 32"):
        FrameDataModule({}, {"size": [33, 64]}, {}, SPLIT)


def test_the_manifest_is_that_of_the_settings(make, dataset):
    assert make().manifest.frames == Manifest.load(dataset / "manifest.csv").frames


def test_several_processes_share_the_frames_and_count_each_validation_frame_once(make):
    module, counted, trained = make(), [], []
    for rank in range(2):
        module.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        batches = [*module.val_dataloader()]
        counted += [int(i) + 10 * rank for batch in batches for i in batch["index"][batch["counted"]]]
        trained.append(len(module.train_dataloader()))
    assert len(counted) == len(module.validation_frames)
    assert trained[0] == trained[1]
    module.trainer = SimpleNamespace(global_rank=0, world_size=9)
    with pytest.raises(ConfigError, match="each process needs one"):
        module.val_dataloader()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_what_a_scheduler_sends_to_every_process_of_a_job_is_left_to_the_training_process(make, number):
    loader = make(workers=1).train_dataloader()
    batches = iter(loader)
    seen = len(next(batches)["index"])
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, number)
    assert seen + sum(len(batch["index"]) for batch in batches) == len(loader.dataset)
    assert worker.is_alive()
    del batches, loader
