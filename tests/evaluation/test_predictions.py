import numpy as np
import pytest

from trus.errors import ModelFileError
from trus.evaluation.predictions import Predictions, write_predictions


def test_probabilities_come_back_within_half_a_step_and_decide_as_before(tmp_path):
    random = np.random.default_rng(0)
    frames = {"кадр 1/a": random.random((2, 30, 41), np.float32), "b": np.ones((2, 5, 7), np.float32)}
    frames["кадр 1/a"][:, :4] = 0
    frames["b"][0, 0, 0] = 0.5
    write_predictions(tmp_path / "p.zip", ("gland", "lesion"), frames.items())
    read = Predictions(tmp_path / "p.zip")
    assert ([*read], read.targets) == ([*frames], ("gland", "lesion"))
    for name, given in frames.items():
        assert np.abs(read[name] - given)[given >= 1 / 256].max() <= 1 / 512 + 1e-6
        assert (read[name][given < 1 / 256] == 0).all()
        for threshold in (0.25, 0.5, 0.75):
            assert ((read[name] >= threshold) == (given >= threshold)).all()


def test_damaged_and_missing_files_are_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.zip: no such predictions"):
        Predictions(tmp_path / "none.zip")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ModelFileError, match=r"bad\.zip: no predictions of trus"):
        Predictions(tmp_path / "bad.zip")
    write_predictions(tmp_path / "p.zip", ("a",), [("x", np.random.default_rng(0).random((1, 50, 50), np.float32))])
    content = bytearray((tmp_path / "p.zip").read_bytes())
    content[40:60] = bytes(20)
    (tmp_path / "p.zip").write_bytes(content)
    with pytest.raises(ModelFileError, match="prediction of x is damaged"):
        _ = Predictions(tmp_path / "p.zip")["x"]
