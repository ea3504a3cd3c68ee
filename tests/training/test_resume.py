import pytest
from hydra.utils import instantiate

from trus.errors import ConfigError
from trus.training.resume import check_resumable, read_earlier


@pytest.fixture
def checkpoint(prepared, trainer, tmp_path):
    """A checkpoint after one epoch of fold 0."""
    task, data = prepared()
    trainer(callbacks=[instantiate(task.config["callbacks"]["last"])]).fit(task, datamodule=data)
    return tmp_path / "run/checkpoints/last.ckpt"


def check(prepared, checkpoint, *overrides):
    task, data = prepared(f"ckpt_path={checkpoint}", *overrides)
    check_resumable(read_earlier(checkpoint), task.config, data)


def test_the_same_work_goes_on(prepared, checkpoint):
    check(prepared, checkpoint, "optimizer.lr=1e-5", "data.batch_size=2")


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("split.fold=1", "split.fold: 0 then, 1 now"),
        ("split.seed=5", "split (hash)"),
        ("data.classes=[gland]", "classes"),
        ("preprocessing.size=[64,64]", "preprocessing"),
        ("model.widths=[8,8]", "model"),
    ],
)
def test_other_work_is_refused_because_it_would_validate_on_training_frames_or_not_fit(
    prepared, checkpoint, override, named
):
    with pytest.raises(ConfigError, match="comes from other work") as error:
        check(prepared, checkpoint, override)
    assert named in str(error.value)


def test_a_checkpoint_with_nothing_left_to_do_says_so(prepared, checkpoint):
    with pytest.raises(ConfigError, match=r"has 1 epochs already; raise trainer\.max_epochs"):
        check(prepared, checkpoint, "trainer.max_epochs=1")
