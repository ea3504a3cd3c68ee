"""Augmentation: the target follows the image, ranges are kept, randomness is a seed's."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from trus.data.augmentation import SETTINGS, Augmentation
from trus.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "augmentation"
HEAVY = yaml.safe_load((CONF / "heavy.yaml").read_text())
GEOMETRY = {"flip": 0.5, "rotate": 20, "scale": 0.2, "translate": 0.1}


def scene(channels: int = 1, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Grey -2 with a blob of +3 off the middle, and targets of which the first is the blob; 64 x 96."""
    target = np.zeros((classes, 64, 96), np.uint8)
    target[0, 20:36, 22:44] = 1
    target[1:, 40:50, 60:80] = 1
    return np.repeat(target[:1] * np.float32(5) - 2, channels, 0), target


def many(augmentation: Augmentation, count: int = 12) -> list[tuple[np.ndarray, np.ndarray]]:
    augmentation.seed(0)
    return [augmentation(*scene()) for _ in range(count)]


@pytest.mark.parametrize("name", ["flip", "rotate", "scale", "translate", "elastic"])
def test_the_target_follows_the_image(name):
    results = many(Augmentation(**{name: {**HEAVY, "flip": 1.0}[name]}))
    for image, target in results:
        blob = image[0] > 0.5
        assert blob.any()
        overlap = (blob & (target[0] == 1)).sum() / (blob | (target[0] == 1)).sum()
        assert overlap > 0.9
    assert any((target != scene()[1]).any() for _, target in results)


def test_a_flip_is_a_mirror_image():
    image, target = scene()
    flipped_image, flipped_target = Augmentation(flip=1.0)(image, target)
    assert np.allclose(flipped_image, image[..., ::-1], atol=1e-5)
    assert (flipped_target == target[..., ::-1]).all()


@pytest.mark.parametrize("name", ["brightness", "contrast", "gamma", "speckle", "noise", "blur"])
def test_grey_value_changes_leave_the_target(name):
    image, target = scene()
    image += np.linspace(0, 1, 96, dtype=np.float32)
    augmentation = Augmentation(**{name: HEAVY[name]})
    augmentation.seed(0)
    results = [augmentation(image, target) for _ in range(20)]
    assert all((same == target).all() for _, same in results)
    assert any(np.abs(changed - image).max() > 0.01 for changed, _ in results)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [1, 2, 6])
def test_shapes_types_and_ranges_are_kept(channels, classes):
    augmentation = Augmentation(**HEAVY)
    augmentation.seed(0)
    for _ in range(10):
        image, target = augmentation(*scene(channels, classes))
        assert (image.shape, image.dtype) == ((channels, 64, 96), np.float32)
        assert (target.shape, target.dtype) == ((classes, 64, 96), np.uint8)
        assert image.min() >= -2 - 1e-5
        assert image.max() <= 3 + 1e-5
        assert set(np.unique(target)) <= {0, 1}


def test_a_flat_image_stays_finite():
    augmentation = Augmentation(**HEAVY)
    augmentation.seed(0)
    image, _ = augmentation(np.full((1, 64, 96), 0.3, np.float32), scene()[1])
    assert np.isfinite(image).all()


def test_the_input_is_not_changed():
    image, target = scene()
    image.flags.writeable = target.flags.writeable = False  # as memory maps are
    Augmentation(**HEAVY)(image, target)


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    first, again = (many(Augmentation(**HEAVY), 4) for _ in range(2))
    assert all((a == b).all() for (a, _), (b, _) in zip(first, again, strict=True))
    assert (first[0][0] != first[1][0]).any()
    other = Augmentation(**HEAVY)
    other.seed(1)
    assert (other(*scene())[0] != first[0][0]).any()


def test_seeds_of_any_size_are_taken():
    Augmentation(**GEOMETRY).seed(2**63 + 5)  # torch.initial_seed() has 64 bits


def test_none_is_the_identity():
    settings = yaml.safe_load((CONF / "none.yaml").read_text())
    assert not any(settings.values())
    image, target = scene()
    same_image, same_target = Augmentation(**settings)(image, target)
    assert np.allclose(same_image, image, atol=1e-6)
    assert (same_target == target).all()


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_configs_name_every_setting(path):
    settings = yaml.safe_load(path.read_text())
    assert {*settings} == {*SETTINGS}
    Augmentation(**settings)


@pytest.mark.parametrize("settings", [{"flip": 2}, {"gamma": 1.5}, {"noise": 3}, {"elastic": 1}])
def test_a_setting_out_of_range_is_refused_by_name(settings):
    with pytest.raises(ConfigError, match=rf"augmentation.*{next(iter(settings))}.*out of range"):
        Augmentation(**settings)


def test_an_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown \['rotation'\]; choose from flip, rotate,"):
        Augmentation(rotation=10)
