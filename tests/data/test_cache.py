"""The cache: whole files whoever writes them, keys that see every change, damage that mends itself."""

import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trus.data import cache as cache_module
from trus.data.cache import Cache
from trus.data.images import read_frame, write_image
from trus.data.manifest import Frame, Manifest
from trus.errors import ImageError
from trus.preprocessing import Preprocessor

SETTINGS = {"size": [64, 96], "channels": "grey3"}


def make(folder: Path, manifest: Manifest, **settings) -> Cache:
    return Cache(folder, Preprocessor.from_dict(SETTINGS | settings), manifest.classes, manifest.verify())


def annotated(manifest: Manifest) -> list[Frame]:
    return [frame for frame in manifest.frames if frame.mask]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def cache(tmp_path, manifest) -> Cache:
    return make(tmp_path / "cache", manifest)


def test_what_is_cached_is_what_the_preprocessor_gives(cache, manifest):
    for frame in annotated(manifest):
        image, target = cache.load(frame)
        expected, geometry = cache.preprocessor(read_frame(frame.image), frame.region)
        assert (image == expected).all()
        assert image.dtype == np.float32
        assert target.dtype == np.uint8
        assert target.shape == (2, 64, 96)
        labels = np.asarray(read_frame(frame.mask))
        assert (target == geometry.forward_planes(manifest.classes.planes(labels))).all()


def test_a_second_load_computes_nothing(cache, manifest, monkeypatch):
    frame = manifest.frames[0]
    first = np.array(cache.load(frame)[0])
    monkeypatch.setattr(cache_module, "read_frame", lambda path: pytest.fail("read again"))
    assert (cache.load(frame)[0] == first).all()


def test_what_is_loaded_is_a_read_only_memory_map(cache, manifest):
    for array in cache.load(manifest.frames[0]):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_preprocessing_region_and_classes_have_files_of_their_own(tmp_path, manifest, cache):
    frame = manifest.frames[2]
    cache.load(frame)
    others = [
        (make(cache.folder, manifest, size=[32, 96]), frame),
        (make(cache.folder, manifest, normalise={"name": "unit"}), frame),
        (make(cache.folder, manifest, denoise={"name": "isotropic_diffusion"}), frame),
        (Cache(cache.folder, cache.preprocessor, manifest.classes.select(("lesion",)), cache.contents), frame),
        (cache, replace(frame, region=(0, 0, 50, 50))),
    ]
    for number, (other, changed) in enumerate(others, 2):
        other.load(changed)
        assert len(files(cache.folder)) == 2 * number


def test_changed_content_is_computed_anew(tmp_path, dataset_copy):
    path = dataset_copy / "manifest.csv"
    frame = Manifest.load(path).frames[1]
    before = np.array(make(tmp_path / "cache", Manifest.load(path)).load(frame)[1])
    write_image(frame.mask, np.zeros((80, 96), np.uint8))
    after = make(tmp_path / "cache", Manifest.load(path)).load(frame)[1]
    assert before.any()
    assert not after.any()
    write_image(frame.image, np.zeros((80, 96), np.uint8))
    make(tmp_path / "cache", Manifest.load(path)).load(frame)
    assert len(files(tmp_path / "cache")) == 6


def test_a_moved_data_set_finds_its_cache(tmp_path, dataset_copy, monkeypatch):
    manifest = Manifest.load(dataset_copy / "manifest.csv")
    make(tmp_path / "cache", manifest).load(manifest.frames[0])
    moved = shutil.move(dataset_copy, tmp_path / "elsewhere")
    cache = make(tmp_path / "cache", Manifest.load(Path(moved) / "manifest.csv"))
    monkeypatch.setattr(cache_module, "read_frame", lambda path: pytest.fail("read again"))
    cache.load(Manifest.load(Path(moved) / "manifest.csv").frames[0])


DAMAGE = {
    "empty": lambda content: b"",
    "header cut": lambda content: content[:40],
    "data cut": lambda content: content[:-100],
    "text": lambda content: b"not numpy's",
    "header overwritten": lambda content: content[:10] + b"{'descr': (((" + content[23:],
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("which", ["image", "target"])
def test_a_damaged_file_is_made_anew(cache, manifest, kind, which):
    frame = manifest.frames[0]
    whole = [np.array(array) for array in cache.load(frame)]
    (path,) = (path for path in files(cache.folder) if which in path.name)
    content = path.read_bytes()
    path.write_bytes(DAMAGE[kind](content))
    for array, expected in zip(cache.load(frame), whole, strict=True):
        assert (array == expected).all()
    assert path.read_bytes() == content


def test_files_can_be_deleted_at_any_time(cache, manifest):
    image, _ = cache.load(manifest.frames[0])
    expected = np.array(image)
    shutil.rmtree(cache.folder)
    assert (image == expected).all()  # a memory map outlives its file
    assert (cache.load(manifest.frames[0])[0] == expected).all()


def test_an_unreadable_frame_leaves_no_file(tmp_path, dataset_copy):
    manifest = Manifest.load(dataset_copy / "manifest.csv")
    cache = make(tmp_path / "cache", manifest)
    manifest.frames[0].image.write_bytes(b"")
    with pytest.raises(ImageError, match=r"p1_0\.png"):
        cache.load(manifest.frames[0])
    assert not files(tmp_path / "cache")


def test_a_full_disk_leaves_no_half_file(small_disk, manifest):
    cache = make(small_disk / "cache", manifest)
    with pytest.raises(OSError, match="No space left"):
        cache.load(manifest.frames[0])
    assert not files(small_disk)


def fill(folder: Path, path: Path) -> None:
    """What two training runs do at once (runs in a process of its own)."""
    manifest = Manifest.load(path)
    cache = make(folder, manifest, size=[256, 256])
    for frame in annotated(manifest):
        cache.load(frame)


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(int) for _ in range(2)]):
            done.result()
        yield pool


def test_two_processes_that_fill_a_cache_at_once_leave_whole_files(tmp_path, dataset, manifest, processes):
    folder = tmp_path / "cache"
    running = [processes.submit(fill, folder, dataset / "manifest.csv") for _ in range(2)]
    seen = 0
    while not all(future.done() for future in running):
        for path in folder.rglob("[!.]*.npy"):
            np.load(path)  # a reader never meets half a file
            seen += 1
    for future in running:
        future.result()
    assert seen
    cache = make(folder, manifest, size=[256, 256])
    for frame in annotated(manifest):
        assert (cache.load(frame)[0] == cache.preprocessor(read_frame(frame.image), frame.region)[0]).all()
    assert len(files(folder)) == 2 * len(annotated(manifest))
    assert not [path for path in files(folder) if path.name.startswith(".")]
