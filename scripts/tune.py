"""Tune a configuration by cross-validation; conf/tune.yaml lists what people type most."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from trus.script import run_script
from trus.tuning.settings import read_settings


@hydra.main(version_base="1.3", config_path="../conf", config_name="tune")
def main(config: DictConfig) -> None:
    settings = read_settings(config, Path(__file__).with_name("train.py"))  # before the slow imports
    from trus.tuning.run import tune

    tune(settings)


if __name__ == "__main__":
    run_script(main)
