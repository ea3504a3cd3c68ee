"""The moving average of the weights: what it is, what is kept of it, and going on with it."""

import pytest
import torch
from hydra.utils import instantiate
from pytorch_lightning.callbacks import Callback

from trus.errors import ConfigError
from trus.inference.pytorch import load_checkpoint
from trus.training.callbacks import AverageWeights


class Steps(Callback):
    """The network's weights after every step."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen.append({name: value.clone() for name, value in pl_module.network.state_dict().items()})


def averaged(states, decay):
    average = states[0]
    for n, state in enumerate(states[1:], 1):
        kept = min(decay, (1 + n) / (10 + n))
        average = {name: kept * value + (1 - kept) * state[name] for name, value in average.items()}
    return average


def weights_of(state):
    return {
        name.removeprefix("network."): value
        for name, value in state.items()
        if name.startswith("network.") and value.is_floating_point()
    }


@pytest.fixture
def fitted(prepared, trainer, tmp_path):
    """Epochs, decay, ckpt_path -> last.ckpt of a run with that average, and the weights after each of its steps."""

    def fit(epochs, decay, ckpt_path=None):
        task, data = prepared("callbacks=averaged", f"callbacks.average.decay={decay}")
        steps = Steps()
        callbacks = [instantiate(task.config["callbacks"][name]) for name in ("checkpoint", "last", "average")]
        run = trainer(max_epochs=epochs, callbacks=[steps, *callbacks])
        run.fit(task, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
        return load_checkpoint(tmp_path / "run/checkpoints/last.ckpt"), steps.seen, task

    return fit


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_average_is_kept_and_training_goes_on_from_the_last_weights(fitted, decay):
    checkpoint, steps, task = fitted(6, decay)
    expected = averaged(steps, decay)
    kept, last = weights_of(checkpoint["state_dict"]), weights_of(checkpoint["current_model_state"])
    assert len(steps) > 3
    for name, value in kept.items():
        torch.testing.assert_close(value, expected[name])
        torch.testing.assert_close(last[name], steps[-1][name])
        torch.testing.assert_close(task.network.state_dict()[name], expected[name])
    assert any(not torch.equal(kept[name], last[name]) for name in kept)


def test_what_is_validated_is_the_average(fitted, prepared, trainer):
    checkpoint, _, _ = fitted(3, 0.9)
    (score,) = {
        float(state["current_score"]) for key, state in checkpoint["callbacks"].items() if "BestCheckpoint" in key
    }
    task, data = prepared()
    task.load_state_dict(checkpoint["state_dict"])
    (again,) = trainer().validate(task, datamodule=data)
    assert again["val/iou"] == pytest.approx(score)


def test_going_on_goes_on_with_the_average(fitted, tmp_path):
    first, before, _ = fitted(2, 0.9)
    assert int(first["averaging_state"]["n_averaged"]) == len(before)
    second, after, _ = fitted(4, 0.9, tmp_path / "run/checkpoints/last.ckpt")
    expected = averaged([*before, *after], 0.9)
    for name, value in weights_of(second["state_dict"]).items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(ConfigError, match=f"callbacks.average.decay={decay}: must be at least 0 and below 1"):
        AverageWeights(decay)


def test_a_run_that_the_clock_ends(job, tmp_path, capsys):
    score = job("callbacks=averaged", "scheduler=cosine", "trainer.max_epochs=-1", "trainer.max_time={seconds:2}")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    rates = [float(line.split("lr ")[1]) for line in lines]
    assert 0 <= score <= 1
    assert max(rates) > 1e-3
    assert rates[-1] < 0.1 * max(rates)  # the schedule followed the clock to its end
    assert lines[0].startswith("epoch 1  ")
    assert (tmp_path / "job/model.onnx").is_file()


@pytest.mark.parametrize("wrong", ["00:30:00", "{weeks:2}", "{minutes:-1}"])
def test_a_time_that_is_none_is_refused_in_one_line(job, wrong):
    with pytest.raises(ConfigError, match=r"trainer\.max_time"):
        job(f"trainer.max_time={wrong}")
